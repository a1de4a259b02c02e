// com.microsoft's GroupQueryAttention: causal attention of a decoder, in which several heads of
// queries share one of keys, with rotation of queries and keys, and a cache.
//
//   inputs    query [batch, rows, width], or queries, keys and values beside each other; key,
//   value;
//             past key, past value [batch, kv_heads, past, depth]; seqlens_k: for each of the batch
//             the index of its last key; total_sequence_length: the most keys; cosines, sines;
//             position_ids; attention bias
//   outputs   result, present key, present value [batch, kv_heads, max(past, total), depth]
//
// Where the rows are as many as the total there is no past yet. Else each of the batch has
// seqlens_k + 1 - rows keys of the past.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/op/attention/attention_core.h"
#include "core/op/attention/rotation.h"

namespace mosaic {
namespace {

using ComputedTypes = Types<float, Float16, BFloat16>;

enum Input : size_t {
  kQ,
  kK,
  kV,
  kPastKey,
  kPastValue,
  kLast,
  kTotal,
  kCosines,
  kSines,
  kPositions,
  kScoreBias
};

class GroupQueryAttention : public AttentionOp {
 public:
  explicit GroupQueryAttention(const Node& node)
      : heads_(node.Int("num_heads", 0)),
        kv_heads_(node.Int("kv_num_heads", 0)),
        scale_(node.Float("scale", 0)),
        softcap_(node.Float("softcap", 0)),
        window_(node.Int("local_window_size", -1)),
        rotates_(node.Int("do_rotary", 0) != 0),
        interleaved_(node.Int("rotary_interleaved", 0) != 0) {}

  Status Infer(InferContext& c) const override;

 protected:
  Status Describe(const Call& c, AttentionShape* s) const override;
  bool HasRanges(const Call&) const override { return true; }
  Status RangeOf(const Call& c, const AttentionShape& s, int64_t b, KeyRange* out) const override;
  Status CheckRange(const Call& c, const AttentionShape& s, int64_t b) const override;
  bool Changes(const Call&) const override { return rotates_; }
  void Change(const Call& c, Part part, int64_t b, int64_t head, int64_t r,
              float* row) const override;

 private:
  Status DepthOf(InferContext& c, Dim* depth) const;
  Status CheckRotation(InferContext& c, const Dim& batch, const Dim& rows, const Dim& depth) const;
  static int64_t LastOf(const Call& c, int64_t b) {
    return static_cast<int64_t>(c.inputs[kLast].data<int32_t>()[b]);
  }
  int64_t PositionOf(const Call& c, int64_t past, int64_t b, int64_t r) const {
    if (!c.Given(kPositions)) return past + r;
    return c.inputs[kPositions].data<int64_t>()[b * c.inputs[kPositions].dim(1) + r];
  }
  // Where there is no past yet: as many rows as keys.
  static bool IsFirst(const Call& c) {
    return c.inputs[kQ].dim(1) == static_cast<int64_t>(*c.inputs[kTotal].data<int32_t>());
  }
  static int64_t PastOf(const Call& c, int64_t b) {
    return IsFirst(c) ? 0 : LastOf(c, b) + 1 - c.inputs[kQ].dim(1);
  }

  int64_t heads_, kv_heads_;
  float scale_, softcap_;
  int64_t window_;
  bool rotates_, interleaved_;
};

Status GroupQueryAttention::DepthOf(InferContext& c, Dim* depth) const {
  const Dims& q = c.dims(kQ);
  if (q.size() != 3) return Status::BadModel("a query of shape " + ShapeString(q));
  if (!c.Has(kK))
    return HeadWidth(c, "queries, keys and values", q[2], heads_ + 2 * kv_heads_, depth);
  MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "queries", q[2], heads_, depth));
  for (size_t i : {kK, kV}) {
    const Dims& d = c.dims(i);
    const std::string what =
        "queries and keys of shapes " + ShapeString(q) + " and " + ShapeString(d) + " do not fit";
    if (d.size() != 3) return Status::BadModel(what);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d[0], q[0], what));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d[1], q[1], what));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(d[2], *depth * Dim(kv_heads_), what));
  }
  return Status();
}

