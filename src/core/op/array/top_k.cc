// TopK: the k largest (smallest) elements along an axis, in that order, and their indices. Of equal
// elements the one of the lower index comes first; a NaN counts as greater than all numbers.
#include <algorithm>

#include "core/op/array/merge_sort.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit that writes

struct State {
  MergeSort sort;
  AxisView view;
};

class TopKOp : public Op {
 public:
  explicit TopKOp(const Node& node)
      : axis_(node.Int("axis", -1)), largest_(node.Int("largest", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(1), "K"));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 1, "K"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      c.SetUnranked(1, MOSAIC_INT64);
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    Dims out = c.dims(0), k;
    Dim& d = out[static_cast<size_t>(axis)];
    if (c.Known(1, &k)) {
      if (k[0].is_number() &&
          (k[0].number() < 0 || (d.is_number() && k[0].number() > d.number()))) {
        return Status::BadModel("K is " + k[0].ToString() + ", axis " + std::to_string(axis) +
                                " of shape " + ShapeString(c.dims(0)) + " has fewer elements");
      }
      d = k[0];
    } else {
      d = c.NewDim();
    }
    const bool counts = c.CountsItems(d);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), out));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_INT64, std::move(out)));
    c.ItemsOf(0, !counts && c.item_axis(0) != axis);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.inputs[0].shape(), axis_, &s.view));
    const Tensor& y = c.outputs[0].defined() ? c.outputs[0] : c.outputs[1];
    const int64_t keep = y.dim(s.view.axis);
    c.phases.clear();
    if (y.size() == 0) return Status();
    s.sort = MergeSort(s.view.outer * s.view.inner, s.view.size, keep);
    c.scratch_bytes = s.sort.scratch_bytes();
    for (int level = 0; level < s.sort.phases(); ++level) {
      c.phases.push_back(s.sort.PhaseOf(level, 4));
    }
    c.phases.push_back({Chunks(y.size(), kChunk), 8 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase < c.state<State>().sort.phases()) {
        Sort<T>(c, phase, begin, end);
      } else {
        Write<T>(c, begin * kChunk, end * kChunk);
      }
    });
    return Status();
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  template <typename T>
  void Sort(Call& c, int level, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const T* x = c.inputs[0].data<T>();
    const int64_t inner = s.view.inner, size = s.view.size;
    const bool largest = largest_;
    s.sort.Run(level, begin, end, c.scratch, [=](int64_t row, uint32_t a, uint32_t b) {
      const T* base = x + row / inner * size * inner + row % inner;
      const auto p = Load(base[int64_t{a} * inner]), q = Load(base[int64_t{b} * inner]);
      if (largest ? Ascends(q, p) : Ascends(p, q)) return true;
      return !(largest ? Ascends(p, q) : Ascends(q, p)) && a < b;
    });
  }

  template <typename T>
  void Write(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const int64_t inner = s.view.inner, k = s.sort.keep();
    const T* x = c.inputs[0].data<T>();
    end = std::min(end, s.view.outer * k * inner);
    for (int64_t at = begin; at < end; ++at) {
      const int64_t i = at % inner, place = at / inner % k, o = at / inner / k;
      const int64_t index = s.sort.Order(c.scratch, o * inner + i)[place];
      if (c.outputs[0].defined()) {
        c.outputs[0].mutable_data<T>()[at] = x[(o * s.view.size + index) * inner + i];
      }
      if (c.outputs.size() > 1 && c.outputs[1].defined()) {
        c.outputs[1].mutable_data<int64_t>()[at] = index;
      }
    }
  }

  int64_t axis_;
  bool largest_;
};

}  // namespace

extern const OpDef kTopK = {kOnnxDomain, "TopK", 24, 25, &MakeOf<TopKOp, 2, 2, 2>};

}  // namespace mosaic
