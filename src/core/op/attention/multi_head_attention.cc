// com.microsoft's MultiHeadAttention.
//
//   inputs    query [batch, rows, width], or of queries, keys and values [batch, rows, heads, 3,
//             depth]; key and value [batch, rows, width], or key alone of both [batch, rows, heads,
//             2, depth], or both [batch, heads, rows, depth]; bias of queries, keys and values;
//             mask; attention bias; past key and past value [batch, heads, past, depth]
//   outputs   result [batch, rows, width of values], present key, present value, scaled scores
#include <vector>

#include "core/op/attention/microsoft_attention.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

enum Input : size_t { kQuery, kKeys, kValues, kBias, kMask, kScoreBias, kPastKey, kPastValue };

class MultiHeadAttention : public MicrosoftAttention {
 public:
  explicit MultiHeadAttention(const Node& node) : MicrosoftAttention(node) {}

  Status Infer(InferContext& c) const override;

 protected:
  Status Describe(const Call& c, AttentionShape* s) const override;
  bool Changes(const Call& c) const override { return c.Given(kBias); }
  void Change(const Call& c, Part part, int64_t, int64_t head, int64_t, float* row) const override {
    const Tensor& t = c.inputs[kBias];
    const bool packed = c.inputs[kQuery].rank() == 5;
    const int64_t values = c.outputs[0].shape().back();
    const int64_t width = packed ? values : c.inputs[kQuery].shape().back();
    const int64_t depth = (part == AttentionOp::kValue ? values : width) / heads_;
    const int64_t first = part == AttentionOp::kQuery ? 0
                          : part == AttentionOp::kKey ? width
                                                      : 2 * width;
    Dispatch(Types<float, Float16, BFloat16>(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* bias = t.data<T>() + first + head * depth;
      for (int64_t d = 0; d < depth; ++d) row[d] += static_cast<float>(Load(bias[d]));
    });
  }

 private:
  struct Heads {
    Dim depth, value_depth, new_keys;
  };
  Status HeadsOf(InferContext& c, Heads* h) const;
  Status SeparateKeys(InferContext& c, Heads* h) const;
};

Status MultiHeadAttention::HeadsOf(InferContext& c, Heads* h) const {
  const Dims& q = c.dims(kQuery);
  if (q.size() == 5) {  // heads, 3, depth
    if (c.Has(kKeys) || c.Has(kValues)) return Status::BadModel("has keys twice");
    h->depth = h->value_depth = q[4];
    h->new_keys = q[1];
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(q[2], Dim(heads_), "num_heads does not fit the query"));
    return c.RequireEqual(q[3], Dim(3), "a query of shape " + ShapeString(q));
  }
  if (q.size() != 3) return Status::BadModel("a query of shape " + ShapeString(q));
  MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "queries", q[2], heads_, &h->depth));
  if (!c.Has(kKeys)) return Status::BadModel("has no keys");
  return SeparateKeys(c, h);
}

Status MultiHeadAttention::SeparateKeys(InferContext& c, Heads* h) const {
  const Dims &q = c.dims(kQuery), &k = c.dims(kKeys);
  const std::string what =
      "queries and keys of shapes " + ShapeString(q) + " and " + ShapeString(k) + " do not fit";
  if (k.size() < 3 || k.size() > 5) return Status::BadModel(what);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[0], q[0], what));
  if (k.size() == 5) {  // heads, 2, depth
    if (c.Has(kValues)) return Status::BadModel("has values twice");
    h->value_depth = h->depth;
    h->new_keys = k[1];
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[2], Dim(heads_), what));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[3], Dim(2), what));
    return c.RequireEqual(k[4], h->depth, what);
  }
  if (!c.Has(kValues)) return Status::BadModel("has no values");
  const Dims& v = c.dims(kValues);
  const std::string both =
      "keys and values of shapes " + ShapeString(k) + " and " + ShapeString(v) + " do not fit";
  if (v.size() != k.size()) return Status::BadModel(both);
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[0], v[0], both));
  if (k.size() == 3) {
    h->new_keys = k[1];
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[2], q[2], what));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[1], v[1], both));
    return HeadWidth(c, "values", v[2], heads_, &h->value_depth);
  }
  if (c.Has(kBias) || c.Has(kPastKey)) {
    return Status::Unsupported("a bias or past with keys of 4 dimensions is not supported");
  }
  h->new_keys = k[2];
  h->value_depth = v[3];
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[1], Dim(heads_), what));
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(v[1], Dim(heads_), both));
  MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[2], v[2], both));
  return c.RequireEqual(k[3], h->depth, what);
}

