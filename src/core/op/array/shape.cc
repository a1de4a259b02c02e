// Shape (of a range of the dimensions) and Size, as int64. Where shapes are known, so are these.
#include <algorithm>
#include <limits>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

// What is known of the result: in concrete mode its elements, else what they are in symbols.
Status SetKnown(InferContext& c, Dims dims, bool scalar) {
  auto known = std::make_shared<Dims>(std::move(dims));
  MOSAIC_RETURN_IF_ERROR(
      c.Set(0, MOSAIC_INT64, scalar ? Dims() : Dims{static_cast<int64_t>(known->size())}));
  c.out(0).ints = std::move(known);
  return Status();
}

class ShapeOp : public Op {
 public:
  explicit ShapeOp(const Node& node)
      : start_(node.Int("start", 0)), end_(node.Int("end", std::numeric_limits<int64_t>::max())) {}

  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) return c.Set(0, MOSAIC_INT64, {c.NewDim()});
    const auto [start, end] = Range(c.in(0).rank());
    return SetKnown(c, Dims(c.dims(0).begin() + start, c.dims(0).begin() + end), false);
  }

  Status Start(Call& c) const override {
    c.OnePhase(1, 1);
    return Status();
  }

  Status Run(Call& c, int, int64_t, int64_t) const override {
    const Shape& shape = c.inputs[0].shape();
    const auto [start, end] = Range(c.inputs[0].rank());
    if (!c.outputs[0].defined()) {
      MOSAIC_RETURN_IF_ERROR(c.Allocate(0, MOSAIC_INT64, {end - start}));
    }
    std::copy(shape.begin() + start, shape.begin() + end, c.outputs[0].mutable_data<int64_t>());
    return Status();
  }

 private:
  std::pair<int64_t, int64_t> Range(int64_t rank) const {
    const int64_t start = std::clamp<int64_t>(start_ < 0 ? start_ + rank : start_, 0, rank);
    return {start, std::clamp<int64_t>(end_ < 0 ? end_ + rank : end_, start, rank)};
  }

  int64_t start_, end_;
};

class SizeOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) return c.Set(0, MOSAIC_INT64, {});
    return SetKnown(c, {Product(c.dims(0))}, true);
  }
  Status Start(Call& c) const override {
    c.OnePhase(1, 1);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    *c.outputs[0].mutable_data<int64_t>() = c.inputs[0].size();
    return Status();
  }
};

}  // namespace

extern const OpDef kShape = {kOnnxDomain, "Shape", 25, 25, &MakeOf<ShapeOp, 1, 1>};
extern const OpDef kSize = {kOnnxDomain, "Size", 25, 25, &MakePlain<SizeOp, 1, 1>};

}  // namespace mosaic
