// Decisions at random: from a seed, or from the bytes of a fuzzer, which are 0 when they are used up.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <random>

#include "core/tensor/shape.h"

namespace mosaic::samples {

class Draw {
 public:
  // elements: about how many the arrays have.
  Draw(uint64_t seed, int64_t elements) : random_(seed), elements_(elements) {}
  Draw(const uint8_t* bytes, size_t size, int64_t elements)
      : bytes_(bytes), left_(size), elements_(elements) {}

  int64_t elements() const { return elements_; }
  // Dimensions may be 0.
  void AllowEmpty() { empty_ = true; }

  // low <= result <= high; low where high is below it.
  int64_t Int(int64_t low, int64_t high) {
    if (high <= low) return low;
    const uint64_t span = static_cast<uint64_t>(high - low) + 1;
    return low + static_cast<int64_t>(Number(span) % span);
  }
  bool Flip() { return Int(0, 1) == 1; }
  bool Rarely() { return Int(0, 7) == 7; }
  template <typename T>
  T Of(std::initializer_list<T> list) {
    return list.begin()[Int(0, static_cast<int64_t>(list.size()) - 1)];
  }

  // A shape of about elements() (or "most") elements at most: mostly one or two long dimensions, any of them.
  Shape Dims(int min_rank, int max_rank, int64_t most = 0) {
    const int rank = static_cast<int>(Int(min_rank, max_rank));
    Shape shape(static_cast<size_t>(rank), 1);
    double left = static_cast<double>(most > 0 ? most : elements_);
    const int64_t first = Int(0, rank - 1);
    for (int i = 0; i < rank; ++i) {
      const bool last = i + 1 == rank;
      const double part = last ? 1.0 : static_cast<double>(Int(0, 4)) / 4;
      const int64_t d = std::max<int64_t>(1, static_cast<int64_t>(std::pow(left, part)));
      shape[static_cast<size_t>((first + i) % rank)] = empty_ && Int(0, 15) == 15 ? 0 : d;
      left /= static_cast<double>(d);
    }
    return shape;
  }
  // What is left for another dimension beside those of the shape.
  int64_t Beside(const Shape& shape) const {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return std::max<int64_t>(1, elements_ / std::max<int64_t>(1, n));
  }

 private:
  uint64_t Number(uint64_t span) {
    if (bytes_ == nullptr) return random_();
    uint64_t n = 0;
    for (uint64_t s = span - 1; s > 0 && left_ > 0; s >>= 8, --left_) n = n << 8 | *bytes_++;
    return n;
  }

  std::mt19937_64 random_;
  const uint8_t* bytes_ = nullptr;
  size_t left_ = 0;
  int64_t elements_;
  bool empty_ = false;
};

}  // namespace mosaic::samples
