#include "core/op/reduce/reduction.h"

#include <cstring>

namespace mosaic {
namespace {

enum class ReduceWay { kWalk, kRows, kColumns };

struct ReduceLayout {
  StridedWalk kept;     // over the results: where the elements of each begin
  StridedWalk reduced;  // over the elements of one result
  int64_t count;        // of them
  int64_t parts;
  int64_t results_per_unit;  // where parts is 1
  ReduceWay way;
  int64_t inner;  // kColumns: results that lie side by side
};

void ChooseWay(const std::vector<bool>& reduced, const Shape& shape, ReduceLayout* r) {
  const auto first = std::find(reduced.begin(), reduced.end(), true);
  const auto last = std::find(first, reduced.end(), false);
  if (first == reduced.end() || std::find(last, reduced.end(), true) != reduced.end()) return;
  r->way = last == reduced.end() ? ReduceWay::kRows : ReduceWay::kColumns;
  for (size_t i = static_cast<size_t>(last - reduced.begin()); i < shape.size(); ++i) {
    r->inner *= shape[i];
  }
}

// Results [begin, end).
void ByKernel(Reduction f, Call& c, const ReduceLayout& r, int64_t begin, int64_t end) {
  const float* x = c.inputs[0].data<float>();
  float* y = c.outputs[0].mutable_data<float>();
  if (r.way == ReduceWay::kRows) {
    return ReduceRows(f, x + begin * r.count, r.count, end - begin, r.count, y + begin);
  }
  while (begin < end) {
    const int64_t outer = begin / r.inner, column = begin % r.inner;
    const int64_t n = std::min(r.inner - column, end - begin);
    ReduceColumns(f, x + outer * r.count * r.inner + column, r.inner, r.count, n, y + begin);
    begin += n;
  }
}

// Elements [begin, end) of the result whose elements start at x, into the first of the lanes.
void Accumulate(const Reducer& f, const char* x, int64_t element, const ReduceLayout& r,
                int64_t begin, int64_t end, char* lanes) {
  f.start(lanes, kLanes);
  r.reduced.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
    f.add(lanes, x + offset[0] * element, r.reduced.run_stride(0), at, n);
  });
  for (int step = kLanes / 2; step > 0; step /= 2) {
    for (int k = 0; k < step; ++k) {
      f.merge(lanes + k * f.accumulator, lanes + (k + step) * f.accumulator);
    }
  }
}

// f(result, where its elements start) for results [begin, end).
template <typename F>
void ForEachResult(const Call& c, const ReduceLayout& r, int64_t begin, int64_t end, F&& f) {
  const char* x = static_cast<const char*>(c.inputs[0].raw());
  const int64_t element = DTypeSize(c.inputs[0].dtype());
  r.kept.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      f(at + i, x + (offset[0] + i * r.kept.run_stride(0)) * element);
    }
  });
}

}  // namespace

Status ReduceOp::Infer(InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR(function_.check(c.dtype(0)));
  if (!c.in(0).ranked) {
    c.SetUnranked(0, c.dtype(0));
    return Status();
  }
  Dims axes;
  if (!KnownAxes(c, &axes)) {
    c.Defer();
    if (!keepdims_) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims unknown(c.dims(0).size());
    for (Dim& d : unknown) d = c.NewDim();
    return c.Set(0, c.dtype(0), std::move(unknown));
  }
  std::vector<bool> reduced;
  MOSAIC_RETURN_IF_ERROR(Marked(axes, c.in(0).rank(), &reduced));
  Dims out;
  int item_axis = kMixed;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (static_cast<int>(i) == c.item_axis(0) && !reduced[i])
      item_axis = static_cast<int>(out.size());
    if (!reduced[i] || keepdims_) out.push_back(reduced[i] ? Dim(1) : c.dims(0)[i]);
  }
  MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
  if (c.Itemised(0)) c.ItemsAt(0, item_axis);
  FollowSizes(c, reduced);
  return Status();
}

