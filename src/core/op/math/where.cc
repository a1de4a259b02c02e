// Where: y = condition ? a : b, all three broadcast together.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

class WhereOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<BoolTypes>(c.inputs[0], "a condition"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c.inputs[1], c.inputs[2]));
    MOSAIC_RETURN_IF_ERROR(CheckType<AllTypes>(c.inputs[1], "an input"));
    return PrepareBroadcast(c, 3, c.inputs[1].dtype(), 1);
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    const int64_t sc = walk.run_stride(0), sa = walk.run_stride(1), sb = walk.run_stride(2);
    Dispatch(AllTypes(), c.inputs[1].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        const Bool* condition = c.inputs[0].data<Bool>() + offset[0];
        const T* a = c.inputs[1].data<T>() + offset[1];
        const T* b = c.inputs[2].data<T>() + offset[2];
        T* y = c.outputs[0].mutable_data<T>() + at;
        for (int64_t i = 0; i < n; ++i) y[i] = Load(condition[i * sc]) ? a[i * sa] : b[i * sb];
      });
    });
  }

  ItemRule Items(const OpContext& c) const override { return ElementwiseItems(c); }
};

}  // namespace

extern const OpDef kWhere = {"Where", 9, 17, &MakePlain<WhereOp, 3, 3>};

}  // namespace mosaic
