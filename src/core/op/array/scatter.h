// What ScatterElements and ScatterND share: the copy of the data, and how an update is combined
// with what is there.
#pragma once

#include <cstring>
#include <string>

#include "core/op/array/array_support.h"

namespace mosaic {

enum class Reduction { kNone, kAdd, kMul, kMin, kMax };

constexpr int64_t kCopyChunk = 64 * 1024;  // bytes of a unit that copies

// The attribute "reduction". Errors: BAD_MODEL.
Status ReductionOf(const Node& node, Reduction* out);
// Types of inputs 0, 1 and 2.
Status CheckScatterTypes(const InferContext& c, Reduction reduction);

// The phase that copies input 0 to output 0, and a unit range of it.
inline Phase CopyPhase(const Tensor& data) {
  return {Chunks(data.bytes(), kCopyChunk), static_cast<double>(kCopyChunk) / 4};
}
inline void RunCopyPhase(Call& c, int64_t begin, int64_t end) {
  const char* x = c.inputs[0].data<char>();
  char* y = c.outputs[0].mutable_data<char>();
  if (x == y) return;  // in place
  begin *= kCopyChunk;
  end = std::min(end * kCopyChunk, c.inputs[0].bytes());
  std::memcpy(y + begin, x + begin, static_cast<size_t>(end - begin));
}

// y = reduction(y, update). A NaN stays; of bool, sum and maximum are or, product and minimum and.
template <Reduction kReduction, typename T>
inline void Combine(T* y, T update) {
  if constexpr (kReduction == Reduction::kNone) {
    *y = update;
  } else {
    using V = ComputeType<T>;
    const V a = Load(*y), b = Load(update);
    if constexpr (std::is_same_v<V, bool>) {
      constexpr bool kOr = kReduction == Reduction::kAdd || kReduction == Reduction::kMax;
      *y = Store<T>(kOr ? a || b : a && b);
    } else if constexpr (kReduction == Reduction::kMin) {
      *y = Store<T>(a < b || a != a ? a : b);
    } else if constexpr (kReduction == Reduction::kMax) {
      *y = Store<T>(a > b || a != a ? a : b);
    } else {
      // Integers wrap.
      using W = std::conditional_t<std::is_floating_point_v<V>, V, uint64_t>;
      const W x = static_cast<W>(a), z = static_cast<W>(b);
      *y = Store<T>(static_cast<V>(kReduction == Reduction::kAdd ? x + z : x * z));
    }
  }
}

// Calls f(TypeTag<T>(), std::integral_constant<Reduction, r>()) for the type and the reduction.
template <typename F>
void DispatchReduction(Reduction reduction, int dtype, F&& f) {
  if (reduction == Reduction::kNone) {
    return DispatchSize(
        dtype, [&](auto type) { f(type, std::integral_constant<Reduction, Reduction::kNone>()); });
  }
  Dispatch(AllTypes(), dtype, [&](auto type) {
    switch (reduction) {
      case Reduction::kAdd:
        return f(type, std::integral_constant<Reduction, Reduction::kAdd>());
      case Reduction::kMul:
        return f(type, std::integral_constant<Reduction, Reduction::kMul>());
      case Reduction::kMin:
        return f(type, std::integral_constant<Reduction, Reduction::kMin>());
      default:
        return f(type, std::integral_constant<Reduction, Reduction::kMax>());
    }
  });
}

}  // namespace mosaic
