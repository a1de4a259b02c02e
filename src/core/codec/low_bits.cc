#include "core/codec/low_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/kernel/cast.h"
#include "core/kernel/delta_groups.h"
#include "core/kernel/low_bits.h"
#include "mosaic/page_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {

namespace {

constexpr int kMaxElements = MOSAIC_MAX_PAYLOAD / 2;
constexpr int kMaxRuns = (kMaxElements + kLowBitsRun - 1) / kLowBitsRun;
constexpr int kColumns = MOSAIC_STRIP_COLS;
constexpr int kScalesRoom = kMaxRuns > kLowBitsPeriod ? kMaxRuns : kLowBitsPeriod;

using Floats = std::array<float, kMaxElements>;

size_t At(int i) { return static_cast<size_t>(i); }

uint32_t Checksum(const uint8_t* delta, uint32_t bytes) {
  return static_cast<uint32_t>(XXH3_64bits(delta + 4, bytes - 4));
}

// 0: none that has such deltas.
int ElementBytes(int dtype) {
  return dtype == MOSAIC_FLOAT ? 4 : dtype == MOSAIC_BFLOAT16 || dtype == MOSAIC_FLOAT16 ? 2 : 0;
}

const float* Values(const void* elements, int dtype, int n, Floats* buffer) {
  Cast(dtype, elements, MOSAIC_FLOAT, buffer->data(), n);
  return buffer->data();
}

float FromBfloat16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float y;
  std::memcpy(&y, &bits, 4);
  return y;
}

// To nearest even. REQUIRES: finite.
uint16_t ToBfloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Scales of columns as they are repeated in memory (LowBits::scales): two elements of a column are
// neighbours where they have 2 bytes.
void SpreadColumns(const float* columns, int element_bytes, float* out) {
  static_assert(kLowBitsPeriod == 2 * kColumns);
  if (element_bytes == 4) {
    std::memcpy(out, columns, kColumns * sizeof *out);
    std::memcpy(out + kColumns, columns, kColumns * sizeof *out);
    return;
  }
  for (int i = 0; i < kColumns; ++i) out[2 * i] = out[2 * i + 1] = columns[i];
}

// ---- encoding ----

// The differences of one group, and the scale and codes that are fitted to them.
class Group {
 public:
  void Clear() { n_ = 0; }
  void Add(int index, float difference) {
    index_[At(n_)] = static_cast<uint16_t>(index);
    d_[At(n_++)] = difference;
  }

  // Returns the sum of the squares of what is left; puts codes at their indexes. In so many rounds
  // the scale is fitted to the codes and these to the scale.
  double Fit(int bits, int rounds, uint16_t* scale, uint8_t* codes) {
    std::array<uint8_t, kMaxElements> own;
    float s = FirstScale(bits);
    for (int round = 0; round < rounds && s > 0; ++round) {
      const LowBitsFit fit = FitLowBits(bits, d_.data(), n_, s, own.data());
      s = fit.squares > 0 ? fit.product / fit.squares : 0;
    }
    *scale = std::isfinite(s) ? ToBfloat16(s) : kInfinite;
    const float left = FitLowBits(bits, d_.data(), n_, FromBfloat16(*scale), own.data()).left;
    for (int i = 0; i < n_; ++i) codes[index_[At(i)]] = own[At(i)];
    return static_cast<double>(left);
  }

 private:
  static constexpr float kMostOf8 = 127;
  static constexpr uint16_t kInfinite = 0x7f80;

  float FirstScale(int bits) const {
    double sum = 0, squares = 0;
    float largest = 0;
    for (int i = 0; i < n_; ++i) {
      const float x = std::fabs(d_[At(i)]);
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
      largest = std::max(largest, x);
    }
    if (n_ == 0) return 0;
    if (bits == 8) return largest / kMostOf8;
    return static_cast<float>(bits == 1 ? sum / n_ : std::sqrt(squares / n_));
  }

  int n_ = 0;
  std::array<uint16_t, kMaxElements> index_;
  std::array<float, kMaxElements> d_;
};

// One way of grouping.
struct Coded {
  int count = 0;  // of scales
  double left = 0;
  std::array<uint16_t, kScalesRoom> scales;
  std::array<uint8_t, kMaxElements> codes{};
};

class LowBitsEncoder {
 public:
  LowBitsEncoder(const void* block, const void* base, uint32_t bytes, int dtype, int bits)
      : bytes_(bytes), dtype_(dtype), bits_(bits), element_bytes_(ElementBytes(dtype)) {
    n_ = static_cast<int>(bytes) / element_bytes_;
    Floats block_buffer;
    const float* x = Values(block, dtype, n_, &block_buffer);
    const float* b = Values(base, dtype, n_, &base_);
    for (int i = 0; i < n_; ++i) {
      d_[At(i)] = x[i] - b[i];
      finite_ = finite_ && std::isfinite(x[i]) && std::isfinite(b[i]) && std::isfinite(d_[At(i)]);
    }
    if (!finite_) return;
    EncodeColumns(0);
    EncodeRuns(0);
    // Which way is better, first scales tell.
    by_runs_ = runs_.left < columns_.left;
    if (bits != 2 && bits != 4) return;
    if (by_runs_) {
      EncodeRuns(kRounds);
    } else {
      EncodeColumns(kRounds);
    }
  }

