// Attention: ONNX's scaled dot-product attention, of opset 25.
//
//   inputs    Q, K, V: [batch, rows, heads * depth] or [batch, heads, rows, depth]; attn_mask;
//   past_key,
//             past_value; nonpad_kv_seqlen: the keys that each of the batch has
//   outputs   Y, present_key, present_value, and the scores at the stage of qk_matmul_output_mode
//
// A query that sees no key gives 0.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/op/attention/attention_core.h"

namespace mosaic {
namespace {

using ComputedTypes = Types<float, Float16, BFloat16>;
constexpr int64_t kMostKeys = int64_t{1} << 40;  // more than any array has: added without overflow
constexpr float kHidden = -std::numeric_limits<float>::infinity();

enum Input : size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLengths };

class Attention : public AttentionOp {
 public:
  explicit Attention(const Node& node)
      : heads_(node.Int("q_num_heads", 0)),
        kv_heads_(node.Int("kv_num_heads", 0)),
        causal_(node.Int("is_causal", 0) != 0),
        scale_(node.Float("scale", 0)),
        scaled_(HasAttribute(node, "scale")),
        softcap_(node.Float("softcap", 0)),
        left_(std::min(node.Int("left_window_size", -1), kMostKeys)),
        right_(std::min(node.Int("right_window_size", -1), kMostKeys)),
        stage_(static_cast<int>(node.Int("qk_matmul_output_mode", 0))) {}

  Status Infer(InferContext& c) const override;

 protected:
  Status Describe(const Call& c, AttentionShape* s) const override;
  bool HasRanges(const Call& c) const override { return c.Given(kLengths); }
  Status RangeOf(const Call& c, const AttentionShape& s, int64_t b, KeyRange* out) const override;

 private:
  struct Sizes {
    Dim batch, heads, kv_heads, queries, new_keys, keys, depth, value_depth;
  };
  Status SizesOf(InferContext& c, Sizes* z) const;
  Status AddPast(InferContext& c, Sizes* z) const;
  Status CheckMasks(InferContext& c, const Sizes& z) const;
  Status SetOutputs(InferContext& c, const Sizes& z) const;

  int64_t heads_, kv_heads_;
  bool causal_;
  float scale_;
  bool scaled_;
  float softcap_;
  int64_t left_, right_;  // keys beside its own that a query sees; -1: all
  int stage_;
};

Status Attention::Infer(InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR(CheckType<ComputedTypes>(c.dtype(kQ), "Q"));
  for (size_t i : {kK, kV, kPastKey, kPastValue}) {
    if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, kQ, i));
  }
  if (c.Has(kMask) && c.dtype(kMask) != MOSAIC_BOOL) {
    MOSAIC_RETURN_IF_ERROR(CheckType<ComputedTypes>(c.dtype(kMask), "attn_mask"));
  }
  if (c.Has(kLengths)) {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(kLengths), "nonpad_kv_seqlen"));
  }
  for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, c.dtype(kQ));
  if (!c.Ranked()) return Status();
  Sizes z;
  MOSAIC_RETURN_IF_ERROR(SizesOf(c, &z));
  MOSAIC_RETURN_IF_ERROR(AddPast(c, &z));
  MOSAIC_RETURN_IF_ERROR(CheckMasks(c, z));
  MOSAIC_RETURN_IF_ERROR(SetOutputs(c, z));
  const bool counts = c.Has(kMask) && c.in(kMask).rank() == 4;  // the batch
  StateItems(c, {0, 0, 0, counts ? 0 : -1, 0, 0, 0}, {0, 0, 0, 0});
  return Status();
}

