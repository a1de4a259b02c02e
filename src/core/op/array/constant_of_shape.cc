// ConstantOfShape: an array of the shape that input 0 gives, filled with one value: the attribute,
// or float32 zero.
#include <algorithm>

#include "core/op/array/array_support.h"
#include "core/tensor/element.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 16384;

class ConstantOfShapeOp : public Op {
 public:
  explicit ConstantOfShapeOp(const Node& node) : value_(node.AttributeInput("value")) {}

  Status Infer(InferContext& c) const override {
    int dtype = MOSAIC_FLOAT;
    if (value_ >= 0) {
      const Fact& value = c.in(static_cast<size_t>(value_));
      dtype = value.dtype;
      if (LengthOf(value) != 1) return Status::BadModel("attribute value must be one element");
    }
    Dims shape;
    bool ranked = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 0, "a shape", &shape, &ranked));
    if (!ranked) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(shape)));
    ItemsRepeated(c);
    return Status();
  }

  Status Start(Call& c) const override {
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk / 4);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    DispatchSize(c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      Fill<T>(c, begin, end);
    });
    return Status();
  }

  bool shape_input(int i) const override { return i == 0; }

 private:
  template <typename T>
  void Fill(Call& c, int64_t begin, int64_t end) const {
    const T value = value_ >= 0 ? *c.inputs[static_cast<size_t>(value_)].data<T>() : T();
    T* y = c.outputs[0].mutable_data<T>();
    std::fill(y + begin, y + end, value);
  }

  int value_;  // the input that holds it, or -1
};

}  // namespace

extern const OpDef kConstantOfShape = {kOnnxDomain, "ConstantOfShape", 25, 25,
                                       &MakeOf<ConstantOfShapeOp, 1, 2>};

}  // namespace mosaic
