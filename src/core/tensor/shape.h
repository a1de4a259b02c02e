// A short list of int64 held in place: the dimensions of an array, its strides, coordinates.
//
// Copying one never allocates. Arrays of a run have at most MOSAIC_MAX_DIMS dimensions
// (CheckShape refuses others); there is room for twice as many, so that what an operator computes
// of two shapes can be refused by name. Beyond that, std::length_error is thrown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <type_traits>

namespace mosaic {

class Shape {
 public:
  using value_type = int64_t;
  using iterator = int64_t*;
  using const_iterator = const int64_t*;
  static constexpr size_t kCapacity = 16;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), dims.end()) {}
  explicit Shape(size_t n, int64_t value = 0) { resize(n, value); }
  // Of any list of int64 (std::vector).
  template <typename List, typename = decltype(std::declval<const List&>().data()),
            typename = std::enable_if_t<!std::is_same_v<List, Shape>>>
  Shape(const List& list) : Shape(list.begin(), list.end()) {}  // NOLINT: a list is a shape
  template <typename It, typename = std::enable_if_t<!std::is_integral_v<It>>>
  Shape(It first, It last) {
    for (; first != last; ++first) push_back(*first);
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  int64_t* data() { return d_; }
  const int64_t* data() const { return d_; }
  int64_t* begin() { return d_; }
  int64_t* end() { return d_ + size_; }
  const int64_t* begin() const { return d_; }
  const int64_t* end() const { return d_ + size_; }
  int64_t& operator[](size_t i) { return d_[i]; }
  int64_t operator[](size_t i) const { return d_[i]; }
  int64_t& back() { return d_[size_ - 1]; }
  int64_t back() const { return d_[size_ - 1]; }
  int64_t front() const { return d_[0]; }

  void clear() { size_ = 0; }
  void push_back(int64_t v) {
    Need(size_ + size_t{1});
    d_[size_++] = v;
  }
  void pop_back() { --size_; }
  void resize(size_t n, int64_t value = 0) {
    Need(n);
    for (size_t i = size_; i < n; ++i) d_[i] = value;
    size_ = static_cast<uint8_t>(n);
  }
  void assign(size_t n, int64_t value) {
    clear();
    resize(n, value);
  }
  template <typename It, typename = std::enable_if_t<!std::is_integral_v<It>>>
  void assign(It first, It last) {
    *this = Shape(first, last);
  }
  void insert(const_iterator at, int64_t v) {
    const size_t i = static_cast<size_t>(at - d_);
    push_back(v);
    std::rotate(d_ + i, d_ + size_ - 1, d_ + size_);
  }
  void erase(const_iterator at) {
    std::copy(at + 1, end_const(), d_ + (at - d_));
    --size_;
  }

  friend bool operator==(const Shape& a, const Shape& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend bool operator!=(const Shape& a, const Shape& b) { return !(a == b); }

 private:
  const int64_t* end_const() const { return d_ + size_; }
  static void Need(size_t n) {
    if (n > kCapacity) throw std::length_error("an array of more than 16 dimensions");
  }

  uint8_t size_ = 0;
  int64_t d_[kCapacity] = {};
};

}  // namespace mosaic
