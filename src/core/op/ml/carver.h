// Parts of one piece of memory, each aligned to 64 bytes.
#pragma once

#include <cstdint>

namespace mosaic {

// Hands out parts of memory, or only counts them.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<char*>(memory)) {}
  template <typename P>
  P* Take(int64_t n) {
    const int64_t at = bytes_;
    bytes_ += (n * static_cast<int64_t>(sizeof(P)) + 63) / 64 * 64;
    return memory_ == nullptr ? nullptr : reinterpret_cast<P*>(memory_ + at);
  }
  int64_t bytes() const { return bytes_; }

 private:
  char* memory_;
  int64_t bytes_ = 0;
};

}  // namespace mosaic
