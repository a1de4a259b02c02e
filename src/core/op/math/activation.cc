// Activations: Celu, Elu, Gelu, HardSigmoid, HardSwish, LeakyRelu, Mish, Relu, Selu, Shrink,
// Sigmoid, Softplus, Softsign, Swish, Tanh, ThresholdedRelu.
#include "core/op/math/activation_functions.h"

namespace mosaic {
namespace {

struct ReluFn {
  static constexpr Unary kKernel = Unary::kRelu;
  using List = SignedTypes;
  static constexpr double kCost = 1;
  static Dim OfDims(const Dim& x, bool) { return Max(x, 0); }
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? T(0) : x;
  }
};
struct LeakyReluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kLeakyRelu;
  UnaryParameters parameters() const { return {alpha, 0}; }
  explicit LeakyReluFn(const Node& node) : alpha(node.Float("alpha", 0.01F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * x : x;
  }
  float alpha;
};
struct ThresholdedReluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kThresholdedRelu;
  UnaryParameters parameters() const { return {alpha, 0}; }
  explicit ThresholdedReluFn(const Node& node) : alpha(node.Float("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    return x > static_cast<T>(alpha) ? x : T(0);
  }
  float alpha;
};
struct EluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kElu;
  UnaryParameters parameters() const { return {alpha, 0}; }
  explicit EluFn(const Node& node) : alpha(node.Float("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
  float alpha;
};
struct CeluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kCelu;
  UnaryParameters parameters() const { return {alpha, 0}; }
  explicit CeluFn(const Node& node) : alpha(node.Float("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    const T a = static_cast<T>(alpha);
    return x < 0 ? a * std::expm1(x / a) : x;
  }
  float alpha;
};
struct SeluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kSelu;
  UnaryParameters parameters() const { return {alpha, gamma}; }
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
  static constexpr Unary kKernel = Unary::kHardSigmoid;
  UnaryParameters parameters() const { return {alpha, beta}; }
  explicit HardSigmoidFn(const Node& node)
      : alpha(node.Float("alpha", 0.2F)), beta(node.Float("beta", 0.5F)) {}
  template <typename T>
  T operator()(T x) const {
    const T y = static_cast<T>(alpha) * x + static_cast<T>(beta);
    return y < 0 ? T(0) : y > 1 ? T(1) : y;
  }
  float alpha, beta;
};
struct HardSwishFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kHardSwish;
  UnaryParameters parameters() const { return {1.0F / 6, 0.5F}; }
  template <typename T>
  T operator()(T x) const {
    const T y = x / 6 + T(0.5);
    return x * (y < 0 ? T(0) : y > 1 ? T(1) : y);
  }
};
struct SigmoidFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kSigmoid;
  template <typename T>
  T operator()(T x) const {
    return Sigmoid(x);
  }
};
struct SoftplusFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kSoftplus;
  template <typename T>
  T operator()(T x) const {
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
};
struct SoftsignFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kSoftsign;
  template <typename T>
  T operator()(T x) const {
    return x / (T(1) + std::fabs(x));
  }
};
struct TanhFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kTanh;
  template <typename T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};
struct MishFn : FloatActivation {  // x tanh(softplus(x))
  static constexpr Unary kKernel = Unary::kMish;
  template <typename T>
  T operator()(T x) const {
    // With e = exp(x) it is x (e^2 + 2e) / (e^2 + 2e + 2); from 20 on that is x.
    if (x > 20) return x;
    const T e = std::exp(x), n = e * (e + 2);
    return x * (n / (n + 2));
  }
};
struct ShrinkFn {
  using List = NumericTypes;
  static constexpr double kCost = 4;
  explicit ShrinkFn(const Node& node)
      : lambda(node.Float("lambd", 0.5F)), bias(node.Float("bias", 0.0F)) {}
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return ConvertTo<T>((*this)(static_cast<double>(x)));
    } else {
      if (x < -static_cast<T>(lambda)) return x + static_cast<T>(bias);
      return x > static_cast<T>(lambda) ? x - static_cast<T>(bias) : T(0);
    }
  }
  float lambda, bias;
};

template <typename Fn>
Status MakeWithAttributes(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<UnaryOp<Fn>>(Fn(node));
  return Status();
}

Status MakeSwish(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<UnaryOp<SwishFn>>(SwishFn(node.Float("alpha", 1.0F)));
  return Status();
}

Status MakeGelu(const Node& node, std::unique_ptr<Op>* out) {
  const std::string approximate = node.String("approximate", "none");
  if (approximate == "tanh") return MakePlain<UnaryOp<GeluTanhFn>, 1, 1>(node, out);
  if (approximate == "none") return MakePlain<UnaryOp<GeluFn>, 1, 1>(node, out);
  return Status::BadModel("approximate must be \"none\" or \"tanh\", is \"" + approximate + "\"");
}

}  // namespace

extern const OpDef kCelu = {kOnnxDomain, "Celu", 12, 25, &MakeWithAttributes<CeluFn>};
extern const OpDef kElu = {kOnnxDomain, "Elu", 22, 25, &MakeWithAttributes<EluFn>};
extern const OpDef kGelu = {kOnnxDomain, "Gelu", 20, 25, &MakeGelu};
extern const OpDef kHardSigmoid = {kOnnxDomain, "HardSigmoid", 22, 25,
                                   &MakeWithAttributes<HardSigmoidFn>};
extern const OpDef kHardSwish = {kOnnxDomain, "HardSwish", 22, 25,
                                 &MakePlain<UnaryOp<HardSwishFn>, 1, 1>};
extern const OpDef kLeakyRelu = {kOnnxDomain, "LeakyRelu", 16, 25,
                                 &MakeWithAttributes<LeakyReluFn>};
extern const OpDef kMish = {kOnnxDomain, "Mish", 22, 25, &MakePlain<UnaryOp<MishFn>, 1, 1>};
extern const OpDef kRelu = {kOnnxDomain, "Relu", 14, 25, &MakePlain<UnaryOp<ReluFn>, 1, 1>};
extern const OpDef kSelu = {kOnnxDomain, "Selu", 22, 25, &MakeWithAttributes<SeluFn>};
extern const OpDef kShrink = {kOnnxDomain, "Shrink", 9, 25, &MakeWithAttributes<ShrinkFn>};
extern const OpDef kSigmoid = {kOnnxDomain, "Sigmoid", 13, 25,
                               &MakePlain<UnaryOp<SigmoidFn>, 1, 1>};
extern const OpDef kSoftplus = {kOnnxDomain, "Softplus", 22, 25,
                                &MakePlain<UnaryOp<SoftplusFn>, 1, 1>};
extern const OpDef kSoftsign = {kOnnxDomain, "Softsign", 22, 25,
                                &MakePlain<UnaryOp<SoftsignFn>, 1, 1>};
extern const OpDef kSwish = {kOnnxDomain, "Swish", 24, 25, &MakeSwish};
extern const OpDef kTanh = {kOnnxDomain, "Tanh", 13, 25, &MakePlain<UnaryOp<TanhFn>, 1, 1>};
extern const OpDef kThresholdedRelu = {kOnnxDomain, "ThresholdedRelu", 22, 25,
                                       &MakeWithAttributes<ThresholdedReluFn>};

}  // namespace mosaic