Status GroupQueryAttention::CheckRotation(InferContext& c, const Dim& batch, const Dim& rows,
                                          const Dim& depth) const {
  if (!rotates_) return Status();
  const Dims &cosines = c.dims(kCosines), &sines = c.dims(kSines);
  const std::string what = "cosines and sines of shapes " + ShapeString(cosines) + " and " +
                           ShapeString(sines) + " do not fit";
  if (cosines.size() != 2 || sines.size() != 2) return Status::BadModel(what);
  for (size_t d = 0; d < 2; ++d) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(cosines[d], sines[d], what));
  }
  if (cosines[1].is_number() && depth.is_number() && 2 * cosines[1].number() > depth.number()) {
    return Status::BadModel(what);
  }
  if (!c.Has(kPositions)) return Status();
  const Dims& p = c.dims(kPositions);
  const std::string positions = "position_ids of shape " + ShapeString(p) + " do not fit";
  if (p.size() != 2) return Status::BadModel(positions);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(p[0], batch, positions));
  return c.RequireEqual(p[1], rows, positions);
}

Status GroupQueryAttention::Infer(InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR(CheckType<ComputedTypes>(c.dtype(kQ), "an input"));
  for (size_t i : {kK, kV, kPastKey, kPastValue, kCosines, kSines, kScoreBias}) {
    if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
  }
  for (size_t i : {kLast, kTotal}) {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int32_t>>(c.dtype(i), "a length"));
  }
  if (c.Has(kPositions)) {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(kPositions), "position_ids"));
  }
  for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, c.dtype(0));
  if (!c.Ranked()) return Status();
  Dim depth, past = 0, total;
  MOSAIC_RETURN_IF_ERROR(DepthOf(c, &depth));
  const Dim batch = c.dims(kQ)[0], rows = c.dims(kQ)[1], kv_heads = kv_heads_;
  if (c.Has(kPastKey)) {
    MOSAIC_RETURN_IF_ERROR(
        CheckPast(c, kPastKey, kPastValue, batch, kv_heads, depth, depth, &past));
  }
  MOSAIC_RETURN_IF_ERROR(
      c.RequireEqual(Product(c.dims(kLast)), batch, "seqlens_k is not one for each of the batch"));
  MOSAIC_RETURN_IF_ERROR(
      c.RequireEqual(Product(c.dims(kTotal)), Dim(1), "total_sequence_length is not one number"));
  MOSAIC_RETURN_IF_ERROR(CheckRotation(c, batch, rows, depth));
  Dims known;
  Dim keys = c.NewDim();
  if (c.Known(kTotal, &known) && known.size() == 1) {
    total = known[0];
    keys = Max(past, total);
    if (total.is_number() && total.number() < 0) {
      return Status::Invalid("total_sequence_length is " + total.ToString());
    }
  } else if (c.concrete()) {
    c.Defer();
  }
  if (c.Has(kScoreBias)) {
    if (c.in(kScoreBias).rank() != 4) {
      return Status::BadModel("an attention bias of shape " + ShapeString(c.dims(kScoreBias)));
    }
    MOSAIC_RETURN_IF_ERROR(CheckBroadcast(c, "an attention bias", c.dims(kScoreBias),
                                          {batch, Dim(heads_), rows, c.dims(kScoreBias)[3]}));
    if (total.is_number() && c.dims(kScoreBias)[3].is_number() &&
        c.dims(kScoreBias)[3].number() < total.number()) {
      return Status::BadModel("an attention bias of shape " + ShapeString(c.dims(kScoreBias)) +
                              " does not fit " + total.ToString() + " keys");
    }
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {batch, rows, depth * Dim(heads_)}));
  for (size_t o : {size_t{1}, size_t{2}}) {
    MOSAIC_RETURN_IF_ERROR(c.Set(o, c.dtype(0), {batch, kv_heads, keys, depth}));
  }
  StateItems(c, {0, 0, 0, 0, 0, 0, -1, -1, -1, 0, 0}, {0, 0, 0});
  return Status();
}

