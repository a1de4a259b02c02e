// And, Or, Xor, Not over bool.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct Logical {
  using List = BoolTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = true;
  static constexpr bool kDivides = false;
};

struct AndFn : Logical {
  bool operator()(bool a, bool b) const { return a && b; }
};
struct OrFn : Logical {
  bool operator()(bool a, bool b) const { return a || b; }
};
struct XorFn : Logical {
  bool operator()(bool a, bool b) const { return a != b; }
};
struct NotFn : Logical {
  bool operator()(bool a) const { return !a; }
};

}  // namespace

extern const OpDef kAnd = {kOnnxDomain, "And", 7, 25, &MakePlain<BinaryOp<AndFn>, 2, 2>};
extern const OpDef kOr = {kOnnxDomain, "Or", 7, 25, &MakePlain<BinaryOp<OrFn>, 2, 2>};
extern const OpDef kXor = {kOnnxDomain, "Xor", 7, 25, &MakePlain<BinaryOp<XorFn>, 2, 2>};
extern const OpDef kNot = {kOnnxDomain, "Not", 1, 25, &MakePlain<UnaryOp<NotFn>, 1, 1>};

}  // namespace mosaic
