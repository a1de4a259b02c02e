// Add, Sub, Mul, Div. Integers wrap; integer division truncates, and by zero it is an error.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct Arithmetic {
  using List = NumericTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = false;
  static constexpr bool kDivides = false;
};

struct AddFn : Arithmetic {
  static constexpr Binary kKernel = Binary::kAdd;
  static Dim OfDims(const Dim& a, const Dim& b, bool) { return a + b; }
  static constexpr auto kFollowIndex = &IndexSum;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return Wrapping(a, b, [](auto x, auto y) { return x + y; });
    } else {
      return a + b;
    }
  }
};

struct SubFn : Arithmetic {
  static constexpr Binary kKernel = Binary::kSub;
  static Dim OfDims(const Dim& a, const Dim& b, bool) { return a - b; }
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return Wrapping(a, b, [](auto x, auto y) { return x - y; });
    } else {
      return a - b;
    }
  }
};

struct MulFn : Arithmetic {
  static constexpr Binary kKernel = Binary::kMul;
  static Dim OfDims(const Dim& a, const Dim& b, bool) { return a * b; }
  static constexpr auto kFollowIndex = &IndexProduct;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return Wrapping(a, b, [](auto x, auto y) { return x * y; });
    } else {
      return a * b;
    }
  }
};

struct DivFn : Arithmetic {
  static constexpr Binary kKernel = Binary::kDiv;
  static constexpr bool kDivides = true;
  // Sizes are not negative: truncated is rounded down.
  static Dim OfDims(const Dim& a, const Dim& b, bool real) {
    return b.Is(0) ? Dim() : real ? a.DividedBy(b).value_or(Dim()) : FloorDiv(a, b);
  }
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      // The lowest value divided by -1 would trap.
      if (b == -1) return Wrapping(T(0), a, [](auto x, auto y) { return x - y; });
    }
    return static_cast<T>(a / b);
  }
};

}  // namespace

extern const OpDef kAdd = {kOnnxDomain, "Add", 14, 25, &MakePlain<BinaryOp<AddFn>, 2, 2>};
extern const OpDef kSub = {kOnnxDomain, "Sub", 14, 25, &MakePlain<BinaryOp<SubFn>, 2, 2>};
extern const OpDef kMul = {kOnnxDomain, "Mul", 14, 25, &MakePlain<BinaryOp<MulFn>, 2, 2>};
extern const OpDef kDiv = {kOnnxDomain, "Div", 14, 25, &MakePlain<BinaryOp<DivFn>, 2, 2>};

}  // namespace mosaic
