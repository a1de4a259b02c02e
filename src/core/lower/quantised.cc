// Operators of com.microsoft on quantised arrays, as others together: dequantised, computed in
// float32 and quantised again, or products of integers whose sums are scaled.
#include "core/lower/lower.h"

namespace mosaic {
namespace {

constexpr int kAlways = 1 << 30;

int InputOf(const Node& node, size_t i) { return i < node.inputs.size() ? node.inputs[i] : -1; }

int Computed(LowerContext& c, const char* op, std::vector<int> inputs) {
  const int y = c.NewValue();
  c.Before(op, std::move(inputs), {y});
  return y;
}
int AsFloat(LowerContext& c, int x) {
  const int y = c.NewValue();
  c.Before("Cast", {x}, {y}).attributes.push_back({"to", int64_t{MOSAIC_FLOAT}});
  return y;
}
int Floats(LowerContext& c, float v) { return c.Constant(Tensor::Borrow(MOSAIC_FLOAT, {}, &v)); }

// These inputs are given, and there is a result.
Status CheckGiven(const Node& node, std::vector<size_t> inputs) {
  for (size_t i : inputs) {
    if (InputOf(node, i) < 0) return Status::BadModel("input " + std::to_string(i) + " is missing");
  }
  if (node.outputs.empty() || node.outputs[0] < 0) return Status::BadModel("has no output");
  return Status();
}

// (x - zero point) * scale of inputs i, i + 1, i + 2.
int Dequantised(LowerContext& c, const Node& node, size_t i) {
  const int zero = InputOf(node, i + 2);
  std::vector<int> inputs = {node.inputs[i], node.inputs[i + 1]};
  if (zero >= 0) inputs.push_back(zero);
  return Computed(c, "DequantizeLinear", std::move(inputs));
}
// The node becomes what quantises y, to the type of "like" where it has no zero point.
void Quantised(LowerContext& c, int y, int scale, int zero, int like, Node* node) {
  if (zero < 0) zero = Computed(c, "CastLike", {Floats(c, 0), like});
  node->domain.clear();
  node->op_type = "QuantizeLinear";
  node->inputs = {y, scale, zero};
  node->attributes.clear();
}

// QLinearAdd, QLinearMul: a, scale, zero point; b, scale, zero point; scale, zero point of the
// result.
template <int kMul>
Status QLinearBinary(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 3, 4, 6}));
  const Node q = *node;
  const int a = Dequantised(c, q, 0), b = Dequantised(c, q, 3);
  const int y = Computed(c, kMul ? "Mul" : "Add", {a, b});
  Quantised(c, y, q.inputs[6], InputOf(q, 7), q.inputs[0], node);
  return Status();
}

// One array: x, scale, zero point; scale, zero point of the result. The node's attributes are those
// of the operator "op", but for some.
Status QLinearUnary(LowerContext& c, const char* op, const std::vector<const char*>& but,
                    Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 3}));
  for (const char* name : but) TakeAttribute(node, name);
  const Node q = *node;
  const int x = Dequantised(c, q, 0), y = c.NewValue();
  c.Before(op, {x}, {y}).attributes = q.attributes;
  Quantised(c, y, q.inputs[3], InputOf(q, 4), q.inputs[0], node);
  return Status();
}
Status QLinearSigmoid(LowerContext& c, Node* node) { return QLinearUnary(c, "Sigmoid", {}, node); }
Status QLinearLeakyRelu(LowerContext& c, Node* node) {
  return QLinearUnary(c, "LeakyRelu", {}, node);
}
Status QLinearPool(LowerContext& c, Node* node) {
  if (node->Int("channels_last", 0) != 0) {
    return Status::Unsupported("channels_last = 1 is not supported");
  }
  const char* op = node->op_type == "QLinearAveragePool" ? "AveragePool" : "GlobalAveragePool";
  return QLinearUnary(c, op, {"channels_last"}, node);
}
Status QLinearSoftmax(LowerContext& c, Node* node) {
  if (node->Int("opset", 13) < 13 && node->Int("axis", -1) != -1) {
    return Status::Unsupported("a softmax of opset " + std::to_string(node->Int("opset", 13)) +
                               " over several axes is not supported");
  }
  return QLinearUnary(c, "Softmax", {"opset"}, node);
}

// Scale and zero point of the result, then arrays with theirs.
Status QLinearConcat(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 2}));
  if ((node->inputs.size() - 2) % 3 != 0) return Status::BadModel("its inputs are not threes");
  const Node q = *node;
  std::vector<int> parts;
  for (size_t i = 2; i < q.inputs.size(); i += 3) {
    if (q.inputs[i] < 0 || q.inputs[i + 1] < 0) return Status::BadModel("an array is missing");
    parts.push_back(Dequantised(c, q, i));
  }
  const int y = c.NewValue();
  c.Before("Concat", parts, {y}).attributes = q.attributes;
  Quantised(c, y, q.inputs[0], q.inputs[1], q.inputs[2], node);
  return Status();
}

// ---- products ----

struct Factors {
  int a, b, a_scale, b_scale, a_zero, b_zero;
};

// The sums of (a - zero point) * (b - zero point) in int32.
int IntegerProduct(LowerContext& c, const Factors& f, const std::vector<Attribute>& attributes) {
  const int sums = c.NewValue();
  c.Before("MatMulInteger", {f.a, f.b, f.a_zero, f.b_zero}, {sums}).attributes = attributes;
  return sums;
}

