// Operators of one, two and more elements.
#include <cmath>

#include "op/samples/families.h"
#include "op/samples/oracles.h"

namespace mosaic::samples {
namespace {

// ---- of one element ----

double Relu(double x) { return x > 0 ? x : std::isnan(x) ? x : 0; }
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double Softsign(double x) { return x / (1 + std::fabs(x)); }
double Sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double Negative(double x) { return -x; }
double Reciprocal(double x) { return 1 / x; }
double HardSwish(double x) { return x * std::min(1.0, std::max(0.0, x / 6 + 0.5)); }
double Mish(double x) { return x * std::tanh(Softplus(x)); }
double Not(double x) { return x == 0; }
double IsNan(double x) { return std::isnan(x); }
double Same(double x) { return x; }
double ErfGelu(double x) { return x < 0 ? x * 0.5 * std::erfc(-x * std::sqrt(0.5)) : 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }
double Attr(const Node& n, const char* name, double fallback) {
  return static_cast<double>(n.Float(name, static_cast<float>(fallback)));
}
double Gelu(const Node& n, const double* x, size_t) {
  if (n.String("approximate", "none") != "tanh") return ErfGelu(x[0]);
  return x[0] * Sigmoid(2 * std::sqrt(2 / M_PI) * (x[0] + 0.044715 * x[0] * x[0] * x[0]));
}
double Celu(const Node& n, const double* x, size_t) {
  const double a = Attr(n, "alpha", 1);
  return x[0] > 0 ? x[0] : a * std::expm1(x[0] / a);
}
double Elu(const Node& n, const double* x, size_t) { return x[0] > 0 ? x[0] : Attr(n, "alpha", 1) * std::expm1(x[0]); }
double Selu(const Node& n, const double* x, size_t) {
  const double a = Attr(n, "alpha", 1.67326319217681884765625), g = Attr(n, "gamma", 1.05070102214813232421875);
  return x[0] > 0 ? g * x[0] : g * a * std::expm1(x[0]);
}
double LeakyRelu(const Node& n, const double* x, size_t) { return x[0] < 0 ? Attr(n, "alpha", 0.01) * x[0] : x[0]; }
double HardSigmoid(const Node& n, const double* x, size_t) {
  return std::min(1.0, std::max(0.0, Attr(n, "alpha", 0.2) * x[0] + Attr(n, "beta", 0.5)));
}
double ThresholdedRelu(const Node& n, const double* x, size_t) { return x[0] > Attr(n, "alpha", 1) ? x[0] : 0; }
double Shrink(const Node& n, const double* x, size_t) {
  const double l = Attr(n, "lambd", 0.5), b = Attr(n, "bias", 0);
  return x[0] < -l ? x[0] + b : x[0] > l ? x[0] - b : 0;
}
double Swish(const Node& n, const double* x, size_t) { return x[0] * Sigmoid(Attr(n, "alpha", 1) * x[0]); }
double QuickGelu(const Node& n, const double* x, size_t) { return x[0] * Sigmoid(Attr(n, "alpha", 1.702) * x[0]); }
double IsInf(const Node& n, const double* x, size_t) {
  return std::isinf(x[0]) && (x[0] > 0 ? n.Int("detect_positive", 1) : n.Int("detect_negative", 1)) != 0;
}

void UnaryOf(Draw& d, Sample* s, int dtype, double low, double high) { s->Data(dtype, d.Dims(1, 4), low, high); }
void Wide(Draw& d, Sample* s) { UnaryOf(d, s, FloatType(d), -6, 6); }
void Within(Draw& d, Sample* s) { UnaryOf(d, s, FloatType(d), -0.99, 0.99); }
void Above(Draw& d, Sample* s) { UnaryOf(d, s, FloatType(d), s->Is("Acosh") ? 1 : 0.01, 20); }
void Booleans(Draw& d, Sample* s) { UnaryOf(d, s, MOSAIC_BOOL, 0, 1); }
void Whole(Draw& d, Sample* s) { UnaryOf(d, s, IntegerType(d), -50, 50); }
void SignedOnly(Draw& d, Sample* s) {
  UnaryOf(d, s, d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_INT8, MOSAIC_INT32, MOSAIC_INT64}), -20, 20);
}
void Numeric(Draw& d, Sample* s) { UnaryOf(d, s, NumericType(d), -20, 20); }
void Anything(Draw& d, Sample* s) { UnaryOf(d, s, AnyType(d), -20, 20); }
void WithAlpha(Draw& d, Sample* s) {
  Wide(d, s);
  if (d.Flip()) s->FloatAttr("alpha", 0.25 * static_cast<double>(d.Int(1, 8)));
}
void DrawSelu(Draw& d, Sample* s) {
  WithAlpha(d, s);
  if (d.Flip()) s->FloatAttr("gamma", 1.25);
}
void DrawHardSigmoid(Draw& d, Sample* s) {
  WithAlpha(d, s);
  if (d.Flip()) s->FloatAttr("beta", 0.375);
}
void DrawShrink(Draw& d, Sample* s) {
  Numeric(d, s);
  if (d.Flip()) s->FloatAttr("lambd", 1.5).FloatAttr("bias", 0.25 * static_cast<double>(d.Int(0, 6)));
}
void DrawGelu(Draw& d, Sample* s) {
  Wide(d, s);
  if (s->node.domain.empty() && d.Flip()) s->StringAttr("approximate", d.Flip() ? "tanh" : "none");
}
void DrawIsInf(Draw& d, Sample* s) {
  Wide(d, s);
  s->IntAttr("detect_positive", d.Int(0, 1)).IntAttr("detect_negative", d.Int(0, 1));
}
double FastGelu(const Node& n, const double* x, size_t count) {
  Node tanh = n;
  tanh.attributes = {{"approximate", std::string("tanh")}};
  const double sum = count > 1 ? x[0] + x[1] : x[0];
  return Gelu(tanh, &sum, 1);
}
double BiasGelu(const Node&, const double* x, size_t) { return ErfGelu(x[0] + x[1]); }
void DrawBiased(Draw& d, Sample* s) {
  const int dtype = FloatType(d);
  const Shape shape = d.Dims(1, 3);
  s->Data(dtype, shape, -6, 6);
  if (s->Is("BiasGelu") || d.Flip()) s->Const(dtype, {shape.back()});
}

