// PRelu: y = x < 0 ? slope * x : x; the slope is broadcast to x.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct PReluFn {
  static constexpr Binary kKernel = Binary::kPRelu;
  using List = Types<float, double, Float16, BFloat16, int32_t, int64_t, uint32_t, uint64_t>;
  static constexpr double kCost = 2;
  static constexpr bool kPredicate = false;
  static constexpr bool kDivides = false;
  template <typename T>
  T operator()(T x, T slope) const {
    if constexpr (std::is_unsigned_v<T>) {
      return x;
    } else if constexpr (std::is_integral_v<T>) {
      return x < 0 ? Wrapping(x, slope, [](auto a, auto b) { return a * b; }) : x;
    } else {
      return x < 0 ? slope * x : x;
    }
  }
};

class PReluOp : public BinaryOp<PReluFn> {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(BinaryOp::Infer(c));
    if (!c.Ranked()) return Status();
    const std::string what = "a slope of shape " + ShapeString(c.dims(1)) +
                             " cannot be broadcast to shape " + ShapeString(c.dims(0));
    if (c.out(0).rank() != c.in(0).rank()) return Status::BadModel(what);
    for (size_t d = 0; d < c.dims(0).size(); ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.out(0).dims[d], c.dims(0)[d], what));
    }
    return Status();
  }
};

}  // namespace

extern const OpDef kPRelu = {kOnnxDomain, "PRelu", 16, 25, &MakePlain<PReluOp, 2, 2>};

}  // namespace mosaic
