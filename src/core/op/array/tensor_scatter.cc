// TensorScatter: a copy of a cache with the update written along an axis from write_indices on,
// each element of the batch at its own place.
#include <algorithm>

#include "core/op/array/scatter.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 32 * 1024;  // bytes of a unit

class TensorScatterOp : public Op {
 public:
  TensorScatterOp(int64_t axis, bool circular) : axis_(axis), circular_(circular) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    if (c.Has(2)) MOSAIC_RETURN_IF_ERROR(CheckType<Types<int64_t>>(c.dtype(2), "write_indices"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    if (!c.Ranked()) return Status();
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    if (axis == 0) return Status::BadModel("axis 0 is the batch");
    const Dims &past = c.dims(0), &update = c.dims(1);
    bool fits = past.size() == update.size();
    for (size_t d = 0; fits && d < past.size(); ++d) {
      if (static_cast<int>(d) != axis) {
        fits = c.RequireEqual(past[d], update[d], "").ok();
      } else if (past[d].is_number() && update[d].is_number()) {
        fits = update[d].number() <= past[d].number();
      }
    }
    if (!fits) {
      return Status::BadModel("an update of shape " + ShapeString(update) +
                              " does not fit a cache of shape " + ShapeString(past));
    }
    if (c.Has(2) && (c.in(2).rank() != 1 || Differ(c.dims(2)[0], past[0]))) {
      return Status::BadModel("write_indices of shape " + ShapeString(c.dims(2)) +
                              " is not one for each of the batch");
    }
    StateItems(c, axis);
    return Status();
  }

  Status Start(Call& c) const override {
    AxisView& v = c.NewState<AxisView>();
    MOSAIC_RETURN_IF_ERROR(ViewAxis(c.inputs[1].shape(), axis_, &v));
    c.phases.assign(1, CopyPhase(c.inputs[0]));
    c.phases.push_back({Chunks(c.inputs[1].bytes(), kChunk), 2 * kChunk});  // rows may be short
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (phase == 0) {
      RunCopyPhase(c, begin, end);
      return Status();
    }
    const int64_t elements = kChunk / DTypeSize(c.inputs[1].dtype());
    Status status;
    DispatchSize(c.inputs[1].dtype(), [&](auto type) {
      status = Write<typename decltype(type)::T>(c, begin * elements,
                                                 std::min(end * elements, c.inputs[1].size()));
    });
    return status;
  }

  bool in_place(int i) const override { return i == 0; }

 private:
  static void StateItems(InferContext& c, int axis) {
    if (!c.itemised()) return;
    const int at = c.item_axis(0);
    const bool indices = !c.Has(2) || (at == 0 ? c.item_axis(2) == 0 : !c.Itemised(2));
    if (at < 0 || at == axis || c.item_axis(1) != at || !indices) return c.Mix();
    c.out(0).item_axis = at;
  }

  template <typename T>
  Status Write(Call& c, int64_t at, int64_t end) const {
    const AxisView& v = c.state<AxisView>();
    const int64_t size = c.inputs[0].dim(v.axis), per_batch = v.outer / c.inputs[0].dim(0);
    const T* x = c.inputs[1].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    while (at < end) {
      const int64_t i = at % v.inner, step = at / v.inner % v.size, o = at / v.inner / v.size;
      const int64_t n = std::min(v.inner - i, end - at);
      const int64_t from = c.Given(2) ? c.inputs[2].data<int64_t>()[o / per_batch] : 0;
      if (from < 0 || (!circular_ && from > size - v.size)) {
        return Status::Invalid("write index " + std::to_string(from) + " is out of range for " +
                               std::to_string(v.size) + " steps in a cache of " +
                               std::to_string(size));
      }
      const int64_t to = circular_ ? (from % size + step) % size : from + step;
      std::copy(x + at, x + at + n, y + (o * size + to) * v.inner + i);
      at += n;
    }
    return Status();
  }

  int64_t axis_;
  bool circular_;
};

Status MakeTensorScatter(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  const std::string mode = node.String("mode", "linear");
  if (mode != "linear" && mode != "circular") {
    return Status::BadModel("mode " + Quoted(mode) + " is unknown");
  }
  *out = std::make_unique<TensorScatterOp>(node.Int("axis", -2), mode == "circular");
  return Status();
}

}  // namespace

extern const OpDef kTensorScatter = {kOnnxDomain, "TensorScatter", 24, 25, &MakeTensorScatter};

}  // namespace mosaic
