// ReduceL2, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum, ReduceSumSquare.
//
// The axes are an attribute; of ReduceSum since opset 13 an input. A unit is one output element,
// accumulated in ascending order of its inputs; floating point in double, integers wrap.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

// Fn: the accumulator A starts at Start, takes in every element with Add, and Finish gives the
// result of n elements. kOfNothing: a reduction of no elements has a value.
struct SumFn {
  using List = NumericTypes;
  static constexpr bool kOfNothing = true;
  template <typename A>
  static A Start() {
    return A(0);
  }
  template <typename A>
  static A Add(A sum, A x) {
    if constexpr (std::is_integral_v<A>) {
      return Wrapping(sum, x, [](auto a, auto b) { return a + b; });
    } else {
      return sum + x;
    }
  }
  template <typename A>
  static A Finish(A sum, int64_t) {
    return sum;
  }
};
struct MeanFn : SumFn {
  static constexpr bool kOfNothing = false;
  template <typename A>
  static A Finish(A sum, int64_t n) {
    return sum / static_cast<A>(n);
  }
};
struct ProdFn : SumFn {
  template <typename A>
  static A Start() {
    return A(1);
  }
  template <typename A>
  static A Add(A product, A x) {
    if constexpr (std::is_integral_v<A>) {
      return Wrapping(product, x, [](auto a, auto b) { return a * b; });
    } else {
      return product * x;
    }
  }
};
struct SumSquareFn : SumFn {
  template <typename A>
  static A Add(A sum, A x) {
    return SumFn::Add(sum, ProdFn::Add(x, x));
  }
};
struct L2Fn : SumSquareFn {
  using List = FloatTypes;
  template <typename A>
  static A Finish(A sum, int64_t) {
    return std::sqrt(sum);
  }
};
struct MaxFn : SumFn {  // NaN wins
  static constexpr bool kOfNothing = false;
  template <typename A>
  static A Start() {
    if constexpr (std::is_floating_point_v<A>) return -std::numeric_limits<A>::infinity();
    return std::numeric_limits<A>::lowest();
  }
  template <typename A>
  static A Add(A max, A x) {
    return x > max || x != x ? x : max;
  }
};
struct MinFn : SumFn {
  static constexpr bool kOfNothing = false;
  template <typename A>
  static A Start() {
    if constexpr (std::is_floating_point_v<A>) return std::numeric_limits<A>::infinity();
    return std::numeric_limits<A>::max();
  }
  template <typename A>
  static A Add(A min, A x) {
    return x < min || x != x ? x : min;
  }
};

// The accumulator of an element type.
template <typename V>
using AccumulatorType =
    std::conditional_t<std::is_floating_point_v<V>, double,
                       std::conditional_t<std::is_signed_v<V>, int64_t, uint64_t>>;

struct Reduction {
  StridedWalk kept;     // over the output's elements: where each one's inputs begin
  StridedWalk reduced;  // over the inputs of one output element
  int64_t count;
};

struct ReduceAttributes {
  bool axes_input;  // the axes are input 1
  bool keepdims;
  bool noop_with_empty_axes;
  std::vector<int64_t> axes;
};

template <typename Fn>
class ReduceOp : public Op {
 public:
  explicit ReduceOp(ReduceAttributes a) : a_(std::move(a)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(x, "an input"));
    std::vector<bool> reduced;
    MOSAIC_RETURN_IF_ERROR(Axes(c, &reduced));
    const Strides dense = RowMajorStrides(x.shape());
    Shape out, kept_shape, reduced_shape;
    Strides kept_strides, reduced_strides;
    for (int d = 0; d < x.rank(); ++d) {
      const size_t i = static_cast<size_t>(d);
      (reduced[i] ? reduced_shape : kept_shape).push_back(x.dim(d));
      (reduced[i] ? reduced_strides : kept_strides).push_back(dense[i]);
      if (!reduced[i] || a_.keepdims) out.push_back(reduced[i] ? 1 : x.dim(d));
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), out, &c.outputs[0]));
    const int64_t count = NumElements(reduced_shape);
    c.units = c.outputs[0].size();
    if (count == 0 && c.units > 0 && !Fn::kOfNothing) {
      return Status::Invalid("a reduction of no elements has no value; the input has shape " +
                             ShapeString(x.shape()));
    }
    c.unit_cost = 2.0 * static_cast<double>(count) + 4;
    c.scratch = std::make_shared<Reduction>(
        Reduction{StridedWalk(kept_shape, {{kept_strides, 0}}),
                  StridedWalk(reduced_shape, {{reduced_strides, 0}}), count});
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const Reduction& r = c.state<Reduction>();
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      r.kept.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          y[at + i] = One<T>(x + offset[0] + i * r.kept.run_stride(0), r);
        }
      });
    });
  }

  ItemRule Items(const OpContext& c) const override {
    std::vector<bool> reduced;
    return FirstInputItems(c, Axes(c, &reduced).ok() && !reduced[0]);
  }

 private:
  // (*reduced)[d]: dimension d is reduced.
  Status Axes(const OpContext& c, std::vector<bool>* reduced) const {
    const size_t rank = c.inputs[0].shape().size();
    std::vector<int64_t> axes = a_.axes;
    if (a_.axes_input && Given(c, 1)) MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "axes", &axes));
    if (axes.empty()) {
      reduced->assign(rank, !a_.noop_with_empty_axes);
      return Status();
    }
    return MarkAxes(axes, static_cast<int>(rank), reduced);
  }

  template <typename T>
  static T One(const T* x, const Reduction& r) {
    using A = AccumulatorType<ComputeType<T>>;
    A sum = Fn::template Start<A>();
    const int64_t stride = r.reduced.run_stride(0);
    r.reduced.ForEachRun(0, r.count, [&](int64_t, const int64_t* offset, int64_t n) {
      const T* run = x + offset[0];
      for (int64_t i = 0; i < n; ++i) sum = Fn::Add(sum, static_cast<A>(Load(run[i * stride])));
    });
    return Store<T>(static_cast<ComputeType<T>>(Fn::Finish(sum, r.count)));
  }

  ReduceAttributes a_;
};

// kAxesInputSince: the first opset in which the axes are an input.
template <typename Fn, int kAxesInputSince>
Status MakeReduce(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  const bool axes_input = graph.opset >= kAxesInputSince;
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, axes_input ? 2 : 1));
  ReduceAttributes a;
  a.axes_input = axes_input;
  a.keepdims = node.Int("keepdims", 1) != 0;
  a.noop_with_empty_axes = axes_input && node.Int("noop_with_empty_axes", 0) != 0;
  if (!axes_input) a.axes = node.Ints("axes");
  *out = std::make_unique<ReduceOp<Fn>>(std::move(a));
  return Status();
}

}  // namespace

extern const OpDef kReduceL2 = {"ReduceL2", 9, 17, &MakeReduce<L2Fn, 18>};
extern const OpDef kReduceMax = {"ReduceMax", 9, 17, &MakeReduce<MaxFn, 18>};
extern const OpDef kReduceMean = {"ReduceMean", 9, 17, &MakeReduce<MeanFn, 18>};
extern const OpDef kReduceMin = {"ReduceMin", 9, 17, &MakeReduce<MinFn, 18>};
extern const OpDef kReduceProd = {"ReduceProd", 9, 17, &MakeReduce<ProdFn, 18>};
extern const OpDef kReduceSum = {"ReduceSum", 9, 17, &MakeReduce<SumFn, 13>};
extern const OpDef kReduceSumSquare = {"ReduceSumSquare", 9, 17, &MakeReduce<SumSquareFn, 18>};

}  // namespace mosaic
