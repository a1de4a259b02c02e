// Max, Mean, Min, Sum over any number of inputs. Min, Max: NaN wins, as in numpy.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct MinFn {
  static constexpr Binary kKernel = Binary::kMin;
  using List = NumericTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = false;
  static Dim OfDims(const Dim& a, const Dim& b, bool) { return Min(a, b); }
  template <typename T>
  T operator()(T a, T b) const {
    return b < a || b != b ? b : a;
  }
};

struct MaxFn {
  static constexpr Binary kKernel = Binary::kMax;
  using List = NumericTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = false;
  static Dim OfDims(const Dim& a, const Dim& b, bool) { return Max(a, b); }
  template <typename T>
  T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

struct SumFn {
  static constexpr Binary kKernel = Binary::kAdd;
  using List = FloatTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = false;
  template <typename T>
  T operator()(T a, T b) const {
    return a + b;
  }
};

struct MeanFn : SumFn {
  template <typename T>
  static T Finish(T sum, size_t inputs) {
    return sum / static_cast<T>(inputs);
  }
};

constexpr int kAnyNumber = 1 << 20;

}  // namespace

extern const OpDef kMax = {kOnnxDomain, "Max", 13, 25,
                           &MakePlain<VariadicOp<MaxFn>, 1, kAnyNumber>};
extern const OpDef kMean = {kOnnxDomain, "Mean", 13, 25,
                            &MakePlain<VariadicOp<MeanFn>, 1, kAnyNumber>};
extern const OpDef kMin = {kOnnxDomain, "Min", 13, 25,
                           &MakePlain<VariadicOp<MinFn>, 1, kAnyNumber>};
extern const OpDef kSum = {kOnnxDomain, "Sum", 13, 25,
                           &MakePlain<VariadicOp<SumFn>, 1, kAnyNumber>};

}  // namespace mosaic
