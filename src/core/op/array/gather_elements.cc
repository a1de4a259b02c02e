// GatherElements: y[i][j] = data[indices[i][j]][j] along axis 0; for each index one element.
#include <algorithm>

#include "core/op/array/array_support.h"
#include "core/tensor/strided.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

struct State {
  explicit State(StridedWalk w) : walk(std::move(w)) {}
  StridedWalk walk;  // where each output element's row along the axis begins in the data
  int axis = 0;
  int64_t size = 0, stride = 0;  // of the axis in the data
};

class GatherElementsOp : public Op {
 public:
  explicit GatherElementsOp(const Node& node) : axis_(node.Int("axis", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(1), "indices"));
    if (!c.in(1).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(1)));
    if (!c.in(0).ranked) return Status();
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    const Dims &x = c.dims(0), &indices = c.dims(1);
    bool fits = x.size() == indices.size();
    for (size_t d = 0; fits && d < x.size(); ++d) {
      if (static_cast<int>(d) == axis) continue;
      fits = !(x[d].is_number() && indices[d].is_number() && indices[d].number() > x[d].number());
    }
    if (!fits) {
      return Status::BadModel("indices of shape " + ShapeString(indices) +
                              " do not fit data of shape " + ShapeString(x));
    }
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
        StridedWalk(c.outputs[0].shape(), std::vector<StridedWalk::Operand>{{strides, 0}}));
    s.axis = v.axis;
    s.size = v.size;
    s.stride = v.inner;
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), 4 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    Status status;
    DispatchSize(c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      Dispatch(IndexTypes(), c.inputs[1].dtype(), [&](auto index_type) {
        status = Take<T, typename decltype(index_type)::T>(c, begin, end);
      });
    });
    return status;
  }

 private:
  // Items stay apart where data and indices agree on their axis, or one item's indices choose among
  // shared data that is not counted along the items' axis.
  static void StateItems(InferContext& c, int axis) {
    if (!c.itemised()) return;
    const int at = c.Itemised(0) ? c.item_axis(0) : c.item_axis(1);
    const size_t a = static_cast<size_t>(at);
    bool apart = at != axis && c.Itemised(1);
    apart = apart && c.item_axis(1) == at && c.Itemised(0) && Same(c.dims(0)[a], c.dims(1)[a]);
    // Shared data: along the axis only.
    if (c.Itemised(1) && !c.Itemised(0)) apart = at == axis && AxisOfItems(c, c.dims(0)) == kShared;
    if (!apart) return c.Mix();
    c.out(0).item_axis = at;
  }

  template <typename T, typename Index>
  static Status Take(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const T* x = c.inputs[0].data<T>();
    const Index* indices = c.inputs[1].data<Index>();
    T* y = c.outputs[0].mutable_data<T>();
    const int64_t stride = s.walk.run_stride(0);
    Status status;
    s.walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const T* from = x + offset[0];
      for (int64_t i = 0; i < n; ++i) {
        int64_t index = indices[at + i];
        if (index < -s.size || index >= s.size) {
          status = IndexOutOfRange(index, s.axis, s.size);
          return;
        }
        index += index < 0 ? s.size : 0;
        y[at + i] = from[i * stride + index * s.stride];
      }
    });
    return status;
  }

  int64_t axis_;
};

}  // namespace

extern const OpDef kGatherElements = {kOnnxDomain, "GatherElements", 13, 25,
                                      &MakeOf<GatherElementsOp, 2, 2>};

}  // namespace mosaic