Status Attention::SizesOf(InferContext& c, Sizes* z) const {
  const Dims &q = c.dims(kQ), &k = c.dims(kK), &v = c.dims(kV);
  const std::string shapes =
      "Q, K and V of shapes " + ShapeString(q) + ", " + ShapeString(k) + " and " + ShapeString(v);
  if (q.size() != k.size() || q.size() != v.size() || q.size() < 3 || q.size() > 4) {
    return Status::BadModel(shapes + " are not all of 3, or all of 4 dimensions");
  }
  z->batch = q[0];
  if (q.size() == 4) {
    z->heads = q[1], z->queries = q[2], z->depth = q[3];
    z->kv_heads = k[1], z->new_keys = k[2], z->value_depth = v[3];
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[1], v[1], shapes + " do not fit"));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[3], q[3], shapes + " do not fit"));
  } else {
    if (heads_ < 1 || kv_heads_ < 1) {
      return Status::BadModel("q_num_heads and kv_num_heads are needed for inputs of 3 dimensions");
    }
    z->heads = heads_, z->kv_heads = kv_heads_, z->queries = q[1], z->new_keys = k[1];
    Dim depth;
    MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "Q", q[2], heads_, &z->depth));
    MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "K", k[2], kv_heads_, &depth));
    MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "V", v[2], kv_heads_, &z->value_depth));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(depth, z->depth, shapes + " do not fit"));
  }
  for (const Dims* d : {&k, &v}) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual((*d)[0], z->batch, shapes + " do not fit"));
  }
  const size_t rows = q.size() - 2;
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[rows], v[rows], shapes + " do not fit"));
  if (z->heads.is_number() && z->kv_heads.is_number() && z->heads.number() > 0 &&
      (z->kv_heads.number() == 0 || z->heads.number() % z->kv_heads.number() != 0)) {
    return Status::BadModel(z->heads.ToString() + " heads of queries cannot share " +
                            z->kv_heads.ToString() + " of keys");
  }
  z->keys = z->new_keys;
  return Status();
}

Status Attention::AddPast(InferContext& c, Sizes* z) const {
  if (!c.Has(kPastKey)) return Status();
  Dim past;
  MOSAIC_RETURN_IF_ERROR(
      CheckPast(c, kPastKey, kPastValue, z->batch, z->kv_heads, z->depth, z->value_depth, &past));
  z->keys = past + z->new_keys;
  return Status();
}

Status Attention::CheckMasks(InferContext& c, const Sizes& z) const {
  if (c.Has(kLengths)) {
    if (c.in(kLengths).rank() != 1) {
      return Status::BadModel("nonpad_kv_seqlen has shape " + ShapeString(c.dims(kLengths)));
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(kLengths)[0], z.batch,
                                          "nonpad_kv_seqlen is not one for each of the batch"));
  }
  if (!c.Has(kMask)) return Status();
  const Dims& mask = c.dims(kMask);
  if (mask.size() < 2 || mask.size() > 4) {
    return Status::BadModel("attn_mask has shape " + ShapeString(mask));
  }
  // It may say something of the first keys only.
  Dims scores = {z.batch, z.heads, z.queries, mask.back()};
  if (mask.back().is_number() && z.keys.is_number() && mask.back().number() > z.keys.number()) {
    return Status::BadModel("attn_mask of shape " + ShapeString(mask) + " is of more than " +
                            z.keys.ToString() + " keys");
  }
  return CheckBroadcast(c, "attn_mask", mask, scores);
}

Status Attention::SetOutputs(InferContext& c, const Sizes& z) const {
  const int dtype = c.dtype(kQ);
  if (c.in(kQ).rank() == 4) {
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, {z.batch, z.heads, z.queries, z.value_depth}));
  } else {
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, {z.batch, z.queries, z.heads * z.value_depth}));
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(1, dtype, {z.batch, z.kv_heads, z.keys, z.depth}));
  MOSAIC_RETURN_IF_ERROR(c.Set(2, dtype, {z.batch, z.kv_heads, z.keys, z.value_depth}));
  return c.Set(3, dtype, {z.batch, z.heads, z.queries, z.keys});
}

