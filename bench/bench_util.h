// What the benchmarks of the core share: time, medians, pages of weights.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/block/blocking.h"
#include "mosaic/page_format.h"

namespace bench {

// CPU time of this thread, seconds: not disturbed by other processes (but for their use of caches
// and memory).
inline double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// REQUIRES: not empty.
inline double Median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

// Bytes of the cache of a level (2 or 3) as Linux tells it, or the fallback.
inline int64_t CacheBytes(int level, int64_t fallback) {
  const std::string path =
      "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(level) + "/size";
  int64_t kilobytes = 0;
  if (FILE* f = std::fopen(path.c_str(), "r")) {
    if (std::fscanf(f, "%ldK", &kilobytes) != 1) kilobytes = 0;
    std::fclose(f);
  }
  return kilobytes > 0 ? kilobytes * 1024 : fallback;
}

inline std::vector<float> RandomFloats(int64_t count, unsigned seed) {
  std::vector<float> v(static_cast<size_t>(count));
  std::minstd_rand rng(seed);
  for (float& x : v) x = static_cast<float>(rng() % 2001) / 1000.0f - 1.0f;
  return v;
}

// A weight matrix in strip blocks, one block a page, each page 8 KB and the pages in random order:
// as in shared buffers after some use. dtype: float32 or bfloat16, to which w is rounded.
class PagedWeights {
 public:
  PagedWeights(const float* w, int64_t k, int64_t m, unsigned seed = 1, int dtype = MOSAIC_FLOAT)
      : blocking_(mosaic::PlanStrip(k, m, MOSAIC_MAX_BLOCK_ROWS, dtype)) {
    constexpr int64_t kPage = 8192, kOffset = 64;
    const int64_t pages = blocking_.blocks();
    std::vector<uint16_t> rounded;
    const void* source = w;
    if (dtype == MOSAIC_BFLOAT16) {
      rounded.resize(static_cast<size_t>(k * m));
      std::transform(w, w + k * m, rounded.begin(), mosaic::FloatToBFloat16);
      source = rounded.data();
    }
    memory_.reset(
        static_cast<char*>(std::aligned_alloc(kPage, static_cast<size_t>(pages * kPage))));
    if (!memory_) throw std::bad_alloc();
    std::vector<int64_t> order(static_cast<size_t>(pages));
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::minstd_rand(seed));
    for (int64_t i = 0; i < pages; ++i) {
      char* page = memory_.get() + order[static_cast<size_t>(i)] * kPage;
      std::memset(page, 0, kPage);
      blocks_.push_back(page + kOffset);
      mosaic::PackBlock(blocking_, i % row_blocks(), i / row_blocks(), source, 0, m, 1,
                        page + kOffset);
    }
  }
  const void* const* blocks() const { return blocks_.data(); }
  int64_t strips() const { return blocking_.col_blocks(); }
  int64_t row_blocks() const { return blocking_.row_blocks(); }
  int block_rows() const { return blocking_.depth(); }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, Free> memory_;
  std::vector<const void*> blocks_;
  mosaic::Blocking blocking_;
};

}  // namespace bench
