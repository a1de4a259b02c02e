#include "core/op/attention/fused_attention.h"

#include <limits>
#include <utility>

namespace mosaic {
namespace {

class FusedAttention : public AttentionOp {
 public:
  explicit FusedAttention(const FusedAttentionConfig& config) : config_(config) {}

  Status Infer(InferContext& c) const override {
    for (size_t i : {0, 1, 2}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(i), "an input"));
    }
    c.SetUnranked(0, MOSAIC_FLOAT);
    if (!c.Ranked()) return Status();
    Dims q = c.dims(0), k = c.dims(1), v = c.dims(2);
    const std::string shapes = "queries, keys and values of shapes " + ShapeString(q) + ", " +
                               ShapeString(k) + " and " + ShapeString(v) + " do not fit";
    const size_t rank = static_cast<size_t>(config_.rank);
    if (q.size() != rank || k.size() != rank || v.size() != rank) return Status::BadModel(shapes);
    if (config_.q_rows_first) std::swap(q[1], q[2]);
    if (config_.k_rows_first) std::swap(k[1], k[2]);
    if (config_.v_rows_first) std::swap(v[1], v[2]);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(q[rank - 1], k[rank - 1], shapes));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(k[rank - 2], v[rank - 2], shapes));
    // Heads and masks are broadcast, as products and sums do it.
    Dims scores(q.begin(), q.end() - 1);
    for (const Dims* heads : {&k, &v}) {
      Dims leading(heads->begin(), heads->end() - 2);
      leading.push_back(Dim(1));
      MOSAIC_RETURN_IF_ERROR(c.Broadcast(scores, leading, &scores));
    }
    scores.push_back(k[rank - 2]);
    std::vector<int> axes = {0, 0, 0};
    for (size_t i = 0; i < config_.masks.size(); ++i) {
      const Dims& mask = c.dims(3 + i);
      MOSAIC_RETURN_IF_ERROR(c.Broadcast(scores, mask, &scores));
      axes.push_back(mask.size() == rank ? 0 : -1);
    }
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(scores[rank - 1], k[rank - 2], "masks and keys do not fit"));
    Dims out = std::move(scores);
    out[rank - 1] = v[rank - 1];
    if (config_.out_rows_first) std::swap(out[1], out[2]);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_FLOAT, std::move(out)));
    StateItems(c, axes, {0});
    return Status();
  }

 protected:
  Status Describe(const Call& c, AttentionShape* s) const override {
    const auto sizes = [&](const Tensor& t, bool rows_first) {
      Shape shape = t.shape();
      if (rows_first) std::swap(shape[1], shape[2]);
      if (shape.size() == 3) shape.insert(shape.begin(), 1);
      return shape;
    };
    const Shape out = sizes(c.outputs[0], config_.out_rows_first);
    // Steps of what is broadcast to the result are 0.
    const auto rows = [&](int input, const Shape& z, bool rows_first, bool queries) {
      const int64_t heads = z[1], count = z[2], depth = z[3];
      HeadRows r{input, 0, heads * count * depth, rows_first ? depth : count * depth,
                 rows_first ? heads * depth : depth};
      if (z[0] != out[0]) r.batch = 0;
      if (heads != out[1]) r.head = 0;
      if (queries && count != out[2]) r.row = 0;
      return r;
    };
    const Shape q = sizes(c.inputs[0], config_.q_rows_first);
    const Shape k = sizes(c.inputs[1], config_.k_rows_first);
    const Shape v = sizes(c.inputs[2], config_.v_rows_first);
    s->batch = out[0], s->heads = s->kv_heads = out[1], s->queries = out[2], s->depth = q[3];
    s->keys = s->new_keys = s->present = k[2], s->value_depth = v[3];
    s->q = rows(0, q, config_.q_rows_first, true);
    s->k = rows(1, k, config_.k_rows_first, false);
    s->v = rows(2, v, config_.v_rows_first, false);
    s->out = rows(0, out, config_.out_rows_first, true);
    s->scale = config_.scale;
    s->nan_is_zero = config_.nan_is_zero;
    for (size_t i = 0; i < config_.masks.size(); ++i) {
      const Shape& shape = c.inputs[3 + i].shape();
      if (shape.empty()) return Status::Internal("a mask without dimensions");
      MaskPart m = BroadcastMask(static_cast<int>(3 + i), config_.masks[i].kind, shape,
                                 config_.masks[i].hidden);
      m.replaces = m.kind != MaskPart::kAdd;  // as Where does
      if (shape.back() == 1) {
        m.key = 0;
        m.keys = std::numeric_limits<int64_t>::max();
      }
      s->masks.push_back(m);
    }
    return Status();
  }

 private:
  FusedAttentionConfig config_;
};

}  // namespace

std::unique_ptr<Op> MakeFusedAttention(const FusedAttentionConfig& config) {
  return std::make_unique<FusedAttention>(config);
}

}  // namespace mosaic
