// ScatterElements: a copy of "data" in which
// y[indices[i][j]][j] = updates[i][j] along axis 0; updates of one element come in their order.
#include <algorithm>

#include "core/op/array/scatter.h"
#include "core/tensor/strided.h"
#include "core/util/quote.h"

namespace mosaic {

Status ReductionOf(const Node& node, Reduction* out) {
  const std::string name = node.String("reduction", "none");
  const char* const names[] = {"none", "add", "mul", "min", "max"};
  for (int r = 0; r < 5; ++r) {
    if (name != names[r]) continue;
    *out = static_cast<Reduction>(r);
    return Status();
  }
  return Status::BadModel("reduction " + Quoted(name) + " is unknown");
}

Status CheckScatterTypes(const InferContext& c, Reduction reduction) {
  MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(1), "indices"));
  MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
  if (reduction == Reduction::kNone) return Status();
  return CheckType<AllTypes>(c.dtype(0), "data that is reduced");
}

namespace {

constexpr int64_t kChunk = 4096;  // updates of a unit

struct State {
  explicit State(StridedWalk w) : walk(std::move(w)) {}
  StridedWalk walk;  // where each update's row along the axis begins in the data
  int axis = 0;
  int64_t size = 0, stride = 0, updates = 0;
};

class ScatterElementsOp : public Op {
 public:
  ScatterElementsOp(int64_t axis, Reduction reduction) : axis_(axis), reduction_(reduction) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckScatterTypes(c, reduction_));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    if (!c.Ranked()) return Status();
    MOSAIC_RETURN_IF_ERROR(CheckShapes(c, axis));
    StateItems(c, axis);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    AxisView v;
    MOSAIC_RETURN_IF_ERROR(ViewAxis(x, axis_, &v));
    Strides strides = RowMajorStrides(x);
    strides[static_cast<size_t>(v.axis)] = 0;
    State& s = c.NewState<State>(
        StridedWalk(c.inputs[1].shape(), std::vector<StridedWalk::Operand>{{strides, 0}}));
    s.axis = v.axis;
    s.size = v.size;
    s.stride = v.inner;
    s.updates = c.inputs[1].size();
    c.phases.assign(1, CopyPhase(c.inputs[0]));
    c.phases.push_back({Chunks(s.updates, kChunk), 4 * kChunk});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (phase == 0) {
      RunCopyPhase(c, begin, end);
      return Status();
    }
    Status status;
    end = std::min(end * kChunk, c.state<State>().updates);
    DispatchReduction(reduction_, c.inputs[0].dtype(), [&](auto type, auto reduction) {
      using T = typename decltype(type)::T;
      Dispatch(IndexTypes(), c.inputs[1].dtype(), [&](auto index_type) {
        using Index = typename decltype(index_type)::T;
        status = Put<T, Index, decltype(reduction)::value>(c, begin * kChunk, end);
      });
    });
    return status;
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  static Status CheckShapes(InferContext& c, int axis) {
    const Dims &x = c.dims(0), &indices = c.dims(1), &updates = c.dims(2);
    bool fits = x.size() == indices.size() && x.size() == updates.size();
    for (size_t d = 0; fits && d < x.size(); ++d) {
      fits = c.RequireEqual(indices[d], updates[d], "").ok();
      if (static_cast<int>(d) == axis || !x[d].is_number() || !indices[d].is_number()) continue;
      fits = fits && indices[d].number() <= x[d].number();
    }
    if (fits) return Status();
    return Status::BadModel("indices of shape " + ShapeString(indices) + " and updates of shape " +
                            ShapeString(updates) + " do not fit data of shape " + ShapeString(x));
  }

  static void StateItems(InferContext& c, int axis) {
    if (!c.itemised()) return;
    const int at = c.item_axis(0);
    const size_t a = static_cast<size_t>(at);
    const bool apart = at >= 0 && at != axis && c.item_axis(1) == at && c.item_axis(2) == at &&
                       Same(c.dims(0)[a], c.dims(1)[a]);
    if (!apart) return c.Mix();
    c.out(0).item_axis = at;
  }

  template <typename T, typename Index, Reduction kReduction>
  static Status Put(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const T* updates = c.inputs[2].data<T>();
    const Index* indices = c.inputs[1].data<Index>();
    T* y = c.outputs[0].mutable_data<T>();
    const int64_t stride = s.walk.run_stride(0);
    Status status;
    s.walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        int64_t index = indices[at + i];
        if (index < -s.size || index >= s.size) {
          status = IndexOutOfRange(index, s.axis, s.size);
          return;
        }
        index += index < 0 ? s.size : 0;
        Combine<kReduction>(y + offset[0] + i * stride + index * s.stride, updates[at + i]);
      }
    });
    return status;
  }

  int64_t axis_;
  Reduction reduction_;
};

Status MakeScatterElements(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 3));
  Reduction reduction = Reduction::kNone;
  MOSAIC_RETURN_IF_ERROR(ReductionOf(node, &reduction));
  *out = std::make_unique<ScatterElementsOp>(node.Int("axis", 0), reduction);
  return Status();
}

}  // namespace

extern const OpDef kScatterElements = {kOnnxDomain, "ScatterElements", 18, 25,
                                       &MakeScatterElements};

}  // namespace mosaic
