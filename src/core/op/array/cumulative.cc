// CumSum and CumProd: the sum (product) of the elements up to each, along an axis. Floating point
// is accumulated in float64, integers wrap.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kColumns = 256;     // elements side by side that a unit goes along
constexpr int64_t kElements = 16384;  // of a unit, about

struct State {
  AxisView view;
  int64_t columns = 1, blocks = 1;  // of a block, blocks of the inner dimensions
  int64_t steps = 1, chunks = 1;    // of a unit along the axis, units along the axis
};

template <typename V>
using Sum = std::conditional_t<std::is_floating_point_v<V>, double, uint64_t>;

template <bool kProduct>
class CumulativeOp : public Op {
 public:
  explicit CumulativeOp(const Node& node)
      : exclusive_(node.Int("exclusive", 0) != 0), reverse_(node.Int("reverse", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an input"));
    std::vector<int64_t> axis;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "axis", &axis, &known));
    if (LengthOf(c.in(1)) >= 0 && LengthOf(c.in(1)) != 1) {
      return Status::BadModel("axis must be one element");
    }
    if (!known) c.Defer();
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    int a = kMixed;
    if (known) MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis[0], c.in(0).rank(), &a));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    c.ItemsOf(0, known && c.item_axis(0) != a);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    std::vector<int64_t> axis;
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "axis", &axis));
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.inputs[0].shape(), axis[0], &s.view));
    c.phases.clear();
    if (c.outputs[0].size() == 0) return Status();
    s.columns = std::min(s.view.inner, kColumns);
    s.blocks = Chunks(s.view.inner, s.columns);
    s.steps = kElements / s.columns;
    s.chunks = Chunks(s.view.size, s.steps);
    // What units along the axis hand on.
    if (s.chunks > 1) c.scratch_bytes = s.view.outer * s.view.inner * int64_t{sizeof(double)};
    c.OnePhase(s.chunks * s.view.outer * s.blocks,
               static_cast<double>(2 * s.columns * std::min(s.steps, s.view.size)));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      for (int64_t u = begin; u < end; ++u) RunUnit<typename decltype(type)::T>(c, u);
    });
    return Status();
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  // Units go through all rows before they go on along the axis.
  template <typename T>
  void RunUnit(Call& c, int64_t unit) const {
    using V = ComputeType<T>;
    const State& s = c.state<State>();
    const int64_t rows = s.view.outer * s.blocks, chunk = unit / rows, row = unit % rows;
    const int64_t outer = row / s.blocks, column = row % s.blocks * s.columns;
    const int64_t n = std::min(s.columns, s.view.inner - column);
    const int64_t first = outer * s.view.size * s.view.inner + column;
    Sum<V>* carry = nullptr;
    if (s.chunks > 1) carry = static_cast<Sum<V>*>(c.scratch) + outer * s.view.inner + column;
    Sum<V> sum[kColumns];
    for (int64_t i = 0; i < n; ++i) sum[i] = chunk == 0 ? Sum<V>(kProduct) : carry[i];
    const int64_t last = std::min((chunk + 1) * s.steps, s.view.size);
    for (int64_t step = chunk * s.steps; step < last; ++step) {
      const int64_t at = first + (reverse_ ? s.view.size - 1 - step : step) * s.view.inner;
      const T* x = c.inputs[0].data<T>() + at;
      T* y = c.outputs[0].mutable_data<T>() + at;
      for (int64_t i = 0; i < n; ++i) {
        const Sum<V> v = static_cast<Sum<V>>(Load(x[i])), before = sum[i];
        sum[i] = kProduct ? before * v : before + v;
        y[i] = Store<T>(static_cast<V>(exclusive_ ? before : sum[i]));
      }
    }
    if (carry != nullptr) std::copy(sum, sum + n, carry);
  }

  bool exclusive_, reverse_;
};

}  // namespace

extern const OpDef kCumProd = {kOnnxDomain, "CumProd", 26, 26, &MakeOf<CumulativeOp<true>, 2, 2>};
extern const OpDef kCumSum = {kOnnxDomain, "CumSum", 14, 25, &MakeOf<CumulativeOp<false>, 2, 2>};

}  // namespace mosaic