Status GroupQueryAttention::Describe(const Call& c, AttentionShape* s) const {
  const Shape& q = c.inputs[kQ].shape();
  s->batch = q[0], s->queries = s->new_keys = q[1];
  s->heads = heads_, s->kv_heads = kv_heads_;
  s->depth = s->value_depth = c.outputs[0].shape().back() / heads_;
  if (c.Given(kK)) {
    s->q = Interleaved(kQ, q, s->depth);
    s->k = Interleaved(kK, c.inputs[kK].shape(), s->depth);
    s->v = Interleaved(kV, c.inputs[kV].shape(), s->depth);
  } else {
    s->q = Interleaved(kQ, q, s->depth);
    s->k = Interleaved(kQ, q, s->depth, heads_ * s->depth);
    s->v = Interleaved(kQ, q, s->depth, (heads_ + kv_heads_) * s->depth);
  }
  s->out = Interleaved(0, c.outputs[0].shape(), s->depth);
  if (c.Given(kPastKey)) {
    s->past = c.inputs[kPastKey].dim(2);
    s->past_k = Separate(kPastKey, c.inputs[kPastKey].shape());
    s->past_v = Separate(kPastValue, c.inputs[kPastValue].shape());
  }
  std::vector<int64_t> total;
  MOSAIC_RETURN_IF_ERROR(c.Ints(kTotal, "total_sequence_length", &total));
  s->keys = s->present = std::max(s->past, total[0]);
  if (Wanted(c, 1)) s->present_k = Separate(1, c.outputs[1].shape());
  if (Wanted(c, 2)) s->present_v = Separate(2, c.outputs[2].shape());
  s->scale = scale_ != 0 ? scale_ : 1 / std::sqrt(static_cast<float>(s->depth));
  s->softcap = softcap_;
  s->causal = true;
  if (window_ > 0) s->left = window_ - 1;
  if (c.Given(kScoreBias)) {
    s->masks.push_back(BroadcastMask(kScoreBias, MaskPart::kAdd, c.inputs[kScoreBias].shape(), 0));
  }
  return Status();
}

Status GroupQueryAttention::RangeOf(const Call& c, const AttentionShape& s, int64_t b,
                                    KeyRange* out) const {
  const int64_t keys = LastOf(c, b) + 1, past = PastOf(c, b);
  if (keys < 1 || keys > s.keys || past < 0 || past > s.past || keys > past + s.queries) {
    return Status::Invalid("seqlens_k " + std::to_string(keys - 1) + " does not fit " +
                           std::to_string(s.queries) + " rows and a cache of " +
                           std::to_string(s.past));
  }
  *out = {keys, past, past};
  return Status();
}

Status GroupQueryAttention::CheckRange(const Call& c, const AttentionShape& s, int64_t b) const {
  KeyRange range;
  MOSAIC_RETURN_IF_ERROR(RangeOf(c, s, b, &range));
  const int64_t count = rotates_ ? c.inputs[kCosines].dim(0) : 0;
  // Rows behind the last key are padding: their positions only have to exist.
  for (int64_t r = 0; rotates_ && r < s.queries; ++r) {
    const int64_t position = PositionOf(c, range.past, b, r);
    if (position >= 0 && position < count) continue;
    return Status::Invalid("position " + std::to_string(position) + " is out of range for " +
                           std::to_string(count));
  }
  return Status();
}

void GroupQueryAttention::Change(const Call& c, Part part, int64_t b, int64_t, int64_t r,
                                 float* row) const {
  if (part == kValue) return;
  const Tensor &cosines = c.inputs[kCosines], &sines = c.inputs[kSines];
  const int64_t half = cosines.dim(1), at = PositionOf(c, PastOf(c, b), b, r) * half;
  Dispatch(ComputedTypes(), cosines.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    Rotate(row, cosines.data<T>() + at, sines.data<T>() + at, half, interleaved_, row);
  });
}

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 14, 4));
  const int64_t heads = node.Int("num_heads", 0), kv_heads = node.Int("kv_num_heads", 0);
  if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0) {
    return Status::BadModel(std::to_string(heads) + " heads of queries cannot share " +
                            std::to_string(kv_heads) + " of keys");
  }
  for (size_t i : {kLast, kTotal}) {
    if (!HasInput(node, i)) return Status::BadModel("has no lengths of keys");
  }
  if (HasInput(node, kK) != HasInput(node, kV) ||
      HasInput(node, kPastKey) != HasInput(node, kPastValue)) {
    return Status::BadModel("has keys without values, or values without keys");
  }
  if (node.Int("do_rotary", 0) != 0 && (!HasInput(node, kCosines) || !HasInput(node, kSines))) {
    return Status::BadModel("do_rotary needs cos_cache and sin_cache");
  }
  if (node.Int("smooth_softmax", 0) > 0 || HasInput(node, 11)) {
    return Status::Unsupported("smooth_softmax and head_sink are not supported");
  }
  if (HasInput(node, 12) || HasInput(node, 13)) {
    return Status::Unsupported("a quantised cache is not supported");
  }
  if (HasOutput(node, 3)) return Status::Unsupported("the output output_qk is not supported");
  *out = std::make_unique<GroupQueryAttention>(node);
  return Status();
}

}  // namespace

extern const OpDef kGroupQueryAttention = {kMicrosoftDomain, "GroupQueryAttention", 1, 1, &Make};

}  // namespace mosaic
