// Shape (since opset 15 of a range of the dimensions) and Size, as int64.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class ShapeOp : public Op {
 public:
  ShapeOp(int64_t start, int64_t end) : start_(start), end_(end) {}

  Status Prepare(OpContext& c) const override {
    const Shape& shape = c.inputs[0].shape();
    const int64_t rank = c.inputs[0].rank();
    const int64_t start = std::clamp<int64_t>(start_ < 0 ? start_ + rank : start_, 0, rank);
    const int64_t end = std::clamp<int64_t>(end_ < 0 ? end_ + rank : end_, start, rank);
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, MOSAIC_INT64, {end - start}, &c.outputs[0]));
    std::copy(shape.begin() + start, shape.begin() + end, c.outputs[0].mutable_data<int64_t>());
    c.unit_cost = 1;
    return Status();
  }

  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext&) const override { return ItemRule::kShapeOnly; }

 private:
  int64_t start_, end_;
};

class SizeOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, MOSAIC_INT64, {}, &c.outputs[0]));
    *c.outputs[0].mutable_data<int64_t>() = c.inputs[0].size();
    c.unit_cost = 1;
    return Status();
  }

  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext&) const override { return ItemRule::kShapeOnly; }
};

Status MakeShape(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  int64_t start = 0, end = std::numeric_limits<int64_t>::max();
  if (graph.opset >= 15) {
    start = node.Int("start", start);
    end = node.Int("end", end);
  }
  *out = std::make_unique<ShapeOp>(start, end);
  return Status();
}

}  // namespace

extern const OpDef kShape = {"Shape", 9, 17, &MakeShape};
extern const OpDef kSize = {"Size", 9, 17, &MakePlain<SizeOp, 1, 1>};

}  // namespace mosaic