// ---- of two and more ----

double Add(double a, double b) { return a + b; }
double Subtract(double a, double b) { return a - b; }
double Multiply(double a, double b) { return a * b; }
double Equal(double a, double b) { return a == b; }
double Greater(double a, double b) { return a > b; }
double GreaterOrEqual(double a, double b) { return a >= b; }
double Less(double a, double b) { return a < b; }
double LessOrEqual(double a, double b) { return a <= b; }
double And(double a, double b) { return a != 0 && b != 0; }
double Or(double a, double b) { return a != 0 || b != 0; }
double Xor(double a, double b) { return (a != 0) != (b != 0); }
double BitAnd(double a, double b) { return static_cast<double>(static_cast<int64_t>(a) & static_cast<int64_t>(b)); }
double BitOr(double a, double b) { return static_cast<double>(static_cast<int64_t>(a) | static_cast<int64_t>(b)); }
double BitXor(double a, double b) { return static_cast<double>(static_cast<int64_t>(a) ^ static_cast<int64_t>(b)); }
double PRelu(double a, double b) { return a < 0 ? a * b : a; }
double Power(double a, double b) { return std::pow(a, b); }

// Shapes that broadcast to each other: one is whole, others lack dimensions or have ones.
Shape Partner(Draw& d, const Shape& shape) {
  Shape other(shape.begin() + d.Int(0, d.Flip() ? 0 : static_cast<int64_t>(shape.size())), shape.end());
  for (int64_t& n : other) n = d.Int(0, 2) == 0 ? 1 : n;
  return other;
}
void Pair(Draw& d, Sample* s, int dtype, double low, double high) {
  const Shape whole = d.Dims(0, 4), other = Partner(d, whole);
  const bool swap = d.Flip();
  const bool last = s->Is("PRelu");
  s->Data(dtype, swap && !last ? other : whole, low, high).Data(dtype, swap && !last ? whole : other, low, high);
}
void Arithmetic(Draw& d, Sample* s) { Pair(d, s, NumericType(d), -9, 9); }
void DrawSub(Draw& d, Sample* s) {
  Pair(d, s, NumericType(d), -9, 9);
  s->inputs[0].low = s->inputs[1].high;  // nothing wraps
  s->inputs[0].high = s->inputs[0].low + 9;
}
void DrawDiv(Draw& d, Sample* s) { Pair(d, s, NumericType(d), 1, 9); }
double Divide(const Node&, const double* x, size_t) { return x[0] / x[1]; }
void Compared(Draw& d, Sample* s) { Pair(d, s, s->Is("Equal") ? AnyType(d) : NumericType(d), -3, 3); }
void Logical(Draw& d, Sample* s) { Pair(d, s, MOSAIC_BOOL, 0, 1); }
void Bits(Draw& d, Sample* s) { Pair(d, s, IntegerType(d), -100, 100); }
void DrawPRelu(Draw& d, Sample* s) { Pair(d, s, d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_INT32, MOSAIC_INT64}), -9, 9); }
void DrawShift(Draw& d, Sample* s) {
  Pair(d, s, d.Of({MOSAIC_UINT8, MOSAIC_UINT16, MOSAIC_UINT32, MOSAIC_UINT64}), 0, 7);
  s->StringAttr("direction", d.Flip() ? "LEFT" : "RIGHT");
}
void DrawMod(Draw& d, Sample* s) {
  const int dtype = NumericType(d);
  Pair(d, s, dtype, 1, 9);
  if (IsFloat(dtype) || d.Flip()) s->IntAttr("fmod", 1);
}
double Mod(const Node& n, const double* x, size_t) {
  const double r = std::fmod(x[0], x[1]);
  return n.Int("fmod", 0) != 0 || r == 0 || (r < 0) == (x[1] < 0) ? r : r + x[1];
}
void DrawPow(Draw& d, Sample* s) {
  const int base = d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT32, MOSAIC_INT64, MOSAIC_FLOAT16});
  const int exponent = d.Of({base, int{MOSAIC_FLOAT}, int{MOSAIC_INT32}, int{MOSAIC_INT64}, int{MOSAIC_DOUBLE}});
  const Shape shape = d.Dims(0, 3);
  const bool scalar = d.Flip();
  s->Data(base, shape, 1, 5);
  if (scalar) {
    s->Values(exponent, {}, {static_cast<double>(d.Int(0, 12)) / (IsFloat(exponent) ? 4 : 4.0 / 4)});
  } else {
    s->Data(exponent, Partner(d, shape), 0, 4);
  }
}
double Most(const Node&, const double* x, size_t n) {
  double v = x[0];
  for (size_t i = 1; i < n; ++i) v = std::isnan(v) || std::isnan(x[i]) ? NAN : std::max(v, x[i]);
  return v;
}
double Least(const Node&, const double* x, size_t n) {
  double v = x[0];
  for (size_t i = 1; i < n; ++i) v = std::isnan(v) || std::isnan(x[i]) ? NAN : std::min(v, x[i]);
  return v;
}
double Sum(const Node&, const double* x, size_t n) {
  double v = 0;
  for (size_t i = 0; i < n; ++i) v += x[i];
  return v;
}
double Mean(const Node& node, const double* x, size_t n) { return Sum(node, x, n) / static_cast<double>(n); }
void Variadic(Draw& d, Sample* s) {
  const bool sum = s->Is("Mean") || s->Is("Sum");  // of 16 bits they are rounded after each addition
  const int dtype = sum ? d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE}) : NumericType(d);
  const Shape whole = d.Dims(0, 3);
  const int64_t n = d.Int(1, 4), first = d.Int(0, n - 1);
  for (int64_t i = 0; i < n; ++i) s->Data(dtype, i == first ? whole : Partner(d, whole), 1, 9);
}
double Where(const Node&, const double* x, size_t) { return x[0] != 0 ? x[1] : x[2]; }
void DrawWhere(Draw& d, Sample* s) {
  const Shape whole = d.Dims(0, 3);
  const int dtype = AnyType(d);
  s->Data(MOSAIC_BOOL, Partner(d, whole), 0, 1).Data(dtype, whole, -9, 9).Data(dtype, Partner(d, whole), -9, 9);
}
double Clip(const Node&, const double* x, size_t n) {
  double v = x[0];
  if (n > 1) v = v < x[1] ? x[1] : v;
  if (n > 2) v = v > x[2] ? x[2] : v;
  return v;
}
void DrawClip(Draw& d, Sample* s) {
  const int dtype = NumericType(d);
  s->Data(dtype, d.Dims(0, 3), -9, 9).Values(dtype, {}, {static_cast<double>(d.Int(0, 2))});
  if (d.Flip()) s->Values(dtype, {}, {static_cast<double>(d.Int(1, 5))});
}
void DrawCast(Draw& d, Sample* s) {
  int to = AnyType(d);
  if (s->Is("CastLike") && d.Flip()) {
    to = d.Of({MOSAIC_INT4, MOSAIC_UINT4, MOSAIC_INT2, MOSAIC_UINT2, MOSAIC_FLOAT4E2M1,
               MOSAIC_FLOAT8E8M0, MOSAIC_FLOAT8E4M3FN, MOSAIC_FLOAT8E5M2FNUZ});
  }
  s->Data(AnyType(d), d.Dims(0, 3), 0, 100);
  if (s->Is("Cast")) {
    s->IntAttr("to", to);
  } else {
    s->Const(to, {1});
  }
}
void DrawBitCast(Draw& d, Sample* s) {
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_INT32, MOSAIC_UINT32}), d.Dims(0, 3), 0, 100);
  s->IntAttr("to", d.Of({MOSAIC_FLOAT, MOSAIC_INT32, MOSAIC_UINT32}));
}

}  // namespace

