// Products of matrices in plain loops: of integers, exact, wrapping around like numpy's, and of
// float64. Products are added in ascending k.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/tensor/element.h"

namespace mosaic {

using PlainProductTypes = Types<int32_t, int64_t, uint32_t, uint64_t, double>;

// A matrix operand: element (i, j) at i * row + j * col.
template <typename T>
struct Strided {
  const T* data;
  int64_t row, col;
};

// The unit of work: some columns of one row of C[n x m].
constexpr int64_t kPlainColumns = 64;

inline int64_t PlainUnits(int64_t n, int64_t m) {
  return n * ((m + kPlainColumns - 1) / kPlainColumns);
}

struct PlainUnit {
  PlainUnit(int64_t m, int64_t unit) {
    const int64_t per_row = (m + kPlainColumns - 1) / kPlainColumns;
    row = unit / per_row;
    begin = unit % per_row * kPlainColumns;
    end = std::min(m, begin + kPlainColumns);
  }
  int64_t row, begin, end;
};

// The type in which a type wraps: unsigned of the same size.
template <typename T, bool = std::is_integral_v<T>>
struct Accumulator {
  using Type = std::make_unsigned_t<T>;
};
template <typename T>
struct Accumulator<T, false> {
  using Type = T;
};

template <typename T>
T WrappingAdd(T a, T b) {
  using U = typename Accumulator<T>::Type;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}

// Adds the products of k in [begin, end) to a unit of C[n x m] = A[n x k] * B[k x m], from 0 where
// begin is 0; C is dense.
template <typename T>
void PlainProduct(Strided<T> a, Strided<T> b, int64_t begin, int64_t end, int64_t m, PlainUnit unit,
                  T* c) {
  using U = typename Accumulator<T>::Type;
  U sums[kPlainColumns];
  const int64_t columns = unit.end - unit.begin;
  for (int64_t j = 0; j < columns; ++j) {
    sums[j] = begin == 0 ? U(0) : static_cast<U>(c[unit.row * m + unit.begin + j]);
  }
  for (int64_t l = begin; l < end; ++l) {
    const U x = static_cast<U>(a.data[unit.row * a.row + l * a.col]);
    const T* row = b.data + l * b.row + unit.begin * b.col;
    for (int64_t j = 0; j < columns; ++j) sums[j] += x * static_cast<U>(row[j * b.col]);
  }
  for (int64_t j = 0; j < columns; ++j) c[unit.row * m + unit.begin + j] = static_cast<T>(sums[j]);
}

}  // namespace mosaic
