// Slice: start, end and step along each of some axes; negative ones count from the end, and what
// lies outside is cut. Attributes before opset 10 (without steps), inputs since then.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {
namespace {

struct SliceRange {
  int64_t start = 0, step = 1, count = 0;
};

// What start, end and step mean along a dimension.
SliceRange Resolve(int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (start < 0) start += dim;
  if (end < 0) end += dim;
  SliceRange r;
  r.step = step;
  if (step > 0) {
    r.start = std::clamp<int64_t>(start, 0, dim);
    end = std::clamp<int64_t>(end, 0, dim);
    if (end > r.start) r.count = (end - r.start - 1) / step + 1;
  } else {
    r.start = std::clamp<int64_t>(start, -1, dim - 1);
    end = std::clamp<int64_t>(end, -1, dim - 1);
    if (r.start > end) {  // divided by a negative step, the lowest included
      r.count = -((r.start - end - 1) / step) + 1;
    }
  }
  return r;
}

struct SliceArguments {
  std::vector<int64_t> starts, ends, axes, steps;
};

class SliceOp : public StridedCopyOp {
 public:
  SliceOp(bool attributes, SliceArguments a) : attributes_(attributes), a_(std::move(a)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    std::vector<SliceRange> ranges;
    MOSAIC_RETURN_IF_ERROR(Ranges(c, &ranges));
    Strides strides = RowMajorStrides(x.shape());
    Shape out;
    int64_t base = 0;
    for (size_t d = 0; d < ranges.size(); ++d) {
      out.push_back(ranges[d].count);
      base += ranges[d].start * strides[d];
      // A step is never taken where there is one element; there it may be of any size.
      strides[d] = ranges[d].count > 1 ? strides[d] * ranges[d].step : 0;
    }
    return SetResult(c, out, out, std::move(strides), base);
  }

  ItemRule Items(const OpContext& c) const override {
    std::vector<SliceRange> ranges;
    return FirstInputItems(c,
                           Ranges(c, &ranges).ok() && ranges[0].start == 0 && ranges[0].step == 1);
  }

 private:
  // One per dimension of the input.
  Status Ranges(const OpContext& c, std::vector<SliceRange>* ranges) const {
    const Shape& shape = c.inputs[0].shape();
    SliceArguments a = a_;
    if (!attributes_) {
      MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "starts", &a.starts));
      MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[2], "ends", &a.ends));
      if (Given(c, 3)) MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[3], "axes", &a.axes));
      if (Given(c, 4)) MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[4], "steps", &a.steps));
    }
    if (a.axes.empty()) {
      for (size_t i = 0; i < std::min(a.starts.size(), shape.size()); ++i) {
        a.axes.push_back(static_cast<int64_t>(i));
      }
    }
    if (a.steps.empty()) a.steps.assign(a.starts.size(), 1);
    if (a.ends.size() != a.starts.size() || a.axes.size() != a.starts.size() ||
        a.steps.size() != a.starts.size()) {
      return Status::BadModel("starts, ends, axes and steps are of different lengths");
    }
    const int rank = static_cast<int>(shape.size());
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(a.axes, rank, &marked));
    ranges->clear();
    for (int64_t dim : shape) ranges->push_back({0, 1, dim});
    for (size_t i = 0; i < a.axes.size(); ++i) {
      if (a.steps[i] == 0) return Status::BadModel("a step is 0");
      const size_t d = static_cast<size_t>(a.axes[i] < 0 ? a.axes[i] + rank : a.axes[i]);
      (*ranges)[d] = Resolve(shape[d], a.starts[i], a.ends[i], a.steps[i]);
    }
    return Status();
  }

  bool attributes_;
  SliceArguments a_;
};

Status MakeSlice(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  const bool attributes = graph.opset < 10;
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, attributes ? 1 : 3, attributes ? 1 : 5));
  SliceArguments a;
  if (attributes) {
    if (!HasAttribute(node, "starts") || !HasAttribute(node, "ends")) {
      return Status::BadModel("attribute starts or ends is missing");
    }
    a.starts = node.Ints("starts");
    a.ends = node.Ints("ends");
    a.axes = node.Ints("axes");
  }
  *out = std::make_unique<SliceOp>(attributes, std::move(a));
  return Status();
}

}  // namespace

extern const OpDef kSlice = {"Slice", 9, 17, &MakeSlice};

}  // namespace mosaic
