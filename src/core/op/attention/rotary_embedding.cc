// RotaryEmbedding of ONNX and of com.microsoft: pairs of elements of each head are rotated by
// angles that depend on the position.
//
//   inputs    X [batch, rows, heads * depth] or [batch, heads, rows, depth]; cosines and sines
//             [positions, half], or without position_ids [batch, rows, half]; position_ids
//             [batch, rows], and of com.microsoft also [1]: the first position
#include <algorithm>
#include <vector>

#include "core/op/attention/rotation.h"
#include "core/op/op_support.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

using RotatedTypes = Types<float, Float16, BFloat16>;

struct Places {
  size_t cosines, sines, positions;
};

struct State {
  int64_t rows = 0, heads = 0, depth = 0, half = 0;
  int64_t batch_step = 0, head_step = 0, row_step = 0;
  int64_t scratch = 0;
};

class RotaryEmbedding : public Op {
 public:
  RotaryEmbedding(const Node& node, const Places& places)
      : at_(places),
        interleaved_(node.Int("interleaved", 0) != 0),
        heads_(node.Int("num_heads", 0)),
        rotated_(node.Int("rotary_embedding_dim", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<RotatedTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, at_.cosines));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, at_.sines));
    if (c.Has(at_.positions)) {
      MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(at_.positions), "position_ids"));
    }
    if (c.in(0).ranked) {
      MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    } else {
      c.SetUnranked(0, c.dtype(0));
    }
    if (!c.Ranked()) return Status();
    MOSAIC_RETURN_IF_ERROR(CheckShapes(c));
    // Each of the batch has its own positions, or all have the same.
    const bool own = c.Has(at_.positions) ? c.in(at_.positions).rank() == 2 : true;
    StateItems(c, own);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape& x = c.inputs[0].shape();
    s.half = c.inputs[at_.cosines].shape().back();
    if (x.size() == 4) {
      s.heads = x[1], s.rows = x[2], s.depth = x[3];
      s.row_step = x[3], s.head_step = x[2] * x[3];
    } else {
      s.heads = HeadsOf(x[2], s.half), s.rows = x[1];
      s.depth = s.heads == 0 ? 0 : x[2] / s.heads;
      s.row_step = x[2], s.head_step = s.depth;
    }
    s.batch_step = c.inputs[0].size() / std::max<int64_t>(x[0], 1);
    c.scratch_bytes = s.depth * static_cast<int64_t>(sizeof(float));
    if (c.inputs[0].size() == 0) return Status();
    // A unit is one row of one head.
    c.OnePhase(x[0] * s.rows * s.heads, 8.0 * static_cast<double>(s.depth) + 40);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    Status status;
    Dispatch(RotatedTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end && status.ok(); ++u) status = Row<T>(c, u);
    });
    return status;
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  int64_t HeadsOf(int64_t width, int64_t half) const {
    if (heads_ > 0) return heads_;
    return half == 0 ? 0 : width / (2 * half);  // com.microsoft: all of a head is rotated
  }

  Status CheckShapes(InferContext& c) const {
    const Dims &x = c.dims(0), &cosines = c.dims(at_.cosines), &sines = c.dims(at_.sines);
    if (x.size() < 3 || x.size() > 4) {
      return Status::BadModel("an input of shape " + ShapeString(x) +
                              " is not of 3 or 4 dimensions");
    }
    const std::string what = "cosines and sines of shapes " + ShapeString(cosines) + " and " +
                             ShapeString(sines) + " do not fit an input of shape " + ShapeString(x);
    const bool given = c.Has(at_.positions);
    const size_t rank = given ? 2 : 3;
    if (cosines.size() != rank || sines.size() != rank) return Status::BadModel(what);
    for (size_t d = 0; d < rank; ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(cosines[d], sines[d], what));
    }
    const Dim& rows = x[x.size() - 2];
    if (!given) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(cosines[0], x[0], what));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(cosines[1], rows, what));
    } else {
      MOSAIC_RETURN_IF_ERROR(CheckPositions(c, x[0], rows));
    }
    return CheckDepth(x, cosines.back(), what);
  }

  Status CheckPositions(InferContext& c, const Dim& batch, const Dim& rows) const {
    const Dims& p = c.dims(at_.positions);
    const std::string what = "position_ids of shape " + ShapeString(p) + " do not fit";
    if (p.size() == 1 && at_.positions == 1 && !Differ(p[0], Dim(1))) return Status();
    if (p.size() != 2) return Status::BadModel(what);
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(p[0], batch, what));
    return c.RequireEqual(p[1], rows, what);
  }

  Status CheckDepth(const Dims& x, const Dim& half, const std::string& what) const {
    if (x.size() == 3 && heads_ == 0 && at_.positions != 1) {
      return Status::BadModel("num_heads is needed for an input of 3 dimensions");
    }
    if (!half.is_number() || !x.back().is_number()) return Status();
    const int64_t rotated = 2 * half.number();
    if (rotated_ > 0 && rotated_ != rotated) return Status::BadModel(what);
    int64_t depth = x.back().number();
    if (x.size() == 3) {
      const int64_t heads = HeadsOf(depth, half.number());
      if (heads == 0 ? depth != 0 : depth % heads != 0) return Status::BadModel(what);
      depth = heads == 0 ? 0 : depth / heads;
    }
    if (rotated > depth || (rotated_ == 0 && rotated != depth)) return Status::BadModel(what);
    return Status();
  }

  void StateItems(InferContext& c, bool own_positions) const {
    if (!c.itemised()) return;
    const bool given = c.Has(at_.positions);
    if (c.item_axis(0) != 0) return c.Mix();
    for (size_t i : {at_.cosines, at_.sines, at_.positions}) {
      if (!c.Has(i)) continue;
      const bool counts = own_positions && (given ? i == at_.positions : i != at_.positions);
      if (c.Itemised(i) ? !counts || c.item_axis(i) != 0 : counts && !c.dims(i)[0].Is(1)) {
        return c.Mix();
      }
    }
    c.out(0).item_axis = 0;
  }

  template <typename T>
  Status Row(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t head = unit % s.heads, row = unit / s.heads % s.rows;
    const int64_t b = unit / s.heads / s.rows;
    int64_t position = b * s.rows + row;
    if (c.Given(at_.positions)) {
      const Tensor& ids = c.inputs[at_.positions];
      const int64_t count = c.inputs[at_.cosines].dim(0);
      position = ids.rank() == 1 ? std::min(ids.data<int64_t>()[0], count) + row
                                 : ids.data<int64_t>()[position];
      if (position < 0 || position >= count) {
        return Status::Invalid("position " + std::to_string(position) + " is out of range for " +
                               std::to_string(count));
      }
    }
    const int64_t at = b * s.batch_step + head * s.head_step + row * s.row_step;
    float* x = static_cast<float*>(c.scratch);
    T* y = c.outputs[0].mutable_data<T>() + at;
    ConvertElements(c.inputs[0].dtype(), c.inputs[0].data<T>() + at, MOSAIC_FLOAT, x, s.depth);
    Rotate(x, c.inputs[at_.cosines].data<T>() + position * s.half,
           c.inputs[at_.sines].data<T>() + position * s.half, s.half, interleaved_, x);
    ConvertElements(MOSAIC_FLOAT, x, c.outputs[0].dtype(), y, s.depth);
    return Status();
  }

  Places at_;
  bool interleaved_;
  int64_t heads_, rotated_;
};