#define UNARY(name, draw, f, ulps) out->push_back({kOnnxDomain, name, draw, ulps, Elementwise<One<f>>})
#define NODE(domain, name, draw, f, ulps) out->push_back({domain, name, draw, ulps, Elementwise<f>})
#define BINARY(name, draw, f, ulps) out->push_back({kOnnxDomain, name, draw, ulps, Elementwise<Two<f>>})

static void AddUnary(std::vector<Generator>* out) {
  UNARY("Abs", Numeric, std::fabs, 0);
  UNARY("Acos", Within, std::acos, 2);
  UNARY("Acosh", Above, std::acosh, 2);
  UNARY("Asin", Within, std::asin, 2);
  UNARY("Asinh", Wide, std::asinh, 2);
  UNARY("Atan", Wide, std::atan, 2);
  UNARY("Atanh", Within, std::atanh, 2);
  UNARY("Ceil", Wide, std::ceil, 0);
  UNARY("Cos", Wide, std::cos, 1.6);
  UNARY("Cosh", Wide, std::cosh, 2);
  UNARY("Erf", Wide, std::erf, 1.2);
  UNARY("Exp", Wide, std::exp, 1.2);
  UNARY("Floor", Wide, std::floor, 0);
  UNARY("HardSwish", Wide, HardSwish, 16);
  UNARY("Identity", Anything, Same, 0);
  UNARY("IsNaN", Wide, IsNan, 0);
  UNARY("Log", Above, std::log, 1.2);
  UNARY("Mish", Wide, Mish, 8);
  UNARY("Neg", SignedOnly, Negative, 0);
  UNARY("Not", Booleans, Not, 0);
  UNARY("Reciprocal", Above, Reciprocal, 0.51);
  UNARY("Relu", SignedOnly, Relu, 0);
  UNARY("Round", Wide, std::nearbyint, 0);
  UNARY("Sigmoid", Wide, Sigmoid, 2.5);
  UNARY("Sign", SignedOnly, Sign, 0);
  UNARY("Sin", Wide, std::sin, 1.6);
  UNARY("Sinh", Wide, std::sinh, 2);
  UNARY("Softplus", Wide, Softplus, 2.6);
  UNARY("Softsign", Wide, Softsign, 2);
  UNARY("Sqrt", Above, std::sqrt, 0.51);
  UNARY("Tan", Wide, std::tan, 2);
  UNARY("Tanh", Wide, std::tanh, 1.6);
  out->push_back({kOnnxDomain, "BitwiseNot", Whole});
  NODE(kOnnxDomain, "Celu", WithAlpha, Celu, 3);
  NODE(kOnnxDomain, "Elu", WithAlpha, Elu, 3);
  NODE(kOnnxDomain, "Gelu", DrawGelu, Gelu, 16);
  NODE(kOnnxDomain, "HardSigmoid", DrawHardSigmoid, HardSigmoid, 16);
  NODE(kOnnxDomain, "IsInf", DrawIsInf, IsInf, 0);
  NODE(kOnnxDomain, "LeakyRelu", WithAlpha, LeakyRelu, 1);
  NODE(kOnnxDomain, "Selu", DrawSelu, Selu, 3);
  NODE(kOnnxDomain, "Shrink", DrawShrink, Shrink, 1);
  NODE(kOnnxDomain, "Swish", WithAlpha, Swish, 16);
  NODE(kOnnxDomain, "ThresholdedRelu", WithAlpha, ThresholdedRelu, 0);
  NODE(kMicrosoftDomain, "BiasGelu", DrawBiased, BiasGelu, 16);
  NODE(kMicrosoftDomain, "FastGelu", DrawBiased, FastGelu, 16);
  NODE(kMicrosoftDomain, "Gelu", DrawGelu, Gelu, 16);
  NODE(kMicrosoftDomain, "QuickGelu", WithAlpha, QuickGelu, 16);
}

