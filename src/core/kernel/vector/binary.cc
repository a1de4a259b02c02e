#include "core/kernel/binary.h"

#include <type_traits>

#define MOSAIC_KERNEL "core/kernel/vector/binary.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

// Loops for the best instruction set only for the types that models compute with.
template <typename T>
constexpr bool kEachIsa = std::is_same_v<T, float> || std::is_same_v<T, double> ||
                          std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>;

// Calls f(T()) with the C++ type of dtype.
template <typename F>
void WithType(int dtype, const F& f) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      return f(float());
    case MOSAIC_DOUBLE:
      return f(double());
    case MOSAIC_INT8:
      return f(int8_t());
    case MOSAIC_INT16:
      return f(int16_t());
    case MOSAIC_INT32:
      return f(int32_t());
    case MOSAIC_INT64:
      return f(int64_t());
    case MOSAIC_UINT8:
    case MOSAIC_BOOL:
      return f(uint8_t());
    case MOSAIC_UINT16:
      return f(uint16_t());
    case MOSAIC_UINT32:
      return f(uint32_t());
    case MOSAIC_UINT64:
      return f(uint64_t());
    default:
      return;
  }
}

}  // namespace

void ComputeBinary(Binary f, int dtype, const Operand& a, const Operand& b, int64_t rows,
                   int64_t cols, void* out, int64_t out_row_step) {
  WithType(dtype, [&](auto type) {
    using T = decltype(type);
    T* to = static_cast<T*>(out);
    if constexpr (kEachIsa<T>) {
      MOSAIC_DISPATCH(RunBinary<T>, f, a, b, rows, cols, to, out_row_step);
    } else {
      generic::RunBinary<T>(f, a, b, rows, cols, to, out_row_step);
    }
  });
}

void ComputeComparison(Comparison f, int dtype, const Operand& a, const Operand& b, int64_t rows,
                       int64_t cols, uint8_t* out, int64_t out_row_step) {
  WithType(dtype, [&](auto type) {
    using T = decltype(type);
    if constexpr (kEachIsa<T>) {
      MOSAIC_DISPATCH(RunComparison<T>, f, a, b, rows, cols, out, out_row_step);
    } else {
      generic::RunComparison<T>(f, a, b, rows, cols, out, out_row_step);
    }
  });
}

void ComputeLogic(Logic f, const Operand& a, const Operand& b, int64_t rows, int64_t cols,
                  uint8_t* out, int64_t out_row_step) {
  MOSAIC_DISPATCH(RunLogic, f, a, b, rows, cols, out, out_row_step);
}

void ComputeSelect(int element_size, const Operand& condition, const Operand& a, const Operand& b,
                   int64_t rows, int64_t cols, void* out, int64_t out_row_step) {
  switch (element_size) {
    case 1:
      return generic::RunSelect(condition, a, b, rows, cols, static_cast<uint8_t*>(out),
                                out_row_step);
    case 2:
      return generic::RunSelect(condition, a, b, rows, cols, static_cast<uint16_t*>(out),
                                out_row_step);
    case 4:
      return MOSAIC_DISPATCH(RunSelect<uint32_t>, condition, a, b, rows, cols,
                             static_cast<uint32_t*>(out), out_row_step);
    default:
      return MOSAIC_DISPATCH(RunSelect<uint64_t>, condition, a, b, rows, cols,
                             static_cast<uint64_t*>(out), out_row_step);
  }
}

}  // namespace mosaic
