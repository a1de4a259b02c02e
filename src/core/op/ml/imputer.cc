// Imputer: one value, which stands for "missing" (NaN too), becomes another, for each feature or for all
// alike.
#include <algorithm>
#include <cmath>

#include "core/op/ml/feature_list.h"

namespace mosaic {
namespace {

class Imputer : public Op {
 public:
  explicit Imputer(const Node& node)
      : floats_(node, "imputed_value_floats"),
        ints_(node, "imputed_value_int64s"),
        replaced_float_(node.Float("replaced_value_float", 0)),
        replaced_int_(node.Int("replaced_value_int64", 0)) {}

  Status Infer(InferContext& c) const override {
    const bool floats = !floats_.Length(c).Is(0), ints = !ints_.Length(c).Is(0);
    const bool of_floats = c.dtype(0) == MOSAIC_FLOAT || c.dtype(0) == MOSAIC_DOUBLE;
    if (floats == ints) {
      return Status::BadModel("one of \"imputed_value_floats\" and \"imputed_value_int64s\" is needed");
    }
    if (floats != of_floats) {
      return Status::BadModel(std::string("an input of type ") + DTypeName(c.dtype(0)) +
                              " with imputed values of another");
    }
    return InferPerFeature(c, c.dtype(0), floats ? floats_ : ints_);
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
      if constexpr (std::is_floating_point_v<T>) {
        Impute<T>(c, AllOf<double>(c, floats_), static_cast<T>(replaced_float_), begin, end);
      } else {
        Impute<T>(c, AllOf<int64_t>(c, ints_), static_cast<T>(replaced_int_), begin, end);
      }
    });
    return Status();
  }

 private:
  template <typename T, typename V>
  static void Impute(Call& c, const std::vector<V>& values, T replaced, int64_t begin, int64_t end) {
    const T* x = c.inputs[0].data<T>();
    T* out = c.outputs[0].mutable_data<T>();
    const int64_t n = static_cast<int64_t>(values.size());
    for (int64_t i = begin; i < end; ++i) {
      const bool missing = x[i] == replaced || (x[i] != x[i] && replaced != replaced);
      out[i] = missing ? static_cast<T>(values[static_cast<size_t>(i % n)]) : x[i];
    }
  }

  NumberList floats_, ints_;
  float replaced_float_;
  int64_t replaced_int_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, static_cast<int>(node.inputs.size())));
  *out = std::make_unique<Imputer>(node);
  return Status();
}

}  // namespace

extern const OpDef kImputer = {kMlDomain, "Imputer", 1, 5, &Make};

}  // namespace mosaic