Status ReduceOp::Start(Call& c) const {
  const Tensor& x = c.inputs[0];
  std::vector<bool> reduced;
  Dims axes;
  MOSAIC_RETURN_IF_ERROR(StartAxes(c, &axes));
  MOSAIC_RETURN_IF_ERROR(Marked(axes, x.rank(), &reduced));
  const Strides dense = RowMajorStrides(x.shape());
  Shape kept_shape, reduced_shape;
  Strides kept_strides, reduced_strides;
  for (size_t i = 0; i < reduced.size(); ++i) {
    (reduced[i] ? reduced_shape : kept_shape).push_back(x.shape()[i]);
    (reduced[i] ? reduced_strides : kept_strides).push_back(dense[i]);
  }
  const int64_t count = NumElements(reduced_shape), results = c.outputs[0].size();
  if (count == 0 && results > 0 && !function_.of_nothing) {
    return Status::Invalid("a reduction of no elements has no value; the input has shape " +
                           ShapeString(x.shape()));
  }
  ReduceLayout& r = c.NewState<ReduceLayout>(ReduceLayout{
      StridedWalk(kept_shape, {{kept_strides, 0}}),
      StridedWalk(reduced_shape, {{reduced_strides, 0}}), count, 1, 1, ReduceWay::kWalk, 1});
  r.parts = std::max<int64_t>(1, (count + kReducePart - 1) / kReducePart);
  if (r.parts == 1) {
    if (x.dtype() == MOSAIC_FLOAT) ChooseWay(reduced, x.shape(), &r);
    const int64_t least = r.way == ReduceWay::kColumns ? 16 : 1;  // columns fill a vector
    r.results_per_unit = std::max(least, kReducePart / 4 / std::max<int64_t>(count, 8));
    c.OnePhase((results + r.results_per_unit - 1) / r.results_per_unit,
               static_cast<double>(r.results_per_unit * (2 * count + 40)));
    return Status();
  }
  c.phases = {Phase{results * r.parts, 2.0 * kReducePart},
              Phase{results, static_cast<double>(r.parts)}};
  c.scratch_bytes = results * r.parts * function_.of(x.dtype()).accumulator;
  return Status();
}

Status ReduceOp::Run(Call& c, int phase, int64_t begin, int64_t end) const {
  const ReduceLayout& r = c.state<ReduceLayout>();
  const Reducer& f = function_.of(c.inputs[0].dtype());
  const int64_t element = DTypeSize(c.inputs[0].dtype());
  char* y = c.outputs[0].mutable_data<char>();
  auto* parts = static_cast<char*>(c.scratch);
  alignas(16) char lanes[kLanes * kMaxAccumulator];
  if (r.parts == 1) {
    begin *= r.results_per_unit;
    end = std::min(end * r.results_per_unit, c.outputs[0].size());
    if (r.way != ReduceWay::kWalk) {
      ByKernel(function_.kernel, c, r, begin, end);
      return Status();
    }
    ForEachResult(c, r, begin, end, [&](int64_t at, const char* x) {
      Accumulate(f, x, element, r, 0, r.count, lanes);
      f.finish(lanes, r.count, y + at * element);
    });
  } else if (phase == 0) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t result = u / r.parts, at = u % r.parts * kReducePart;
      ForEachResult(c, r, result, result + 1, [&](int64_t, const char* x) {
        Accumulate(f, x, element, r, at, std::min(at + kReducePart, r.count), lanes);
      });
      std::memcpy(parts + u * f.accumulator, lanes, static_cast<size_t>(f.accumulator));
    }
  } else {
    for (int64_t u = begin; u < end; ++u) {
      char* all = parts + u * r.parts * f.accumulator;
      for (int64_t p = 1; p < r.parts; ++p) f.merge(all, all + p * f.accumulator);
      f.finish(all, r.count, y + u * element);
    }
  }
  return Status();
}

Status ReduceOp::Marked(const Dims& axes, int rank, std::vector<bool>* reduced) const {
  std::vector<int64_t> numbers;
  for (const Dim& d : axes) numbers.push_back(d.number());
  return MarkAxes(numbers, rank, reduced);
}

void ReduceOp::FollowSizes(InferContext& c, const std::vector<bool>& reduced) const {
  Dims x;
  if (function_.of_dims == nullptr || c.concrete() || c.in(0).ints == nullptr) return;
  if (!c.Known(0, &x) || x.empty()) return;
  if (std::find(reduced.begin(), reduced.end(), false) != reduced.end()) return;
  Dim all = x[0];
  for (size_t i = 1; i < x.size(); ++i) all = function_.of_dims(all, x[i]);
  if (!all.is_unknown()) c.out(0).ints = std::make_shared<const Dims>(Dims{all});
}

}  // namespace mosaic
