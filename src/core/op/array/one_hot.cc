// OneHot: along a new axis of "depth" places, values[1] at the place that the index names and
// values[0] elsewhere. An index out of range names no place.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;  // elements of a unit

class OneHotOp : public Op {
 public:
  explicit OneHotOp(const Node& node) : axis_(node.Int("axis", -1)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "indices"));
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(1), "depth"));
    if (LengthOf(c.in(1)) >= 0 && LengthOf(c.in(1)) != 1) {
      return Status::BadModel("depth must be one element");
    }
    if (LengthOf(c.in(2)) >= 0 && LengthOf(c.in(2)) != 2) {
      return Status::BadModel("values must be two elements, off and on");
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(2));
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank() + 1, &axis));
    Dim depth = Depth(c);
    if (depth.is_unknown()) depth = c.NewDim();
    Dims out = c.dims(0);
    out.insert(out.begin() + axis, depth);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(2), std::move(out)));
    const int at = c.item_axis(0);
    c.ItemsAt(0, c.CountsItems(depth) ? kMixed : at < axis ? at : at + 1);
    return Status();
  }

  Status Start(Call& c) const override {
    AxisView& v = c.NewState<AxisView>();
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.outputs[0].shape(), axis_, &v));
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), 4 * kChunk);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto index_type) {
      DispatchSize(c.outputs[0].dtype(), [&](auto type) {
        Fill<typename decltype(index_type)::T, typename decltype(type)::T>(c, begin, end);
      });
    });
    return Status();
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  static Dim Depth(const InferContext& c) {
    Dims known;
    if (c.Known(1, &known)) return known[0];
    const Tensor& value = c.in(1).value;
    Dim depth;
    if (!value.defined() || value.raw() == nullptr) return depth;
    Dispatch(NumericTypes(), value.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      depth = ConvertTo<int64_t>(Load(*value.data<T>()));
    });
    return depth;
  }

  template <typename Index, typename T>
  static void Fill(Call& c, int64_t begin, int64_t end) {
    const AxisView& v = c.state<AxisView>();
    const Index* indices = c.inputs[0].data<Index>();
    const T off = c.inputs[2].data<T>()[0], on = c.inputs[2].data<T>()[1];
    T* y = c.outputs[0].mutable_data<T>();
    for (int64_t at = begin; at < end; ++at) {
      const int64_t i = at % v.inner, place = at / v.inner % v.size, o = at / v.inner / v.size;
      int64_t index = ConvertTo<int64_t>(Load(indices[o * v.inner + i]));
      if (index < 0) index += v.size;
      y[at] = index == place ? on : off;
    }
  }

  int64_t axis_;
};

}  // namespace

extern const OpDef kOneHot = {kOnnxDomain, "OneHot", 11, 25, &MakeOf<OneHotOp, 3, 3>};

}  // namespace mosaic
