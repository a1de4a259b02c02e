// Elu, HardSigmoid, LeakyRelu, Relu, Selu, Sigmoid, Softplus, Tanh.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

struct FloatActivation {
  using List = FloatTypes;
  static constexpr double kCost = 20;
};

struct ReluFn {
  static constexpr Activation kFused = Activation::kRelu;
  using List = SignedTypes;
  static constexpr double kCost = 1;
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? T(0) : x;
  }
};
struct LeakyReluFn : FloatActivation {
  explicit LeakyReluFn(const Node& node) : alpha(node.Float("alpha", 0.01F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * x : x;
  }
  float alpha;
};
struct EluFn : FloatActivation {
  explicit EluFn(const Node& node) : alpha(node.Float("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
  float alpha;
};
struct SeluFn : FloatActivation {
  explicit SeluFn(const Node& node)
      : alpha(node.Float("alpha", 1.67326319217681884765625F)),
        gamma(node.Float("gamma", 1.05070102214813232421875F)) {}
  template <typename T>
  T operator()(T x) const {
    const T scale = static_cast<T>(gamma);
    return x > 0 ? scale * x : scale * (static_cast<T>(alpha) * std::expm1(x));
  }
  float alpha, gamma;
};
struct HardSigmoidFn : FloatActivation {
  explicit HardSigmoidFn(const Node& node)
      : alpha(node.Float("alpha", 0.2F)), beta(node.Float("beta", 0.5F)) {}
  template <typename T>
  T operator()(T x) const {
    const T y = static_cast<T>(alpha) * x + static_cast<T>(beta);
    return y < 0 ? T(0) : y > 1 ? T(1) : y;
  }
  float alpha, beta;
};
struct SigmoidFn : FloatActivation {
  static constexpr Activation kFused = Activation::kSigmoid;
  template <typename T>
  T operator()(T x) const {
    // The exponential of a positive number could overflow.
    if (x >= 0) return T(1) / (T(1) + std::exp(-x));
    const T e = std::exp(x);
    return e / (T(1) + e);
  }
};
struct SoftplusFn : FloatActivation {
  template <typename T>
  T operator()(T x) const {
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
};
struct TanhFn : FloatActivation {
  static constexpr Activation kFused = Activation::kTanh;
  template <typename T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};

template <typename Fn>
Status MakeWithAttributes(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<UnaryOp<Fn>>(Fn(node));
  return Status();
}

}  // namespace

extern const OpDef kElu = {"Elu", 9, 17, &MakeWithAttributes<EluFn>};
extern const OpDef kHardSigmoid = {"HardSigmoid", 9, 17, &MakeWithAttributes<HardSigmoidFn>};
extern const OpDef kLeakyRelu = {"LeakyRelu", 9, 17, &MakeWithAttributes<LeakyReluFn>};
extern const OpDef kRelu = {"Relu", 9, 17, &MakePlain<UnaryOp<ReluFn>, 1, 1>};
extern const OpDef kSelu = {"Selu", 9, 17, &MakeWithAttributes<SeluFn>};
extern const OpDef kSigmoid = {"Sigmoid", 9, 17, &MakePlain<UnaryOp<SigmoidFn>, 1, 1>};
extern const OpDef kSoftplus = {"Softplus", 9, 17, &MakePlain<UnaryOp<SoftplusFn>, 1, 1>};
extern const OpDef kTanh = {"Tanh", 9, 17, &MakePlain<UnaryOp<TanhFn>, 1, 1>};

}  // namespace mosaic
