// Concat: the inputs one after another along an axis.
#include <algorithm>
#include <cstring>

#include "core/op/op_support.h"
#include "core/tensor/parts.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;  // elements of a unit

class ConcatOp : public Op {
 public:
  explicit ConcatOp(int64_t axis) : axis_(axis) {}

  Status Infer(InferContext& c) const override {
    for (size_t i = 0; i < c.inputs(); ++i) {
      if (!c.Has(i)) return Status::BadModel("an input is omitted");
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
    }
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    const size_t a = static_cast<size_t>(axis);
    Dims out = c.dims(0);
    for (size_t i = 1; i < c.inputs(); ++i) {
      if (c.in(i).rank() != c.in(0).rank()) return CannotJoin(c, i, axis);
      for (size_t d = 0; d < out.size(); ++d) {
        if (d != a && !c.RequireEqual(out[d], c.dims(i)[d], "").ok()) return CannotJoin(c, i, axis);
        if (!out[d].is_number() && d != a) out[d] = c.dims(i)[d];
      }
      out[a] = out[a] + c.dims(i)[a];
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsBroadcast();
    if (c.itemised() && c.out(0).item_axis == axis) c.Mix();
    FollowInts(c);
    if (axis == c.in(0).rank() - 1) IndexOfTuples(c);
    return Status();
  }

  Status Start(Call& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
    Parts& parts = c.NewState<Parts>();
    int64_t inner = 1, start = 0;
    for (int d = axis + 1; d < c.outputs[0].rank(); ++d) inner *= c.outputs[0].dim(d);
    for (const Tensor& t : c.inputs) {
      parts.starts.push_back(start * inner);
      start += t.dim(axis);
    }
    parts.starts.push_back(start * inner);
    c.OnePhase((c.outputs[0].size() + kChunk - 1) / kChunk, kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const int64_t size = DTypeSize(c.outputs[0].dtype());
    char* y = static_cast<char*>(c.outputs[0].mutable_raw());
    c.state<Parts>().ForEachRun(begin * kChunk, std::min(end * kChunk, c.outputs[0].size()),
                                [&](int64_t at, size_t part, int64_t from, int64_t n) {
                                  const char* x = static_cast<const char*>(c.inputs[part].raw());
                                  std::memcpy(y + at * size, x + from * size,
                                              static_cast<size_t>(n * size));
                                });
    return Status();
  }

 private:
  static Status CannotJoin(const InferContext& c, size_t i, int axis) {
    return Status::BadModel("shapes " + ShapeString(c.dims(0)) + " and " + ShapeString(c.dims(i)) +
                            " cannot be joined along axis " + std::to_string(axis));
  }

  // A shape made of known sizes is known.
  static void FollowInts(InferContext& c) {
    if (c.out(0).rank() != 1) return;
    auto all = std::make_shared<Dims>();
    for (size_t i = 0; i < c.inputs(); ++i) {
      Dims part;
      if (!c.Known(i, &part)) return;
      all->insert(all->end(), part.begin(), part.end());
    }
    c.out(0).ints = std::move(all);
  }

  int64_t axis_;
};

Status MakeConcat(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1 << 20));
  if (!HasAttribute(node, "axis")) return Status::BadModel("attribute axis is missing");
  *out = std::make_unique<ConcatOp>(node.Int("axis", 0));
  return Status();
}

}  // namespace

extern const OpDef kConcat = {kOnnxDomain, "Concat", 13, 25, &MakeConcat};

}  // namespace mosaic