Status MultiHeadAttention::Infer(InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR((CheckType<Types<float, Float16, BFloat16>>(c.dtype(0), "an input")));
  for (size_t i : {kKeys, kValues, kBias, kPastKey, kPastValue}) {
    if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
  }
  for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, c.dtype(0));
  if (!c.Ranked()) return Status();
  Heads h;
  MOSAIC_RETURN_IF_ERROR(HeadsOf(c, &h));
  const Dims& q = c.dims(kQuery);
  const Dim heads = heads_, width = h.depth * heads, value_width = h.value_depth * heads;
  Sizes z{q[0], q[1], h.new_keys};
  if (c.Has(kBias)) {
    const std::string what = "a bias of shape " + ShapeString(c.dims(kBias)) + " does not fit";
    if (c.in(kBias).rank() != 1) return Status::BadModel(what);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(kBias)[0], width * Dim(2) + value_width, what));
  }
  if (c.Has(kPastKey)) {
    Dim past;
    MOSAIC_RETURN_IF_ERROR(
        CheckPast(c, kPastKey, kPastValue, q[0], heads, h.depth, h.value_depth, &past));
    z.keys = past + h.new_keys;
  }
  bool counts;
  MOSAIC_RETURN_IF_ERROR(CheckMasks(c, kMask, kScoreBias, z, &counts));
  MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {q[0], q[1], value_width}));
  MOSAIC_RETURN_IF_ERROR(c.Set(1, c.dtype(0), {q[0], heads, z.keys, h.depth}));
  MOSAIC_RETURN_IF_ERROR(c.Set(2, c.dtype(0), {q[0], heads, z.keys, h.value_depth}));
  MOSAIC_RETURN_IF_ERROR(c.Set(3, c.dtype(0), {q[0], heads, q[1], z.keys}));
  StateItems(c, {0, 0, 0, -1, counts ? 0 : -1, 0, 0, 0}, {0, 0, 0, 0});
  return Status();
}

Status MultiHeadAttention::Describe(const Call& c, AttentionShape* s) const {
  const Shape& q = c.inputs[kQuery].shape();
  s->batch = q[0], s->queries = q[1], s->heads = s->kv_heads = heads_;
  s->value_depth = c.outputs[0].shape().back() / heads_;
  s->depth = q.size() == 5 ? q[4] : q[2] / heads_;
  // Heads of several kinds of rows beside each other.
  const auto packed = [&](size_t input, int64_t kinds, int64_t kind) {
    const int64_t rows = c.inputs[input].dim(1), step = kinds * s->depth;
    return HeadRows{static_cast<int>(input), kind * s->depth, rows * heads_ * step, step,
                    heads_ * step};
  };
  if (q.size() == 5) {
    s->new_keys = q[1];
    s->q = packed(kQuery, 3, 0), s->k = packed(kQuery, 3, 1), s->v = packed(kQuery, 3, 2);
  } else {
    const Shape& k = c.inputs[kKeys].shape();
    s->q = Interleaved(kQuery, q, s->depth);
    s->new_keys = k.size() == 4 ? k[2] : k[1];
    if (k.size() == 5) {
      s->k = packed(kKeys, 2, 0), s->v = packed(kKeys, 2, 1);
    } else if (k.size() == 4) {
      s->k = Separate(kKeys, k), s->v = Separate(kValues, c.inputs[kValues].shape());
    } else {
      s->k = Interleaved(kKeys, k, s->depth);
      s->v = Interleaved(kValues, c.inputs[kValues].shape(), s->value_depth);
    }
  }
  s->out = Interleaved(0, c.outputs[0].shape(), s->value_depth);
  if (c.Given(kPastKey)) {
    s->past = c.inputs[kPastKey].dim(2);
    s->past_k = Separate(kPastKey, c.inputs[kPastKey].shape());
    s->past_v = Separate(kPastValue, c.inputs[kPastValue].shape());
  }
  s->keys = s->past + s->new_keys;
  if (Wanted(c, 1)) s->present_k = Separate(1, c.outputs[1].shape());
  if (Wanted(c, 2)) s->present_v = Separate(2, c.outputs[2].shape());
  if (Wanted(c, 3)) {
    s->scores_output = 3;
    s->scores_stage = 2;
  }
  DescribeRest(c, kMask, kScoreBias, s);
  return Status();
}

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 10, 4));
  MOSAIC_RETURN_IF_ERROR(MultiHeadAttention::CheckNode(node));
  if (HasInput(node, kPastKey) != HasInput(node, kPastValue)) {
    return Status::BadModel("has one of past_key and past_value only");
  }
  if (HasInput(node, 8) || HasInput(node, 9)) {
    return Status::Unsupported("a cache that is shared with the past is not supported");
  }
  *out = std::make_unique<MultiHeadAttention>(node);
  return Status();
}

}  // namespace

extern const OpDef kMultiHeadAttention = {kMicrosoftDomain, "MultiHeadAttention", 1, 1, &Make};

}  // namespace mosaic