// The node becomes the last step of float32(sums) * a_scale * b_scale + bias.
void Scaled(LowerContext& c, int sums, int scale, int bias, Node* node) {
  node->domain.clear();
  node->attributes.clear();
  node->op_type = "Mul";
  node->inputs = {AsFloat(c, sums), scale};
  if (bias < 0) return;
  const int product = Computed(c, "Mul", node->inputs);
  node->op_type = "Add";
  node->inputs = {product, bias};
}

Status MatMulIntegerToFloat(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 2, 3}));
  const Factors f = {node->inputs[0], node->inputs[1],   node->inputs[2],
                     node->inputs[3], InputOf(*node, 4), InputOf(*node, 5)};
  const int sums = IntegerProduct(c, f, {});
  Scaled(c, sums, Computed(c, "Mul", {f.a_scale, f.b_scale}), InputOf(*node, 6), node);
  return Status();
}

// a is quantised as a whole to uint8 first.
Status DynamicQuantizeMatMul(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 2}));
  const int a = c.NewValue(), scale = c.NewValue(), zero = c.NewValue();
  c.Before("DynamicQuantizeLinear", {node->inputs[0]}, {a, scale, zero});
  const Factors f = {a, node->inputs[1], scale, node->inputs[2], zero, InputOf(*node, 3)};
  const int sums = IntegerProduct(c, f, {});
  Scaled(c, sums, Computed(c, "Mul", {f.a_scale, f.b_scale}), InputOf(*node, 4), node);
  return Status();
}

// a, scale, zero point; b, scale, zero point; int32 that is added to the sums; scale and zero point
// of the result, which is float32 without them. The factor of the sums is rounded once.
Status QGemm(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 3, 4}));
  const Node q = *node;
  const Factors f = {q.inputs[0], q.inputs[3],   q.inputs[1],
                     q.inputs[4], InputOf(q, 2), InputOf(q, 5)};
  int sums = IntegerProduct(c, f, {{"transA", q.Int("transA", 0)}, {"transB", q.Int("transB", 0)}});
  if (InputOf(q, 6) >= 0) sums = Computed(c, "Add", {sums, q.inputs[6]});
  int scale = Computed(c, "Mul", {f.a_scale, f.b_scale});
  if (const float alpha = q.Float("alpha", 1); alpha != 1) {
    scale = Computed(c, "Mul", {scale, Floats(c, alpha)});
  }
  if (InputOf(q, 7) < 0) {
    Scaled(c, sums, scale, -1, node);
    return Status();
  }
  scale = Computed(c, "Div", {scale, q.inputs[7]});
  const int y = Computed(c, "Mul", {AsFloat(c, sums), scale});
  Quantised(c, y, Floats(c, 1), InputOf(q, 8), q.inputs[0], node);
  return Status();
}

// Weights [directions, inputs, gates] of int8 or uint8 as LSTM has them. Scales and zero points are
// for each direction, or for each gate of each.
int LstmWeights(LowerContext& c, int w, int scale, int zero) {
  const int shape = c.Int64s({0, 1, -1});
  int x = AsFloat(c, w);
  if (zero >= 0) x = Computed(c, "Sub", {x, Computed(c, "Reshape", {AsFloat(c, zero), shape})});
  x = Computed(c, "Mul", {x, Computed(c, "Reshape", {scale, shape})});
  const int y = c.NewValue();
  c.Before("Transpose", {x}, {y}).attributes.push_back({"perm", std::vector<int64_t>{0, 2, 1}});
  return y;
}

// An LSTM of dequantised weights. Its activations stay float32: they are nearer to the exact
// result than those that ONNX Runtime quantises at each step.
Status DynamicQuantizeLstm(LowerContext& c, Node* node) {
  MOSAIC_RETURN_IF_ERROR(CheckGiven(*node, {0, 1, 2, 8, 10}));
  const int w = LstmWeights(c, node->inputs[1], node->inputs[8], InputOf(*node, 9));
  const int r = LstmWeights(c, node->inputs[2], node->inputs[10], InputOf(*node, 11));
  node->domain.clear();
  node->op_type = "LSTM";
  node->inputs.resize(8);
  node->inputs[1] = w;
  node->inputs[2] = r;
  while (node->inputs.back() < 0) node->inputs.pop_back();
  return Status();
}

}  // namespace

const std::vector<LowerRule>& QuantisedRules() {
  static const auto* const rules = new std::vector<LowerRule>{
      {"com.microsoft", "DynamicQuantizeLSTM", kAlways, DynamicQuantizeLstm},
      {"com.microsoft", "DynamicQuantizeMatMul", kAlways, DynamicQuantizeMatMul},
      {"com.microsoft", "MatMulIntegerToFloat", kAlways, MatMulIntegerToFloat},
      {"com.microsoft", "QGemm", kAlways, QGemm},
      {"com.microsoft", "QLinearAdd", kAlways, QLinearBinary<0>},
      {"com.microsoft", "QLinearAveragePool", kAlways, QLinearPool},
      {"com.microsoft", "QLinearConcat", kAlways, QLinearConcat},
      {"com.microsoft", "QLinearGlobalAveragePool", kAlways, QLinearPool},
      {"com.microsoft", "QLinearLeakyRelu", kAlways, QLinearLeakyRelu},
      {"com.microsoft", "QLinearMul", kAlways, QLinearBinary<1>},
      {"com.microsoft", "QLinearSigmoid", kAlways, QLinearSigmoid},
      {"com.microsoft", "QLinearSoftmax", kAlways, QLinearSoftmax},
  };
  return *rules;
}

}  // namespace mosaic