  uint32_t Write(int32_t base_id, uint32_t limit, uint8_t* out) const {
    if (!finite_) return 0;
    const Coded& c = by_runs_ ? runs_ : columns_;
    const uint32_t codes_at = MOSAIC_DELTA_HEADER + 2 * static_cast<uint32_t>(c.count);
    const uint32_t end = codes_at + static_cast<uint32_t>(n_ * bits_ + 7) / 8;
    const uint32_t length = std::max<uint32_t>(MOSAIC_MIN_PAYLOAD, (end + 31) / 32 * 32);
    if (length > limit) return 0;
    std::memset(out, 0, length);
    const uint16_t whole = static_cast<uint16_t>(bytes_), count = static_cast<uint16_t>(c.count);
    std::memcpy(out + 4, &base_id, 4);
    std::memcpy(out + 8, &whole, 2);
    out[10] = MOSAIC_DELTA_LOW_BITS;
    out[11] = static_cast<uint8_t>(dtype_);
    out[12] = static_cast<uint8_t>(bits_);
    out[13] = by_runs_;
    std::memcpy(out + 14, &count, 2);
    std::memcpy(out + MOSAIC_DELTA_HEADER, c.scales.data(), 2 * At(c.count));
    if (bits_ == 1) Pack<1>(c.codes.data(), out + codes_at);
    if (bits_ == 2) Pack<2>(c.codes.data(), out + codes_at);
    if (bits_ == 4) Pack<4>(c.codes.data(), out + codes_at);
    if (bits_ == 8) Pack<8>(c.codes.data(), out + codes_at);
    const uint32_t checksum = Checksum(out, length);
    std::memcpy(out, &checksum, 4);
    return length;
  }

 private:
  static constexpr int kRounds = 4;

  // REQUIRES: zeros at out.
  template <int kBits>
  void Pack(const uint8_t* codes, uint8_t* out) const {
    constexpr int kEach = 8 / kBits;
    int i = 0;
    for (; i + kEach <= n_; i += kEach) {
      int byte = 0;
      for (int j = 0; j < kEach; ++j) {
        byte |= (codes[i + j] & ((1 << kBits) - 1)) << j * kBits;
      }
      *out++ = static_cast<uint8_t>(byte);
    }
    for (int j = 0; i + j < n_; ++j) *out |= static_cast<uint8_t>(codes[i + j] << j * kBits);
  }

  // What is 0 in the base stays 0, whatever the code.
  void AddTo(Group* group, int i, double* left) const {
    if (base_[At(i)] != 0) {
      group->Add(i, d_[At(i)]);
    } else {
      *left += static_cast<double>(d_[At(i)]) * static_cast<double>(d_[At(i)]);
    }
  }

  void EncodeColumns(int rounds) {
    columns_.count = kColumns;
    columns_.left = 0;
    for (int c = 0; c < kColumns; ++c) {
      group_.Clear();
      const int together = 4 / element_bytes_;
      for (int i = c * together; i < n_; i += kColumns * together) {
        for (int j = i; j < std::min(n_, i + together); ++j) AddTo(&group_, j, &columns_.left);
      }
      columns_.left += group_.Fit(bits_, rounds, &columns_.scales[At(c)], columns_.codes.data());
    }
  }

  void EncodeRuns(int rounds) {
    runs_.count = (n_ + kLowBitsRun - 1) / kLowBitsRun;
    runs_.left = 0;
    for (int r = 0; r < runs_.count; ++r) {
      group_.Clear();
      for (int i = r * kLowBitsRun; i < std::min(n_, (r + 1) * kLowBitsRun); ++i) {
        AddTo(&group_, i, &runs_.left);
      }
      runs_.left += group_.Fit(bits_, rounds, &runs_.scales[At(r)], runs_.codes.data());
    }
  }

  uint32_t bytes_;
  int dtype_, bits_, element_bytes_, n_;
  bool finite_ = true, by_runs_ = false;
  Floats base_, d_;
  Group group_;
  Coded columns_, runs_;
};

// ---- decoding ----

struct ParsedLowBits {
  LowBits low_bits;
  int dtype, n;
  float scales[kScalesRoom];
  uint8_t codes[MOSAIC_MAX_PAYLOAD + kLowBitsSlack];

  bool Parse(const uint8_t* delta, uint32_t delta_bytes, uint32_t bytes);
};

