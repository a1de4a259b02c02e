// Mod: the remainder of a division. With fmod it has the sign of the dividend (C), without, for
// integers only, that of the divisor (Python).
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct Remainder {
  static constexpr double kCost = 10;
  static constexpr bool kPredicate = false;
  static constexpr bool kDivides = true;

  template <typename T>
  static T OfIntegers(T a, T b) {
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;  // the remainder of the lowest value would trap
    }
    return static_cast<T>(a % b);
  }
};

struct ModFn : Remainder {
  using List = Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
  static Dim OfDims(const Dim& a, const Dim& b, bool) {
    return b.Is(0) ? Dim() : a - FloorDiv(a, b) * b;
  }
  template <typename T>
  T operator()(T a, T b) const {
    const T r = OfIntegers(a, b);
    return static_cast<T>(r != 0 && (r < 0) != (b < 0) ? r + b : r);
  }
};

struct FmodFn : Remainder {
  using List = NumericTypes;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return OfIntegers(a, b);
    } else {
      return std::fmod(a, b);
    }
  }
};

class ModOp : public BinaryOp<ModFn> {
 public:
  Status Infer(InferContext& c) const override {
    if (IsFloat(c.dtype(0))) return Status::BadModel("floating-point inputs need fmod = 1");
    return BinaryOp::Infer(c);
  }
};

Status MakeMod(const Node& node, std::unique_ptr<Op>* out) {
  if (node.Int("fmod", 0) != 0) return MakePlain<BinaryOp<FmodFn>, 2, 2>(node, out);
  return MakePlain<ModOp, 2, 2>(node, out);
}

}  // namespace

extern const OpDef kMod = {kOnnxDomain, "Mod", 13, 25, &MakeMod};

}  // namespace mosaic