void AddMath(std::vector<Generator>* out) {
  AddUnary(out);
  BINARY("Add", Arithmetic, Add, 0.51);
  BINARY("Sub", DrawSub, Subtract, 0.51);
  BINARY("Mul", Arithmetic, Multiply, 0.51);
  NODE(kOnnxDomain, "Div", DrawDiv, Divide, 0.51);
  BINARY("Equal", Compared, Equal, 0);
  BINARY("Greater", Compared, Greater, 0);
  BINARY("GreaterOrEqual", Compared, GreaterOrEqual, 0);
  BINARY("Less", Compared, Less, 0);
  BINARY("LessOrEqual", Compared, LessOrEqual, 0);
  BINARY("And", Logical, And, 0);
  BINARY("Or", Logical, Or, 0);
  BINARY("Xor", Logical, Xor, 0);
  BINARY("BitwiseAnd", Bits, BitAnd, 0);
  BINARY("BitwiseOr", Bits, BitOr, 0);
  BINARY("BitwiseXor", Bits, BitXor, 0);
  out->push_back({kOnnxDomain, "BitShift", DrawShift});
  BINARY("PRelu", DrawPRelu, PRelu, 0.51);
  BINARY("Pow", DrawPow, Power, 1);
  NODE(kOnnxDomain, "Mod", DrawMod, Mod, 1);
  NODE(kOnnxDomain, "Max", Variadic, Most, 0);
  NODE(kOnnxDomain, "Min", Variadic, Least, 0);
  NODE(kOnnxDomain, "Mean", Variadic, Mean, 2);
  NODE(kOnnxDomain, "Sum", Variadic, Sum, 2);
  NODE(kOnnxDomain, "Where", DrawWhere, Where, 0);
  NODE(kOnnxDomain, "Clip", DrawClip, Clip, 0);
  UNARY("Cast", DrawCast, Same, 0.51);
  out->push_back({kOnnxDomain, "CastLike", DrawCast});
  out->push_back({kOnnxDomain, "BitCast", DrawBitCast});
}

}  // namespace mosaic::samples
