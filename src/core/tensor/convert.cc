#include "core/tensor/convert.h"

#include <cstring>

#include "core/tensor/element.h"

namespace mosaic {

bool CanConvert(int from_dtype, int to_dtype) {
  return (from_dtype == to_dtype && DTypeSize(from_dtype) > 0) ||
         (IsFloat(from_dtype) && IsFloat(to_dtype));
}

void ConvertElements(int from_dtype, const void* from, int to_dtype, void* to, int64_t count) {
  if (from_dtype == to_dtype) {
    std::memcpy(to, from, static_cast<size_t>(count * DTypeSize(from_dtype)));
    return;
  }
  Dispatch(FloatTypes(), from_dtype, [&](auto from_type) {
    using From = typename decltype(from_type)::T;
    const From* source = static_cast<const From*>(from);
    Dispatch(FloatTypes(), to_dtype, [&](auto to_type) {
      using To = typename decltype(to_type)::T;
      To* target = static_cast<To*>(to);
      for (int64_t i = 0; i < count; ++i) {
        target[i] = Store<To>(static_cast<ComputeType<To>>(Load(source[i])));
      }
    });
  });
}

Tensor ToFloat32(const Tensor& t, Arena* arena) {
  if (t.dtype() == MOSAIC_FLOAT) return t;
  Tensor out = arena->New(MOSAIC_FLOAT, t.shape());
  ConvertElements(t.dtype(), t.raw(), MOSAIC_FLOAT, out.mutable_raw(), t.size());
  return out;
}

}  // namespace mosaic
