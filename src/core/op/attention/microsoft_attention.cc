#include "core/op/attention/microsoft_attention.h"

#include <cmath>

namespace mosaic {

MicrosoftAttention::MicrosoftAttention(const Node& node)
    : heads_(node.Int("num_heads", 0)),
      scale_(node.Float("scale", 0)),
      filter_(node.Float("mask_filter_value", -10000.0F)),
      causal_(node.Int("unidirectional", 0) != 0) {}

Status MicrosoftAttention::CheckNode(const Node& node) {
  if (node.Int("num_heads", 0) < 1) return Status::BadModel("num_heads is missing or below 1");
  for (const char* name : {"do_rotary", "past_present_share_buffer"}) {
    if (node.Int(name, 0) != 0) return Status::Unsupported(std::string(name) + " is not supported");
  }
  return Status();
}

Status MicrosoftAttention::CheckMasks(InferContext& c, size_t mask, size_t bias, const Sizes& z,
                                      bool* counts) const {
  *counts = false;
  if (c.Has(mask)) {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int32_t>>(c.dtype(mask), "the mask"));
    MOSAIC_RETURN_IF_ERROR(CheckMask(c, c.dims(mask), z, counts));
  }
  if (!c.Has(bias)) return Status();
  MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, bias));
  if (c.in(bias).rank() != 4) {
    return Status::BadModel("an attention bias of shape " + ShapeString(c.dims(bias)));
  }
  const Dims scores = {z.batch, Dim(heads_), z.queries, z.keys};
  for (size_t d : {size_t{2}, size_t{3}}) {  // only the first two are broadcast
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(
        c.dims(bias)[d], scores[d],
        "an attention bias of shape " + ShapeString(c.dims(bias)) + " does not fit"));
  }
  return CheckBroadcast(c, "an attention bias", c.dims(bias), scores);
}

Status MicrosoftAttention::CheckMask(InferContext& c, const Dims& mask, const Sizes& z,
                                     bool* counts) const {
  const std::string what = "a mask of shape " + ShapeString(mask) +
                           " does not fit scores of shape " +
                           ShapeString({z.batch, z.queries, z.keys});
  if (mask.size() == 4) return Status::Unsupported("a mask of 4 dimensions is not supported");
  if (mask.empty() || mask.size() > 4) return Status::BadModel(what);
  if (mask.size() == 1) {
    // The ends of the keys, then maybe their beginnings; or ends, and offsets into packed rows.
    *counts = Same(mask[0], z.batch);
    const Dim sizes[] = {z.batch, z.batch * Dim(2), z.batch * Dim(3) + Dim(2)};
    bool fits = false, certain = false;
    for (const Dim& size : sizes) {
      fits = fits || !Differ(mask[0], size);
      certain = certain || Same(mask[0], size);
    }
    // Which of them it is depends on the batch.
    if (!certain && (c.CountsItems(mask[0]) || c.CountsItems(z.batch))) c.Mix();
    return fits ? Status() : Status::BadModel(what);
  }
  // One value for all keys says nothing.
  if (mask.size() == 2 && mask[1].Is(1) && !z.keys.Is(1)) return Status();
  *counts = true;
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(mask[0], z.batch, what));
  if (mask.size() == 3) MOSAIC_RETURN_IF_ERROR(c.RequireEqual(mask[1], z.queries, what));
  return c.RequireEqual(mask.back(), z.keys, what);
}

void MicrosoftAttention::DescribeRest(const Call& c, size_t mask, size_t bias,
                                      AttentionShape* s) const {
  s->scale = scale_ != 0 ? scale_ : 1 / std::sqrt(static_cast<float>(s->depth));
  s->causal = causal_;
  s->present = s->keys;
  if (c.Given(bias)) {
    s->masks.push_back(
        BroadcastMask(static_cast<int>(bias), MaskPart::kAdd, c.inputs[bias].shape(), 0));
  }
  if (!c.Given(mask)) return;
  Shape shape = c.inputs[mask].shape();
  if (shape.size() == 2 && shape[1] == 1 && s->keys != 1) return;
  MaskPart m;
  if (shape.size() == 1) {
    m.kind = MaskPart::kLengths;
    m.input = static_cast<int>(mask);
    m.hidden = filter_;
    m.starts = shape[0] == 2 * s->batch ? s->batch : 0;
  } else {
    shape.insert(shape.begin() + 1, 1);                         // heads
    if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);  // queries
    m = BroadcastMask(static_cast<int>(mask), MaskPart::kKeep, shape, filter_);
  }
  s->masks.push_back(m);
}

}  // namespace mosaic
