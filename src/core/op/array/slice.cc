// Slice: along some axes, every step-th index from start up to end, which is not included.
#include <algorithm>
#include <cstdint>

#include "core/op/array/array_support.h"
#include "core/op/array/strided_copy.h"

namespace mosaic {
namespace {

// Ends of this size mean "to the last one": no array has a dimension of so many.
constexpr int64_t kFarAway = INT32_MAX;

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

// A bound in symbols, counted from the front and within the dimension; unknown where it may be
// either side of 0.
Dim Bound(const Dim& dim, const Dim& bound) {
  if (bound.is_number()) {
    if (bound.number() >= kFarAway) return dim;
    if (bound.Is(0)) return 0;
    return bound.number() > 0 ? Min(bound, dim) : Max(dim + bound, 0);
  }
  if (Same(bound, dim)) return dim;
  return bound.symbol().empty() ? Dim() : Min(bound, dim);  // one symbol is 0 or more
}

// The number of indexes, in symbols.
Dim CountOf(const Dim& dim, const Dim& start, const Dim& end, int64_t step) {
  if (dim.is_number() && start.is_number() && end.is_number()) {
    return Resolve(dim.number(), start.number(), end.number(), step).count;
  }
  if (step < 0) {
    const bool all = start.is_number() && (start.Is(-1) || start.number() >= kFarAway) &&
                     end.is_number() && end.number() <= -kFarAway;
    return all && step > -kFarAway ? CeilDiv(dim, -step) : Dim();
  }
  const Dim to = Bound(dim, end);
  if (start.is_number() && start.number() < 0 && Same(to, dim)) {  // the last few
    return CeilDiv(Min(dim, Dim(0) - start), step);
  }
  const Dim from = Bound(dim, start);
  return from.Is(0) ? CeilDiv(to, step) : Max(CeilDiv(to - from, step), 0);
}

// Where the whole of the dimension stays in its order.
bool IsAll(const Dim& dim, const Dim& start, const Dim& end, int64_t step) {
  return step == 1 && start.Is(0) && Same(Bound(dim, end), dim);
}

// The inputs starts, ends, axes, steps.
struct SliceArguments {
  Dims starts, ends;
  std::vector<int64_t> axes, steps;  // axes count from the front
};

class SliceOp : public StridedCopyOp {
 public:
  Status Infer(InferContext& c) const override {
    SliceArguments a;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(ReadArguments(c, &a, &known));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims& x = c.dims(0);
    Dims out = x;
    if (!known) {
      for (Dim& d : out) d = c.NewDim();
      return c.Set(0, c.dtype(0), std::move(out));
    }
    MOSAIC_RETURN_IF_ERROR(Complete(c.in(0).rank(), &a));
    bool apart = true;
    for (size_t i = 0; i < a.axes.size(); ++i) {
      const size_t d = static_cast<size_t>(a.axes[i]);
      if (IsAll(x[d], a.starts[i], a.ends[i], a.steps[i])) continue;
      apart = apart && static_cast<int>(d) != c.item_axis(0);
      if (c.CountsItems(a.starts[i]) || c.CountsItems(a.ends[i])) c.Mix();
      out[d] = CountOf(x[d], a.starts[i], a.ends[i], a.steps[i]);
      if (out[d].is_unknown()) out[d] = c.NewDim();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, apart);
    FollowInts(c, a);
    return Status();
  }

  Status Start(Call& c) const override {
    SliceArguments a;
    std::vector<int64_t> list;
    const Shape& x = c.inputs[0].shape();
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "starts", &list));
    a.starts.assign(list.begin(), list.end());
    MOSAIC_RETURN_IF_ERROR(c.Ints(2, "ends", &list));
    a.ends.assign(list.begin(), list.end());
    if (c.Given(3)) MOSAIC_RETURN_IF_ERROR(c.Ints(3, "axes", &a.axes));
    if (c.Given(4)) MOSAIC_RETURN_IF_ERROR(c.Ints(4, "steps", &a.steps));
    MOSAIC_RETURN_IF_ERROR(Complete(c.inputs[0].rank(), &a));
    Strides strides = RowMajorStrides(x);
    int64_t base = 0;
    for (size_t i = 0; i < a.axes.size(); ++i) {
      const size_t d = static_cast<size_t>(a.axes[i]);
      const SliceRange r = Resolve(x[d], a.starts[i].number(), a.ends[i].number(), a.steps[i]);
      base += r.start * strides[d];
      // A step is never taken where there is one element; there it may be of any size.
      strides[d] = r.count > 1 ? strides[d] * r.step : 0;
    }
    return StartCopy(c, c.outputs[0].shape(), strides, base);
  }

  // Bounds that count the items are looked at in Infer.
  bool shape_input(int i) const override { return i >= 1; }

 private:
  static Status ReadArguments(InferContext& c, SliceArguments* a, bool* known) {
    bool axes = true, steps = true;
    std::vector<int64_t> checked;
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "starts", &checked, known));
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 2, "ends", &checked, known));
    if (c.Has(3)) MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 3, "axes", &a->axes, &axes));
    if (c.Has(4)) MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 4, "steps", &a->steps, &steps));
    *known = c.Known(1, &a->starts) && c.Known(2, &a->ends) && axes && steps;
    return Status();
  }

  // Fills in what is omitted, and checks.
  static Status Complete(int rank, SliceArguments* a) {
    const size_t n = a->starts.size();
    if (a->axes.empty()) {
      for (size_t i = 0; i < std::min(n, static_cast<size_t>(rank)); ++i) {
        a->axes.push_back(static_cast<int64_t>(i));
      }
    }
    if (a->steps.empty()) a->steps.assign(n, 1);
    if (a->ends.size() != n || a->axes.size() != n || a->steps.size() != n) {
      return Status::BadModel("starts, ends, axes and steps are of different lengths");
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(a->axes, rank, &marked));
    for (int64_t& axis : a->axes) axis += axis < 0 ? rank : 0;
    for (const int64_t step : a->steps) {
      if (step == 0) return Status::BadModel("a step is 0");
    }
    return Status();
  }

  // Some of the sizes of a shape.
  static void FollowInts(InferContext& c, const SliceArguments& a) {
    Dims sizes;
    if (c.in(0).rank() != 1 || !c.Known(0, &sizes)) return;
    auto part = std::make_shared<Dims>(sizes);
    if (!a.axes.empty()) {
      if (!a.starts[0].is_number() || !a.ends[0].is_number()) return;
      const SliceRange r = Resolve(static_cast<int64_t>(sizes.size()), a.starts[0].number(),
                                   a.ends[0].number(), a.steps[0]);
      part->clear();
      for (int64_t i = 0, at = r.start; i < r.count; ++i) {
        part->push_back(sizes[static_cast<size_t>(at)]);
        if (i + 1 < r.count) at += r.step;
      }
    }
    c.out(0).ints = std::move(part);
  }
};

}  // namespace

extern const OpDef kSlice = {kOnnxDomain, "Slice", 13, 25, &MakePlain<SliceOp, 3, 5>};

}  // namespace mosaic