Status CheckNode(const Node& node) {
  if (node.Int("num_heads", 0) < 0) return Status::BadModel("num_heads is negative");
  const int64_t rotated = node.Int("rotary_embedding_dim", 0);
  if (rotated < 0 || rotated % 2 != 0) {
    return Status::BadModel("rotary_embedding_dim is " + std::to_string(rotated));
  }
  return Status();
}

Status MakeOnnx(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 4));
  MOSAIC_RETURN_IF_ERROR(CheckNode(node));
  *out = std::make_unique<RotaryEmbedding>(node, Places{1, 2, 3});
  return Status();
}

Status MakeMicrosoft(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 4, 4));
  MOSAIC_RETURN_IF_ERROR(CheckNode(node));
  if (node.Int("rotary_embedding_dim", 0) > 0 && node.Int("num_heads", 0) == 0) {
    return Status::BadModel("num_heads is needed where a part of each head is rotated");
  }
  if (node.Int("is_packed_batching", 0) != 0) {
    return Status::Unsupported("is_packed_batching is not supported");
  }
  if (node.Float("scale", 1) != 1) {
    return Status::Unsupported("a scale other than 1 is not supported");
  }
  *out = std::make_unique<RotaryEmbedding>(node, Places{2, 3, 1});
  return Status();
}

}  // namespace

extern const OpDef kRotaryEmbedding = {kOnnxDomain, "RotaryEmbedding", 23, 25, &MakeOnnx};
extern const OpDef kMicrosoftRotaryEmbedding = {kMicrosoftDomain, "RotaryEmbedding", 1, 1,
                                                &MakeMicrosoft};

}  // namespace mosaic
