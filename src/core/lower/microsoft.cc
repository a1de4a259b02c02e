// Operators of com.microsoft that are others together.
#include "core/lower/lower.h"

namespace mosaic {
namespace {

constexpr int kAlways = 1 << 30;

int InputOf(const Node& node, size_t i) { return i < node.inputs.size() ? node.inputs[i] : -1; }
int OutputOf(const Node& node, size_t i) { return i < node.outputs.size() ? node.outputs[i] : -1; }

int Gathered(LowerContext& c, int table, int indices) {
  const int rows = c.NewValue();
  c.Before("Gather", {table, indices}, {rows}).attributes.push_back({"axis", int64_t{0}});
  return rows;
}
int Added(LowerContext& c, int a, int b) {
  const int sum = c.NewValue();
  c.Before("Add", {a, b}, {sum});
  return sum;
}

// The positions 0, 1, ... of input ids [batch, length].
int Positions(LowerContext& c, int ids) {
  const int shape = c.NewValue(), length = c.NewValue(), positions = c.NewValue();
  Node& node = c.Before("Shape", {ids}, {shape});
  node.attributes.push_back({"start", int64_t{1}});
  node.attributes.push_back({"end", int64_t{2}});
  c.Before("Squeeze", {shape}, {length});
  const int64_t zero = 0, one = 1;
  const int from = c.Constant(Tensor::Borrow(MOSAIC_INT64, {}, &zero));
  const int step = c.Constant(Tensor::Borrow(MOSAIC_INT64, {}, &one));
  c.Before("Range", {from, length, step}, {positions});
  return positions;
}

// EmbedLayerNormalization: rows of three tables, added and normalised. So the tables are read row
// by row.
//   inputs   ids, segment ids, table of words, of positions, of segments, gamma, beta, mask,
//   positions outputs  result, mask index (the ones in each row of the mask), the sum
Status EmbedLayerNormalization(LowerContext& c, Node* node) {
  const Node embed = *node;
  const int ids = InputOf(embed, 0);
  for (size_t i : {0, 2, 3, 5, 6}) {
    if (InputOf(embed, i) < 0) {
      return Status::BadModel("input " + std::to_string(i) + " is missing");
    }
  }
  const int given = InputOf(embed, 8);
  int sum = Added(c, Gathered(c, embed.inputs[2], ids),
                  Gathered(c, embed.inputs[3], given >= 0 ? given : Positions(c, ids)));
  if (InputOf(embed, 1) >= 0 && InputOf(embed, 4) >= 0) {
    sum = Added(c, sum, Gathered(c, embed.inputs[4], embed.inputs[1]));
  }
  if (OutputOf(embed, 2) >= 0) c.Before("Identity", {sum}, {embed.outputs[2]});
  if (OutputOf(embed, 1) >= 0) {
    int mask = InputOf(embed, 7);
    if (mask < 0) {  // no mask: zeros
      mask = c.NewValue();
      c.Before("Sub", {ids, ids}, {mask});
    }
    Node& count = c.Before("ReduceSum", {mask, c.Int64s({1})}, {embed.outputs[1]});
    count.attributes.push_back({"keepdims", int64_t{0}});
  }
  node->domain.clear();
  node->op_type = "LayerNormalization";
  node->inputs = {sum, embed.inputs[5], embed.inputs[6]};
  node->outputs = {OutputOf(embed, 0)};
  node->attributes = {{"axis", int64_t{-1}}, {"epsilon", embed.Float("epsilon", 1e-12F)}};
  return Status();
}

// Attention: the projection of all heads is a product with a stored matrix; what remains reads
// queries, keys and values out of its result (op/attention/packed_attention.cc).
Status Attention(LowerContext& c, Node* node) {
  if (InputOf(*node, 0) < 0 || InputOf(*node, 1) < 0) {
    return Status::BadModel("the input or its weights are missing");
  }
  if (InputOf(*node, 6) >= 0) {
    return Status::Unsupported("a cache that is shared with the past is not supported");
  }
  int projected = c.NewValue();
  c.Before("MatMul", {node->inputs[0], node->inputs[1]}, {projected});
  if (InputOf(*node, 2) >= 0) projected = Added(c, projected, node->inputs[2]);
  node->inputs.resize(6, -1);
  node->inputs = {projected, -1, -1, node->inputs[3], node->inputs[4], node->inputs[5]};
  node->attributes.push_back({"projected", int64_t{1}});
  return Status();
}

// What follows a fused product: a node of its own, which the plan may fuse again.
struct FusedActivation {
  const char* name;
  std::vector<const char*> parameters;  // their attributes, in the order in which they are given
};
Status Activated(LowerContext& c, const std::string& name, const std::vector<float>& given,
                 Node* node) {
  static const auto* const known = new std::vector<FusedActivation>{
      {"Relu", {}},
      {"Sigmoid", {}},
      {"Tanh", {}},
      {"LeakyRelu", {"alpha"}},
      {"Elu", {"alpha"}},
      {"Softplus", {}},
      {"Softsign", {}},
      {"ThresholdedRelu", {"alpha"}},
      {"HardSigmoid", {"alpha", "beta"}},
      {"Selu", {"alpha", "gamma"}},
  };
  if (name.empty()) return Status();
  for (const FusedActivation& f : *known) {
    if (name != f.name) continue;
    const int y = node->outputs[0], x = c.NewValue();
    node->outputs[0] = x;
    Node& after = c.After(name, {x}, {y});
    for (size_t i = 0; i < f.parameters.size() && i < given.size(); ++i) {
      after.attributes.push_back({f.parameters[i], given[i]});
    }
    return Status();
  }
  return Status::Unsupported("activation " + name + " is not supported");
}

Status FusedGemm(LowerContext& c, Node* node) {
  if (node->outputs.empty()) return Status::BadModel("has no output");
  const std::string name = node->String("activation", "");
  std::vector<float> given;
  for (const char* parameter : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (node->Find(parameter) != nullptr) given.push_back(node->Float(parameter, 0));
    TakeAttribute(node, parameter);
  }
  TakeAttribute(node, "activation");
  node->domain.clear();
  node->op_type = "Gemm";
  return Activated(c, name, given, node);
}

// FusedConv keeps the activations that its operator has; others, and the second addend, become
// nodes.
Status FusedConv(LowerContext& c, Node* node) {
  if (node->outputs.empty()) return Status::BadModel("has no output");
  const std::string name = node->String("activation", "");
  const int addend = InputOf(*node, 3);
  if (addend < 0 && (name.empty() || name == "Relu" || name == "Sigmoid" || name == "Tanh")) {
    return Status();
  }
  std::vector<float> given = node->Floats("activation_params");
  TakeAttribute(node, "activation");
  TakeAttribute(node, "activation_params");
  node->domain.clear();
  node->op_type = "Conv";
  node->inputs.resize(3, -1);
  const int y = node->outputs[0];
  int x = y;
  if (addend >= 0) {
    x = c.NewValue();
    node->outputs[0] = x;
    c.After("Add", {x, addend}, {y});
  }
  if (name == "Clip") {
    if (given.size() != 2) return Status::BadModel("Clip needs two activation_params");
    const int clipped = c.NewValue();
    (addend >= 0 ? c.after().back().outputs : node->outputs)[0] = clipped;
    const int low = c.Constant(Tensor::Borrow(MOSAIC_FLOAT, {}, &given[0]));
    const int high = c.Constant(Tensor::Borrow(MOSAIC_FLOAT, {}, &given[1]));
    c.After("Clip", {clipped, low, high}, {y});
    return Status();
  }
  return Activated(c, name, given, addend >= 0 ? &c.after().back() : node);
}

Status TransposeMatMul(LowerContext&, Node* node) {
  node->op_type = "FusedMatMul";
  return Status();
}

}  // namespace

const std::vector<LowerRule>& MicrosoftRules() {
  static const auto* const rules = new std::vector<LowerRule>{
      {"com.microsoft", "Attention", kAlways, Attention},
      {"com.microsoft", "EmbedLayerNormalization", kAlways, EmbedLayerNormalization},
      {"com.microsoft", "FusedConv", kAlways, FusedConv},
      {"com.microsoft", "FusedGemm", kAlways, FusedGemm},
      {"com.microsoft", "TransposeMatMul", kAlways, TransposeMatMul},
  };
  return *rules;
}

}  // namespace mosaic
