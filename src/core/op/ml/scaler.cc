// Scaler: (x - offset) * scale, for each feature or for all alike.
#include <algorithm>

#include "core/op/ml/feature_list.h"

namespace mosaic {
namespace {

class Scaler : public Op {
 public:
  explicit Scaler(const Node& node) : offset_(node, "offset"), scale_(node, "scale") {}

  Status Infer(InferContext& c) const override {
    if (Differ(offset_.Length(c), scale_.Length(c))) {
      return Status::BadModel("\"offset\" has " + offset_.Length(c).ToString() + " elements, \"scale\" " +
                              scale_.Length(c).ToString());
    }
    return InferPerFeature(c, MOSAIC_FLOAT, scale_);
  }
  Status Start(Call& c) const override {
    StartPerFeature(c);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kFeatureChunk;
    end = std::min(end * kFeatureChunk, c.outputs[0].size());
    float* out = c.outputs[0].mutable_data<float>();
    const int64_t n = scale_.size(c);
    const std::vector<float> offset = AllOf<float>(c, offset_), scale = AllOf<float>(c, scale_);
    Dispatch(MlTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
      const T* x = c.inputs[0].data<T>();
      for (int64_t i = begin; i < end; ++i) {
        const size_t k = static_cast<size_t>(i % n);
        out[i] = static_cast<float>((static_cast<C>(x[i]) - C(offset[k])) * C(scale[k]));
      }
    });
    return Status();
  }

 private:
  NumberList offset_, scale_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
  *out = std::make_unique<Scaler>(node);
  return Status();
}

}  // namespace

extern const OpDef kScaler = {kMlDomain, "Scaler", 1, 5, &Make};

}  // namespace mosaic