bool ParsedLowBits::Parse(const uint8_t* delta, uint32_t delta_bytes, uint32_t bytes) {
  uint32_t checksum, whole = 0, count = 0;
  if (delta_bytes < MOSAIC_MIN_PAYLOAD || delta_bytes > MOSAIC_MAX_PAYLOAD) return false;
  std::memcpy(&checksum, delta, 4);
  std::memcpy(&whole, delta + 8, 2);
  std::memcpy(&count, delta + 14, 2);
  dtype = delta[11];
  const int element_bytes = ElementBytes(dtype), bits = delta[12], of_runs = delta[13];
  if (whole != bytes || whole > MOSAIC_MAX_PAYLOAD || element_bytes == 0 || of_runs > 1 ||
      whole % static_cast<uint32_t>(element_bytes) != 0 ||
      (bits != 1 && bits != 2 && bits != 4 && bits != 8) ||
      checksum != Checksum(delta, delta_bytes)) {
    return false;
  }
  n = static_cast<int>(whole) / element_bytes;
  const int expected = of_runs ? (n + kLowBitsRun - 1) / kLowBitsRun : kColumns;
  const uint32_t codes_at = MOSAIC_DELTA_HEADER + 2 * count;
  const uint32_t code_bytes = static_cast<uint32_t>(n * bits + 7) / 8;
  if (static_cast<int>(count) != expected || codes_at + code_bytes > delta_bytes) return false;
  float stored[kScalesRoom];
  for (uint32_t i = 0; i < count; ++i) {
    uint16_t scale;
    std::memcpy(&scale, delta + MOSAIC_DELTA_HEADER + 2 * i, 2);
    stored[i] = FromBfloat16(scale);
    if (!std::isfinite(stored[i])) return false;
  }
  if (of_runs) {
    std::memcpy(scales, stored, count * sizeof *scales);
  } else {
    SpreadColumns(stored, element_bytes, scales);
  }
  // Pieces of a fixed length, which are moves of registers.
  uint32_t copied = 0;
  for (; copied + 16 <= code_bytes; copied += 16) {
    std::memcpy(codes + copied, delta + codes_at + copied, 16);
  }
  std::memcpy(codes + copied, delta + codes_at + copied, code_bytes - copied);
  std::memset(codes + code_bytes, 0, kLowBitsSlack);
  low_bits.bits = bits;
  low_bits.by_column = !of_runs;
  low_bits.scales = scales;
  low_bits.levels = LowBitsLevels(bits);
  low_bits.codes = codes;
  return true;
}

}  // namespace

uint32_t EncodeLowBits(const void* block, const void* base, uint32_t bytes, int dtype, int bits,
                       int32_t base_id, uint32_t limit, void* out) {
  const int element_bytes = ElementBytes(dtype);
  if (element_bytes == 0 || bytes > MOSAIC_MAX_PAYLOAD ||
      bytes % static_cast<uint32_t>(element_bytes) != 0) {
    return 0;
  }
  const LowBitsEncoder encoder(block, base, bytes, dtype, bits);
  const uint32_t length = encoder.Write(base_id, limit, static_cast<uint8_t*>(out));
  // What it makes is finite too.
  alignas(64) uint8_t made[MOSAIC_MAX_PAYLOAD];
  if (length == 0 || !DecodeLowBits(out, length, base, bytes, false, nullptr, made)) return 0;
  return std::isfinite(DifferenceOf(made, base, bytes, dtype).largest) ? length : 0;
}

bool IsLowBits(const void* delta, uint32_t delta_bytes) {
  return delta_bytes >= MOSAIC_DELTA_HEADER &&
         static_cast<const uint8_t*>(delta)[10] == MOSAIC_DELTA_LOW_BITS;
}

bool DecodeLowBits(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                   bool reference, const void* ahead, void* out) {
  ParsedLowBits d;
  if (!d.Parse(static_cast<const uint8_t*>(delta), delta_bytes, bytes)) return false;
  d.low_bits.ahead = static_cast<const char*>(ahead != nullptr ? ahead : base);
  d.low_bits.ahead_step = kDeltaGroup * ElementBytes(d.dtype);
  const auto unpack = [&](const float* b, float* to) {
    if (reference) {
      UnpackLowBitsReference(d.low_bits, b, 0, d.n, to);
    } else {
      UnpackLowBits(d.low_bits, b, d.n, to);
    }
  };
  if (d.dtype == MOSAIC_FLOAT) {
    unpack(static_cast<const float*>(base), static_cast<float*>(out));
    return true;
  }
  Floats wide, made;
  unpack(Values(base, d.dtype, d.n, &wide), made.data());
  Cast(MOSAIC_FLOAT, made.data(), d.dtype, out, d.n);
  return true;
}

BlockDifference DifferenceOf(const void* a, const void* b, uint32_t bytes, int dtype) {
  const int n = static_cast<int>(bytes) / ElementBytes(dtype);
  Floats a_buffer, b_buffer;
  const float* x = Values(a, dtype, n, &a_buffer);
  const float* y = Values(b, dtype, n, &b_buffer);
  BlockDifference d;
  for (int i = 0; i < n; ++i) {
    const double e = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    d.squared += e * e;
    // NaN counts as larger than any, and stays.
    if (!(std::fabs(e) <= d.largest) && !std::isnan(d.largest)) d.largest = std::fabs(e);
  }
  return d;
}

}  // namespace mosaic
