// ZipMap: ONNX makes a map from class to score for each row. Here the scores stay what they are, [N, C] in
// the order of the classes, which the node keeps.
#include "core/op/ml/ml_support.h"

namespace mosaic {
namespace {

class ZipMap : public Op {
 public:
  explicit ZipMap(ClassLabels labels) : labels_(std::move(labels)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(0), "scores"));
    MOSAIC_RETURN_IF_ERROR(labels_.Check(c));
    if (c.in(0).ranked) {
      const Dims& dims = c.dims(0);
      if (dims.empty() || dims.size() > 2) {
        return Status::BadModel("the scores " + ShapeString(dims) + " are neither [N, C] nor [C]");
      }
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(dims.back(), labels_.Length(c), "scores and classes"));
    }
    return InferSame(c);
  }
  int view_of() const override { return 0; }

 private:
  ClassLabels labels_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
  ClassLabels labels;
  MOSAIC_RETURN_IF_ERROR(
      ClassLabels::Make(node, "classlabels_strings", "classlabels_int64s", &labels));
  *out = std::make_unique<ZipMap>(std::move(labels));
  return Status();
}

}  // namespace

extern const OpDef kZipMap = {kMlDomain, "ZipMap", 1, 5, &Make};

}  // namespace mosaic
