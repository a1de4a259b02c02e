// Binarizer: 1 where an element is above the threshold, else 0.
#include <algorithm>

#include "core/op/ml/feature_list.h"

namespace mosaic {
namespace {

class Binarizer : public Op {
 public:
  explicit Binarizer(const Node& node) : threshold_(node.Float("threshold", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<MlTypes>(c.dtype(0), "an input"));
    return InferSame(c);
  }
  Status Start(Call& c) const override {
    StartPerFeature(c);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kFeatureChunk;
    end = std::min(end * kFeatureChunk, c.outputs[0].size());
    Dispatch(MlTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* out = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin; i < end; ++i) {
        using C = std::conditional_t<std::is_same_v<T, double>, double, float>;
        out[i] = static_cast<C>(x[i]) > C(threshold_) ? T(1) : T(0);
      }
    });
    return Status();
  }

 private:
  float threshold_;
};

}  // namespace

extern const OpDef kBinarizer = {kMlDomain, "Binarizer", 1, 5, &MakeOf<Binarizer, 1, 1>};

}  // namespace mosaic
