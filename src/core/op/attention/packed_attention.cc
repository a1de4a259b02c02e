// com.microsoft's Attention, after lowering has taken its projection off (lower/microsoft.cc):
// queries, keys and values of all heads are columns of one input, and are read where they lie.
//
//   inputs    the projection [batch, rows, queries + keys + values], -, -, mask, past
//             [2, batch, heads, past, depth], attention bias
//   outputs   result [batch, rows, values], present [2, batch, heads, keys, depth]
#include "core/op/attention/microsoft_attention.h"

namespace mosaic {
namespace {

enum Input : size_t { kProjected = 0, kMask = 3, kPast = 4, kBias = 5 };

class PackedAttention : public MicrosoftAttention {
 public:
  explicit PackedAttention(const Node& node)
      : MicrosoftAttention(node), widths_(node.Ints("qkv_hidden_sizes")) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<float, Float16, BFloat16>>(c.dtype(0), "an input")));
    if (c.Has(kPast)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, kPast));
    for (size_t o = 0; o < c.outputs(); ++o) c.SetUnranked(o, c.dtype(0));
    if (!c.Ranked()) return Status();
    const Dims& x = c.dims(0);
    if (x.size() != 3) return Status::BadModel("an input of shape " + ShapeString(x));
    Dim width, value_width, depth, value_depth;
    MOSAIC_RETURN_IF_ERROR(Widths(c, x[2], &width, &value_width));
    MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "queries", width, heads_, &depth));
    MOSAIC_RETURN_IF_ERROR(HeadWidth(c, "values", value_width, heads_, &value_depth));
    Sizes z{x[0], x[1], x[1]};
    if (c.Has(kPast)) MOSAIC_RETURN_IF_ERROR(AddPast(c, depth, value_depth, &z));
    bool counts;
    MOSAIC_RETURN_IF_ERROR(CheckMasks(c, kMask, kBias, z, &counts));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {x[0], x[1], value_width}));
    if (c.outputs() > 1) {
      MOSAIC_RETURN_IF_ERROR(
          c.RequireEqual(depth, value_depth, "keys and values of the present differ"));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(1, c.dtype(0), {Dim(2), x[0], Dim(heads_), z.keys, depth}));
    StateItems(c, {0, -1, -1, counts ? 0 : -1, 1, 0}, {0, 1});
    return Status();
  }

 protected:
  Status Describe(const Call& c, AttentionShape* s) const override {
    const Shape& x = c.inputs[0].shape();
    const bool given = !widths_.empty();
    const int64_t width = given ? widths_[0] : x[2] / 3, values = given ? widths_[2] : x[2] / 3;
    s->batch = x[0], s->queries = s->new_keys = s->keys = x[1];
    s->heads = s->kv_heads = heads_;
    s->depth = width / heads_, s->value_depth = values / heads_;
    s->q = Interleaved(kProjected, x, s->depth);
    s->k = Interleaved(kProjected, x, s->depth, width);
    s->v = Interleaved(kProjected, x, s->value_depth, 2 * width);
    s->out = Interleaved(0, c.outputs[0].shape(), s->value_depth);
    if (c.Given(kPast)) {
      s->past = c.inputs[kPast].dim(3);
      SetHalves(kPast, c.inputs[kPast].shape(), &s->past_k, &s->past_v);
    }
    s->keys += s->past;
    if (Wanted(c, 1)) SetHalves(1, c.outputs[1].shape(), &s->present_k, &s->present_v);
    DescribeRest(c, kMask, kBias, s);
    return Status();
  }

 private:
  Status Widths(InferContext& c, const Dim& all, Dim* width, Dim* values) const {
    if (widths_.empty())
      return HeadWidth(c, "the projections", all, 3, width).ok()
                 ? (*values = *width, Status())
                 : Status::BadModel("a projection of width " + all.ToString() +
                                    " is not of queries, keys and values");
    *width = widths_[0];
    *values = widths_[2];
    return c.RequireEqual(all, Dim(widths_[0]) + widths_[1] + widths_[2],
                          "the projection does not fit qkv_hidden_sizes");
  }

  Status AddPast(InferContext& c, const Dim& depth, const Dim& value_depth, Sizes* z) const {
    const Dims& past = c.dims(kPast);
    const std::string what = "a past of shape " + ShapeString(past) + " does not fit";
    if (past.size() != 5) return Status::BadModel(what);
    const Dims want = {Dim(2), z->batch, Dim(heads_), past[3], depth};
    for (size_t d = 0; d < 5; ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(past[d], want[d], what));
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(past[4], value_depth, what));
    z->keys = past[3] + z->keys;
    return Status();
  }

  // Keys, then values, of [2, batch, heads, rows, depth].
  static void SetHalves(int place, const Shape& shape, HeadRows* k, HeadRows* v) {
    *k = Separate(place, Shape(shape.begin() + 1, shape.end()));
    *v = *k;
    v->offset = shape[1] * k->batch;
  }

  std::vector<int64_t> widths_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  if (node.Int("projected", 0) == 0) return Status::Internal("the projection was not taken off");
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 6, 2));
  MOSAIC_RETURN_IF_ERROR(PackedAttention::CheckNode(node));
  const std::vector<int64_t> widths = node.Ints("qkv_hidden_sizes");
  const int64_t heads = node.Int("num_heads", 0);
  bool fits = widths.empty() || (widths.size() == 3 && widths[0] == widths[1]);
  for (int64_t w : widths) fits = fits && w > 0 && w % heads == 0;
  if (!fits)
    return Status::BadModel("qkv_hidden_sizes do not fit " + std::to_string(heads) + " heads");
  *out = std::make_unique<PackedAttention>(node);
  return Status();
}

}  // namespace

extern const OpDef kMicrosoftAttention = {kMicrosoftDomain, "Attention", 1, 1, &Make};

}  // namespace mosaic
