// Equal, Greater, GreaterOrEqual, Less, LessOrEqual: broadcasting, the result is bool.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct Compare {
  using List = NumericTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = true;
  static constexpr bool kDivides = false;
  static constexpr bool kSwapped = false;
};

struct EqualFn : Compare {
  static constexpr Comparison kKernel = Comparison::kEqual;
  using List = AllTypes;
  static Dim OfDims(const Dim& a, const Dim& b, bool) {
    return Same(a, b) ? Dim(1) : Differ(a, b) ? Dim(0) : Dim();
  }
  template <typename T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct GreaterFn : Compare {
  static constexpr bool kSwapped = true;
  static constexpr Comparison kKernel = Comparison::kLess;
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterOrEqualFn : Compare {
  static constexpr bool kSwapped = true;
  static constexpr Comparison kKernel = Comparison::kLessOrEqual;
  template <typename T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct LessFn : Compare {
  static constexpr Comparison kKernel = Comparison::kLess;
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqualFn : Compare {
  static constexpr Comparison kKernel = Comparison::kLessOrEqual;
  template <typename T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};

// Also of strings, byte by byte.
class EqualOp : public BinaryOp<EqualFn> {
 public:
  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) return BinaryOp::Infer(c);
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    return InferBroadcast(c, MOSAIC_BOOL);
  }
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (c.inputs[0].dtype() != MOSAIC_STRING) return BinaryOp::Run(c, phase, begin, end);
    const StridedWalk& walk = c.state<StridedWalk>();
    end = ElementRange(c, &begin, end);
    walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      const StringElement* a = c.inputs[0].data<StringElement>() + offset[0];
      const StringElement* b = c.inputs[1].data<StringElement>() + offset[1];
      Bool* y = c.outputs[0].mutable_data<Bool>() + at;
      for (int64_t i = 0; i < n; ++i) {
        y[i] = Store<Bool>(a[i * walk.run_stride(0)].view() == b[i * walk.run_stride(1)].view());
      }
    });
    return Status();
  }
};

}  // namespace

extern const OpDef kEqual = {kOnnxDomain, "Equal", 19, 25, &MakePlain<EqualOp, 2, 2>};
extern const OpDef kGreater = {kOnnxDomain, "Greater", 13, 25,
                               &MakePlain<BinaryOp<GreaterFn>, 2, 2>};
extern const OpDef kGreaterOrEqual = {kOnnxDomain, "GreaterOrEqual", 16, 25,
                                      &MakePlain<BinaryOp<GreaterOrEqualFn>, 2, 2>};
extern const OpDef kLess = {kOnnxDomain, "Less", 13, 25, &MakePlain<BinaryOp<LessFn>, 2, 2>};
extern const OpDef kLessOrEqual = {kOnnxDomain, "LessOrEqual", 16, 25,
                                   &MakePlain<BinaryOp<LessOrEqualFn>, 2, 2>};

}  // namespace mosaic
