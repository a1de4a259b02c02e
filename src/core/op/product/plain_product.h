// Products of integer matrices: plain loops, exact, wrapping around like numpy's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/tensor/element.h"

namespace mosaic {

using IntegerProductTypes = Types<int32_t, int64_t, uint32_t, uint64_t>;

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

template <typename T>
T WrappingAdd(T a, T b) {
  using U = std::make_unsigned_t<T>;
  return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
}

// Does one unit of C[n x m] = A[n x k] * B[k x m]; C is dense.
template <typename T>
void PlainProduct(Strided<T> a, Strided<T> b, int64_t k, int64_t m, PlainUnit unit, T* c) {
  using U = std::make_unsigned_t<T>;
  for (int64_t j = unit.begin; j < unit.end; ++j) {
    U sum = 0;
    for (int64_t l = 0; l < k; ++l) {
      sum += static_cast<U>(a.data[unit.row * a.row + l * a.col]) *
             static_cast<U>(b.data[l * b.row + j * b.col]);
    }
    c[unit.row * m + j] = static_cast<T>(sum);
  }
}

}  // namespace mosaic
