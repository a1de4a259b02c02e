// IsNaN, IsInf.
#include "core/op/math/elementwise.h"
#include "core/tensor/small_types.h"

namespace mosaic {
namespace {

using TestedTypes = Types<float, double, Float16, BFloat16, Float8E4M3FN, Float8E4M3FNUZ,
                          Float8E5M2, Float8E5M2FNUZ>;

struct IsNaNFn {
  using List = TestedTypes;
  static constexpr double kCost = 1;
  template <typename T>
  bool operator()(T x) const {
    return x != x;
  }
};

struct IsInfFn {
  using List = TestedTypes;
  static constexpr double kCost = 1;
  explicit IsInfFn(const Node& node)
      : negative(node.Int("detect_negative", 1) != 0),
        positive(node.Int("detect_positive", 1) != 0) {}
  template <typename T>
  bool operator()(T x) const {
    return (positive && x > std::numeric_limits<T>::max()) ||
           (negative && x < std::numeric_limits<T>::lowest());
  }
  bool negative, positive;
};

Status MakeIsInf(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<TestOp<IsInfFn>>(IsInfFn(node));
  return Status();
}

}  // namespace

extern const OpDef kIsInf = {kOnnxDomain, "IsInf", 20, 25, &MakeIsInf};
extern const OpDef kIsNaN = {kOnnxDomain, "IsNaN", 20, 25, &MakePlain<TestOp<IsNaNFn>, 1, 1>};

}  // namespace mosaic
