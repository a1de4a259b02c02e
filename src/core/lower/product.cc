// Einsum of more than two operands, and letters of one operand alone: taken pairwise.
#include <algorithm>

#include "core/lower/lower.h"
#include "core/op/product/einsum_equation.h"

namespace mosaic {
namespace {

constexpr int kAlways = 1 << 30;

bool Has(const std::vector<int>& labels, int l) {
  return std::find(labels.begin(), labels.end(), l) != labels.end();
}

// Of these labels the ones that the output or another operand has, each once.
std::vector<int> Kept(const EinsumEquation& e, std::vector<size_t> of) {
  std::vector<int> kept;
  for (size_t i : of) {
    for (int l : e.operands[i]) {
      bool used = Has(e.output, l);
      for (size_t k = 0; k < e.operands.size(); ++k) {
        used = used || (std::find(of.begin(), of.end(), k) == of.end() && Has(e.operands[k], l));
      }
      if (used && !Has(kept, l)) kept.push_back(l);
    }
  }
  return kept;
}

int Computed(LowerContext& c, const EinsumEquation& e, std::vector<int> inputs) {
  const int value = c.NewValue();
  c.Before("Einsum", std::move(inputs), {value}).attributes.push_back({"equation", e.ToString()});
  return value;
}

Status PairwiseEinsum(LowerContext& c, Node* node) {
  EinsumEquation e;
  MOSAIC_RETURN_IF_ERROR(EinsumEquation::Parse(node->String("equation", ""), &e));
  if (e.operands.size() != node->inputs.size() || e.operands.size() < 2) return Status();
  for (size_t i = 0; i < e.operands.size(); ++i) {
    const std::vector<int> kept = Kept(e, {i});
    if (kept.size() == e.operands[i].size()) continue;
    node->inputs[i] = Computed(c, {{e.operands[i]}, kept}, {node->inputs[i]});
    e.operands[i] = kept;
  }
  while (e.operands.size() > 2) {
    const std::vector<int> kept = Kept(e, {0, 1});
    node->inputs[1] =
        Computed(c, {{e.operands[0], e.operands[1]}, kept}, {node->inputs[0], node->inputs[1]});
    e.operands[1] = kept;
    e.operands.erase(e.operands.begin());
    node->inputs.erase(node->inputs.begin());
  }
  TakeAttribute(node, "equation");
  node->attributes.push_back({"equation", e.ToString()});
  return Status();
}

}  // namespace

const std::vector<LowerRule>& ProductRules() {
  static const auto* const rules =
      new std::vector<LowerRule>{{"", "Einsum", kAlways, PairwiseEinsum}};
  return *rules;
}

}  // namespace mosaic
