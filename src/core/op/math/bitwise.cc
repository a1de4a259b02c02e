// BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot over integers.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

using UnsignedTypes = Types<uint8_t, uint16_t, uint32_t, uint64_t>;
using IntegerTypes =
    Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;

struct Bitwise {
  using List = IntegerTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = false;
  static constexpr bool kDivides = false;
};

struct AndFn : Bitwise {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct OrFn : Bitwise {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct XorFn : Bitwise {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
struct NotFn : Bitwise {
  template <typename T>
  T operator()(T a) const {
    return static_cast<T>(~a);
  }
};

// By the width of the type or more nothing is left.
template <bool kLeft>
struct ShiftFn : Bitwise {
  using List = UnsignedTypes;
  template <typename T>
  T operator()(T a, T by) const {
    if (by >= sizeof(T) * 8) return 0;
    const uint64_t wide = a;
    return static_cast<T>(kLeft ? wide << by : wide >> by);
  }
};

Status MakeShift(const Node& node, std::unique_ptr<Op>* out) {
  const std::string direction = node.String("direction", "");
  if (direction == "LEFT") return MakePlain<BinaryOp<ShiftFn<true>>, 2, 2>(node, out);
  if (direction == "RIGHT") return MakePlain<BinaryOp<ShiftFn<false>>, 2, 2>(node, out);
  return Status::BadModel("direction must be \"LEFT\" or \"RIGHT\", is \"" + direction + "\"");
}

}  // namespace

extern const OpDef kBitShift = {kOnnxDomain, "BitShift", 11, 25, &MakeShift};
extern const OpDef kBitwiseAnd = {kOnnxDomain, "BitwiseAnd", 18, 25,
                                  &MakePlain<BinaryOp<AndFn>, 2, 2>};
extern const OpDef kBitwiseNot = {kOnnxDomain, "BitwiseNot", 18, 25,
                                  &MakePlain<UnaryOp<NotFn>, 1, 1>};
extern const OpDef kBitwiseOr = {kOnnxDomain, "BitwiseOr", 18, 25,
                                 &MakePlain<BinaryOp<OrFn>, 2, 2>};
extern const OpDef kBitwiseXor = {kOnnxDomain, "BitwiseXor", 18, 25,
                                  &MakePlain<BinaryOp<XorFn>, 2, 2>};

}  // namespace mosaic
