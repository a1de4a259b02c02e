// Base of the reductions: a result for every group of elements that differ only along the reduced
// axes.
//
// Order of a result: its n elements, in row-major order of the reduced axes, are cut into parts of
// kReducePart; within a part element k goes to accumulator k mod kLanes, in ascending order, the
// accumulators are merged as a tree, and the parts in ascending order. It depends on the reduced
// axes alone, not on how elements lie in memory or what else is computed.
//
// Fn, over compute types V (element.h):
//   using List                       the types it has
//   static constexpr bool kOfNothing a reduction of no elements has a value
//   template <V> using Acc           the accumulator
//   template <V> Acc<V> Start()
//   Add(Acc&, V), Merge(Acc&, const Acc&)
//   template <V> V Finish(Acc, int64_t n)
//   static constexpr bool kOfSizes   it has OfDims(Dim, Dim): what it makes of two sizes
#pragma once

#include <algorithm>
#include <utility>

#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {

constexpr int kLanes = 8;
constexpr int64_t kReducePart = 32768;  // a multiple of kLanes

struct Reduction {
  StridedWalk kept;     // over the results: where the elements of each begin
  StridedWalk reduced;  // over the elements of one result
  int64_t count;        // of them
  int64_t parts;
  int64_t results_per_unit;  // where parts is 1
};

template <typename Fn>
class ReduceOp : public Op {
 public:
  explicit ReduceOp(bool keepdims) : keepdims_(keepdims) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
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

  Status Start(Call& c) const override {
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
    if (count == 0 && results > 0 && !Fn::kOfNothing) {
      return Status::Invalid("a reduction of no elements has no value; the input has shape " +
                             ShapeString(x.shape()));
    }
    Reduction& r = c.NewState<Reduction>(
        Reduction{StridedWalk(kept_shape, {{kept_strides, 0}}),
                  StridedWalk(reduced_shape, {{reduced_strides, 0}}), count, 1, 1});
    r.parts = std::max<int64_t>(1, (count + kReducePart - 1) / kReducePart);
    if (r.parts == 1) {
      r.results_per_unit = std::max<int64_t>(1, kReducePart / 4 / std::max<int64_t>(count, 8));
      c.OnePhase((results + r.results_per_unit - 1) / r.results_per_unit,
                 static_cast<double>(r.results_per_unit * (2 * count + 8)));
      return Status();
    }
    c.phases = {Phase{results * r.parts, 2.0 * kReducePart},
                Phase{results, static_cast<double>(r.parts)}};
    Dispatch(typename Fn::List(), x.dtype(), [&](auto type) {
      using V = ComputeType<typename decltype(type)::T>;
      c.scratch_bytes =
          results * r.parts * static_cast<int64_t>(sizeof(typename Fn::template Acc<V>));
    });
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const Reduction& r = c.state<Reduction>();
      if (r.parts == 1) return Whole<T>(c, r, begin, end);
      if (phase == 0) return Parts<T>(c, r, begin, end);
      Merge<T>(c, r, begin, end);
    });
    return Status();
  }

 protected:
  // The axes as far as they are known; none: all. False: not known yet.
  virtual bool KnownAxes(const InferContext& c, Dims* axes) const = 0;
  // The same in Start, where they are.
  virtual Status StartAxes(const Call& c, Dims* axes) const = 0;
  // Which dimensions the axes name.
  virtual Status Marked(const Dims& axes, int rank, std::vector<bool>* reduced) const {
    std::vector<int64_t> numbers;
    for (const Dim& d : axes) numbers.push_back(d.number());
    return MarkAxes(numbers, rank, reduced);
  }

 private:
  template <typename V>
  using Acc = typename Fn::template Acc<V>;

  // Elements [begin, end) of the result whose elements start at x.
  template <typename T>
  static Acc<ComputeType<T>> Accumulate(const T* x, const Reduction& r, int64_t begin,
                                        int64_t end) {
    using V = ComputeType<T>;
    Acc<V> lanes[kLanes];
    for (Acc<V>& a : lanes) a = Fn::template Start<V>();
    const int64_t stride = r.reduced.run_stride(0);
    r.reduced.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const T* run = x + offset[0];
      int64_t i = 0;
      while (i < n && (at + i) % kLanes != 0) AddTo(lanes[(at + i) % kLanes], run, stride, i), ++i;
      for (; i + kLanes <= n; i += kLanes) {
        for (int k = 0; k < kLanes; ++k) AddTo(lanes[k], run, stride, i + k);
      }
      for (; i < n; ++i) AddTo(lanes[(at + i) % kLanes], run, stride, i);
    });
    for (int step = kLanes / 2; step > 0; step /= 2) {
      for (int k = 0; k < step; ++k) Fn::Merge(lanes[k], lanes[k + step]);
    }
    return lanes[0];
  }
  template <typename A, typename T>
  static void AddTo(A& a, const T* run, int64_t stride, int64_t i) {
    Fn::Add(a, Load(run[i * stride]));
  }

  template <typename T>
  static void Finish(Call& c, const Reduction& r, int64_t result, Acc<ComputeType<T>> a) {
    c.outputs[0].mutable_data<T>()[result] =
        Store<T>(Fn::template Finish<ComputeType<T>>(a, r.count));
  }

  template <typename T>
  static void Whole(Call& c, const Reduction& r, int64_t begin, int64_t end) {
    const int64_t from = begin * r.results_per_unit;
    const int64_t to = std::min(end * r.results_per_unit, c.outputs[0].size());
    const T* x = c.inputs[0].data<T>();
    r.kept.ForEachRun(from, to, [&](int64_t at, const int64_t* offset, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        Finish<T>(c, r, at + i,
                  Accumulate(x + offset[0] + i * r.kept.run_stride(0), r, 0, r.count));
      }
    });
  }

  template <typename T>
  static void Parts(Call& c, const Reduction& r, int64_t begin, int64_t end) {
    auto* parts = static_cast<Acc<ComputeType<T>>*>(c.scratch);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t result = u / r.parts, at = u % r.parts * kReducePart;
      r.kept.ForEachRun(result, result + 1, [&](int64_t, const int64_t* offset, int64_t) {
        parts[u] = Accumulate(c.inputs[0].data<T>() + offset[0], r, at,
                              std::min(at + kReducePart, r.count));
      });
    }
  }

  template <typename T>
  static void Merge(Call& c, const Reduction& r, int64_t begin, int64_t end) {
    const auto* parts = static_cast<const Acc<ComputeType<T>>*>(c.scratch);
    for (int64_t u = begin; u < end; ++u) {
      Acc<ComputeType<T>> all = parts[u * r.parts];
      for (int64_t p = 1; p < r.parts; ++p) Fn::Merge(all, parts[u * r.parts + p]);
      Finish<T>(c, r, u, all);
    }
  }

  // Exporters compute the number of elements of a shape with ReduceProd.
  static void FollowSizes(InferContext& c, const std::vector<bool>& reduced) {
    if constexpr (Fn::kOfSizes) {
      Dims x;
      if (c.concrete() || c.in(0).ints == nullptr || !c.Known(0, &x) || x.empty()) return;
      if (std::find(reduced.begin(), reduced.end(), false) != reduced.end()) return;
      Dim all = x[0];
      for (size_t i = 1; i < x.size(); ++i) all = Fn::OfDims(all, x[i]);
      if (!all.is_unknown()) c.out(0).ints = std::make_shared<const Dims>(Dims{all});
    }
  }

  bool keepdims_;
};

}  // namespace mosaic
