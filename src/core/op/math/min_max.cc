// Min, Max over any number of inputs. NaN wins, as in numpy.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

struct Extremum {
  using List = NumericTypes;
  static constexpr double kCost = 1;
};

struct MinFn : Extremum {
  template <typename T>
  T operator()(T a, T b) const {
    return b < a || b != b ? b : a;
  }
};

struct MaxFn : Extremum {
  template <typename T>
  T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

constexpr int kAnyNumber = 1 << 20;

}  // namespace

extern const OpDef kMin = {"Min", 9, 17, &MakePlain<VariadicOp<MinFn>, 1, kAnyNumber>};
extern const OpDef kMax = {"Max", 9, 17, &MakePlain<VariadicOp<MaxFn>, 1, kAnyNumber>};

}  // namespace mosaic
