// A list that has one number for each feature (the last dimension), or one for all.
#pragma once

#include "core/op/ml/ml_support.h"

namespace mosaic {

// Output 0 has the shape and items of input 0; lists: of one length, 1 or that of a row.
inline Status InferPerFeature(InferContext& c, int dtype, const NumberList& list) {
  MOSAIC_RETURN_IF_ERROR(CheckType<MlTypes>(c.dtype(0), "an input"));
  const Dim n = list.Length(c);
  if (n.Is(0)) return Status::BadModel("\"" + list.name() + "\" is empty");
  if (!c.in(0).ranked) {
    c.SetUnranked(0, dtype);
    return Status();
  }
  const Dims& dims = c.dims(0);
  if (dims.empty()) return Status::BadModel("the input is a scalar");
  if (!n.Is(1)) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(n, dims.back(), "\"" + list.name() + "\" and the features"));
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, dims));
  const int axis = c.item_axis(0);
  c.ItemsOf(0, n.Is(1) || axis + 1 < c.in(0).rank());
  return Status();
}

constexpr int64_t kFeatureChunk = 4096;  // elements of a unit

inline void StartPerFeature(Call& c) {
  c.OnePhase(Chunks(c.outputs[0].size(), kFeatureChunk), 4 * kFeatureChunk);
}

// All of a list: of one element, or of a row's length.
template <typename T>
std::vector<T> AllOf(const Call& c, const NumberList& list) {
  std::vector<T> all(static_cast<size_t>(list.size(c)));
  (void)list.Read(c, 0, static_cast<int64_t>(all.size()), all.data());
  return all;
}

}  // namespace mosaic
