// ConstantOfShape: a tensor of the shape that input 0 gives, filled with one value. The value, an
// attribute in ONNX, is input 1 of our graph; without it the result is float32 zeros.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class ConstantOfShapeOp : public Op {
 public:
  Status Prepare(OpContext& c) const override {
    Shape shape;
    MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[0], "a shape", &shape));
    int dtype = MOSAIC_FLOAT;
    if (Given(c, 1)) {
      if (c.inputs[1].size() != 1) return Status::BadModel("attribute value must be one element");
      dtype = c.inputs[1].dtype();
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, dtype, shape, &c.outputs[0]));
    c.units = c.outputs[0].size();
    c.unit_cost = 1;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    Dispatch(AllTypes(), c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T value = Store<T>(0);
      if (Given(c, 1)) value = *c.inputs[1].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      std::fill(y + begin, y + end, value);
    });
  }

  ItemRule Items(const OpContext&) const override { return ItemRule::kMixes; }
  bool shape_input(int i) const override { return i == 0; }
};

}  // namespace

extern const OpDef kConstantOfShape = {"ConstantOfShape", 9, 17,
                                       &MakePlain<ConstantOfShapeOp, 1, 2>};

}  // namespace mosaic
