// Einsum of several operands becomes one of two operands after another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/lower/lower.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

int AddNothing(void*, const std::string&, const Tensor&) { return -1; }

std::vector<std::string> Lowered(const std::string& equation, int operands) {
  Graph graph;
  graph.opset = 13;
  graph.values.resize(static_cast<size_t>(operands) + 1);
  graph.nodes.emplace_back();
  Node& node = graph.nodes[0];
  node.op_type = "Einsum";
  node.attributes.push_back({"equation", equation});
  for (int i = 0; i < operands; ++i) node.inputs.push_back(i);
  node.outputs = {operands};
  const Status s = Lower(&graph, nullptr, AddNothing);
  if (!s.ok()) return {s.message()};
  std::vector<std::string> equations;
  for (const Node& n : graph.nodes) equations.push_back(n.String("equation", ""));
  EXPECT_EQ(graph.nodes.back().outputs, std::vector<int>{operands});
  return equations;
}

TEST(EinsumRules, Pairwise) {
  EXPECT_THAT(Lowered("ij,jk,kl->il", 3), ElementsAre("ij,jk->ik", "ik,kl->il"));
  EXPECT_THAT(Lowered("...a,b,cab", 3), ElementsAre("...a,b->...ab", "...ab,cab->...c"));
  EXPECT_THAT(Lowered("ij,k->k", 2), ElementsAre("ij->", ",k->k"));
  EXPECT_THAT(Lowered("ii,i->i", 2), ElementsAre("ii->i", "i,i->i"));
  EXPECT_THAT(Lowered("ij->ji", 1), ElementsAre("ij->ji"));
  EXPECT_THAT(Lowered("i!,j,k->k", 3), ElementsAre(testing::HasSubstr("of the equation is none")));
}

}  // namespace
}  // namespace mosaic