Status Attention::Describe(const Call& c, AttentionShape* s) const {
  const Shape &q = c.inputs[kQ].shape(), &k = c.inputs[kK].shape(), &v = c.inputs[kV].shape();
  s->batch = q[0];
  if (q.size() == 4) {
    s->heads = q[1], s->kv_heads = k[1], s->queries = q[2], s->keys = k[2];
    s->depth = q[3], s->value_depth = v[3];
    s->q = Separate(kQ, q), s->k = Separate(kK, k), s->v = Separate(kV, v);
    s->out = Separate(0, c.outputs[0].shape());
  } else {
    s->heads = heads_, s->kv_heads = kv_heads_, s->queries = q[1], s->keys = k[1];
    s->depth = q[2] / heads_, s->value_depth = v[2] / kv_heads_;
    s->q = Interleaved(kQ, q, s->depth), s->k = Interleaved(kK, k, s->depth);
    s->v = Interleaved(kV, v, s->value_depth);
    s->out = Interleaved(0, c.outputs[0].shape(), s->value_depth);
  }
  if (c.Given(kPastKey)) {
    s->past_k = Separate(kPastKey, c.inputs[kPastKey].shape());
    s->past_v = Separate(kPastValue, c.inputs[kPastValue].shape());
    s->past = c.inputs[kPastKey].dim(2);
    s->keys += s->past;
  }
  s->new_keys = s->keys - s->past;
  s->present = s->keys;
  if (Wanted(c, 1)) s->present_k = Separate(1, c.outputs[1].shape());
  if (Wanted(c, 2)) s->present_v = Separate(2, c.outputs[2].shape());
  if (Wanted(c, 3)) s->scores_output = 3;
  s->scores_stage = stage_;
  s->scale = scaled_ ? scale_ : 1 / std::sqrt(static_cast<float>(s->depth));
  s->softcap = softcap_;
  s->causal = causal_;
  s->left = left_;
  s->right = right_;
  s->masked_is_zero = true;
  if (c.Given(kMask)) {
    const bool keep = c.inputs[kMask].dtype() == MOSAIC_BOOL;
    s->masks.push_back(BroadcastMask(kMask, keep ? MaskPart::kKeep : MaskPart::kAdd,
                                     c.inputs[kMask].shape(), kHidden));
  }
  return Status();
}

Status Attention::RangeOf(const Call& c, const AttentionShape& s, int64_t b, KeyRange* out) const {
  *out = {s.keys, s.past, s.past};
  if (!c.Given(kLengths)) return Status();
  const int64_t n = c.inputs[kLengths].data<int64_t>()[b];
  if (n < 0 || n > s.keys) {
    return Status::Invalid("nonpad_kv_seqlen " + std::to_string(n) + " is out of range for " +
                           std::to_string(s.keys) + " keys");
  }
  *out = {n, 0, n - s.queries};
  return Status();
}

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 7, 4));
  if (HasInput(node, kPastKey) != HasInput(node, kPastValue)) {
    return Status::BadModel("has one of past_key and past_value only");
  }
  if (HasInput(node, kPastKey) && HasInput(node, kLengths)) {
    return Status::BadModel("has both past_key and nonpad_kv_seqlen");
  }
  const int64_t stage = node.Int("qk_matmul_output_mode", 0);
  if (stage < 0 || stage > 3) {
    return Status::BadModel("qk_matmul_output_mode is " + std::to_string(stage));
  }
  if (node.Int("q_num_heads", 0) < 0 || node.Int("kv_num_heads", 0) < 0) {
    return Status::BadModel("a number of heads is negative");
  }
  if (node.Int("left_window_size", -1) < -1 || node.Int("right_window_size", -1) < -1) {
    return Status::BadModel("a window size is below -1");
  }
  const int64_t precision = node.Int("softmax_precision", MOSAIC_FLOAT);
  if (precision != MOSAIC_FLOAT && precision != MOSAIC_FLOAT16 && precision != MOSAIC_BFLOAT16) {
    return Status::Unsupported("a softmax_precision beyond float32 is not supported");
  }
  *out = std::make_unique<Attention>(node);
  return Status();
}

}  // namespace

extern const OpDef kAttention = {kOnnxDomain, "Attention", 25, 25, &Make};

}  // namespace mosaic
