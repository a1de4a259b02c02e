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

}  // namespace

const std::vector<LowerRule>& MicrosoftRules() {
  static const auto* const rules = new std::vector<LowerRule>{
      {"com.microsoft", "EmbedLayerNormalization", kAlways, EmbedLayerNormalization},
  };
  return *rules;
}

}  // namespace mosaic
