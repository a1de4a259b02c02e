// The tile instructions of AMX, as Intel's manual has them (SDM volume 2, TDPBF16PS and others),
// for AmxGemm (core/kernel/fast/amx_gemm.h). What would raise an exception fails the test.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/kernel/fast/amx_gemm.h"
#include "core/util/dtype.h"

namespace mosaic {

class EmulatedTiles {
 public:
  static void Configure(const AmxConfig& c) {
    EXPECT_FALSE(configured_) << "the state of the call before was not released";
    EXPECT_EQ(c.palette, 1);
    EXPECT_EQ(c.start_row, 0);
    for (uint8_t x : c.reserved) EXPECT_EQ(x, 0);
    for (int i = 0; i < 16; ++i) {
      EXPECT_LE(c.rows[i], i < 8 ? 16 : 0);
      EXPECT_LE(c.row_bytes[i], i < 8 ? 64 : 0);
      EXPECT_EQ(c.rows[i] == 0, c.row_bytes[i] == 0);
    }
    config_ = c;
    configured_ = true;
    std::memset(tiles_, 0, sizeof tiles_);
  }
  static void Release() {
    EXPECT_TRUE(configured_);
    configured_ = false;
  }
  static bool configured() { return configured_; }

  template <int kTile>
  static void Load(const void* from, int64_t stride) {
    Check(kTile);
    for (int r = 0; r < config_.rows[kTile]; ++r) {
      std::memset(tiles_[kTile][r], 0, 64);
      std::memcpy(tiles_[kTile][r], static_cast<const char*>(from) + r * stride,
                  config_.row_bytes[kTile]);
    }
    for (int r = config_.rows[kTile]; r < 16; ++r) std::memset(tiles_[kTile][r], 0, 64);
  }

  template <int kTile>
  static void Store(void* to, int64_t stride) {
    Check(kTile);
    for (int r = 0; r < config_.rows[kTile]; ++r) {
      std::memcpy(static_cast<char*>(to) + r * stride, tiles_[kTile][r], config_.row_bytes[kTile]);
    }
  }

  template <int kC, int kA, int kW>
  static void MultiplyAdd() {
    static_assert(kC != kA && kC != kW && kA != kW, "#UD");
    Check(kC), Check(kA), Check(kW);
    EXPECT_EQ(config_.row_bytes[kA] % 4, 0);
    EXPECT_EQ(config_.row_bytes[kA] / 4, config_.rows[kW]);
    EXPECT_EQ(config_.row_bytes[kC], config_.row_bytes[kW]);
    EXPECT_EQ(config_.rows[kC], config_.rows[kA]);
    for (int m = 0; m < config_.rows[kC]; ++m) {
      for (int n = 0; n < config_.row_bytes[kC] / 4; ++n) {
        float even = 0, odd = 0;
        for (int k = 0; k < config_.rows[kW]; ++k) {
          even = Flush(std::fma(Half(kA, m, 2 * k), Half(kW, k, 2 * n), even));
          odd = Flush(std::fma(Half(kA, m, 2 * k + 1), Half(kW, k, 2 * n + 1), odd));
        }
        float c;
        std::memcpy(&c, tiles_[kC][m] + 4 * n, 4);
        c = Flush(Flush(c) + Flush(even + odd));
        std::memcpy(tiles_[kC][m] + 4 * n, &c, 4);
      }
    }
  }

 private:
  static void Check(int tile) {
    EXPECT_TRUE(configured_);
    EXPECT_GT(config_.rows[tile], 0) << "tile " << tile;
  }
  static float Flush(float x) {
    return std::fabs(x) < std::numeric_limits<float>::min() ? 0 * x : x;
  }
  static float Half(int tile, int row, int i) {
    uint16_t h;
    std::memcpy(&h, tiles_[tile][row] + 2 * i, 2);
    return Flush(BFloat16ToFloat(h));
  }

  static inline AmxConfig config_;
  static inline bool configured_ = false;
  static inline char tiles_[8][16][64];
};

}  // namespace mosaic
