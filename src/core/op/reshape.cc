// Reshape: the same elements under the shape that input 1 gives; 0 keeps a dimension (unless
// allowzero, since opset 14), one -1 is computed.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class ReshapeOp : public Op {
 public:
  explicit ReshapeOp(bool allow_zero) : allow_zero_(allow_zero) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    Shape shape;
    MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "a shape", &shape));
    const Status mismatch = Status::BadModel("shape " + ShapeString(x.shape()) +
                                             " cannot be reshaped to " + TargetString(shape));
    int64_t known = 1;
    size_t computed = shape.size();
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0 && !allow_zero_) {
        if (i >= x.shape().size()) return mismatch;
        shape[i] = x.shape()[i];
      }
      if (shape[i] == -1 && computed == shape.size()) {
        computed = i;
        continue;
      }
      if (shape[i] < 0 || shape[i] > kMaxTensorBytes / std::max<int64_t>(known, 1)) return mismatch;
      known *= shape[i];
    }
    if (computed < shape.size()) {
      if (known == 0 || x.size() % known != 0) return mismatch;
      shape[computed] = x.size() / known;
    } else if (known != x.size()) {
      return mismatch;
    }
    return SetView(c, shape);
  }

  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }
  bool shape_input(int i) const override { return i == 1; }

 private:
  static std::string TargetString(const Shape& shape) {
    std::string s = "[";
    for (size_t i = 0; i < shape.size() && i < 2 * MOSAIC_MAX_DIMS; ++i) {
      s += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    }
    return s + "]";
  }

  bool allow_zero_;
};

Status MakeReshape(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  *out = std::make_unique<ReshapeOp>(graph.opset >= 14 && node.Int("allowzero", 0) != 0);
  return Status();
}

}  // namespace

extern const OpDef kReshape = {"Reshape", 9, 17, &MakeReshape};

}  // namespace mosaic
