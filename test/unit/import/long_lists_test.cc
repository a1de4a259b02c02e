// Trees as tensors: which lists become blocks, of which types, and what two models share.
#include "core/import/long_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests

std::string StringsAttr(const std::string& name, const std::vector<std::string>& v) {
  Message m;
  m.Bytes(1, name);
  for (const std::string& s : v) m.Bytes(9, s);
  return m.Int(20, 8).str();
}

// Boosted trees of 127 nodes, complete, of thresholds and weights that differ from tree to tree.
std::string Boosted(int64_t trees) {
  std::vector<int64_t> tree, id, feature, yes, no, zero, leaf_tree, leaf_node, target;
  std::vector<float> value, weight, rates;
  std::vector<std::string> mode;
  for (int64_t t = 0; t < trees; ++t) {
    for (int64_t i = 0; i < 127; ++i) {
      const bool leaf = i >= 63;
      tree.push_back(t);
      id.push_back(i);
      feature.push_back(leaf ? 0 : (t * 31 + i * 7) % 28);
      value.push_back(leaf ? 0 : static_cast<float>((t * 127 + i) % 1009) / 7);
      yes.push_back(leaf ? 0 : 2 * i + 1);
      no.push_back(leaf ? 0 : 2 * i + 2);
      mode.push_back(leaf ? "LEAF" : "BRANCH_LT");
      rates.push_back(1);
      zero.push_back(0);
      if (!leaf) continue;
      leaf_tree.push_back(t);
      leaf_node.push_back(i);
      target.push_back(0);
      weight.push_back(static_cast<float>((t * 64 + i) % 1013) / 3);
    }
  }
  ModelBuilder b;
  b.Input("x", {kN, 28}).Output("y", {kN, 1});
  b.NextDomain("ai.onnx.ml").Node("TreeEnsembleRegressor", {"x"}, {"y"},
      {IntsAttr("nodes_treeids", tree), IntsAttr("nodes_nodeids", id), IntsAttr("nodes_featureids", feature),
       FloatsAttr("nodes_values", value), FloatsAttr("nodes_hitrates", rates), StringsAttr("nodes_modes", mode),
       IntsAttr("nodes_truenodeids", yes), IntsAttr("nodes_falsenodeids", no),
       IntsAttr("nodes_missing_value_tracks_true", zero), IntsAttr("target_treeids", leaf_tree),
       IntsAttr("target_nodeids", leaf_node), IntsAttr("target_ids", target), FloatsAttr("target_weights", weight),
       IntAttr("n_targets", 1)}, "trees");
  return b.Build() + Message().Bytes(8, Message().Bytes(1, "ai.onnx.ml").Int(2, 3).str()).str();
}

TEST(LongLists, BecomeTensorsOfFewBytes) {
  const std::string bytes = Boosted(2);
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.Desc("trees/nodes_treeids").dtype, MOSAIC_INT32);
  EXPECT_EQ(r.Desc("trees/nodes_values").dtype, MOSAIC_FLOAT);
  EXPECT_EQ(r.Desc("trees/nodes_modes").dtype, MOSAIC_UINT8);
  EXPECT_EQ(r.Find("trees/nodes_hitrates"), -1);
  const std::vector<uint8_t> modes = r.Elements<uint8_t>("trees/nodes_modes");
  ASSERT_EQ(modes.size(), 254u);
  EXPECT_EQ(modes[62], 1);
  EXPECT_EQ(modes[63], 7);
  EXPECT_EQ(r.Elements<int32_t>("trees/nodes_falsenodeids")[62], 126);
  // What stays an attribute is short.
  for (const Attribute& a : r.graph.nodes[0].attributes) EXPECT_EQ(a.name, "n_targets");
  OnnxNode wide;
  wide.attributes.push_back({"ids", std::vector<int64_t>(65, int64_t{1} << 40)});
  MoveLongLists(&wide);
  EXPECT_EQ(wide.tensors.at(0).dtype, MOSAIC_INT64);
}

// Models whose first 400 trees are equal share the blocks of those, whatever comes behind.
TEST(LongLists, NamesOfClassesStay) {
  OnnxNode node;
  node.attributes = {{"classlabels_int64s", std::vector<int64_t>(100, 7)}, {"class_ids", std::vector<int64_t>(100, 7)}};
  MoveLongLists(&node);
  ASSERT_EQ(node.attributes.size(), 1u);
  EXPECT_EQ(node.attributes[0].name, "classlabels_int64s");
  ASSERT_EQ(node.tensors.size(), 1u);
  EXPECT_EQ(node.tensors[0].name, "class_ids");
}

TEST(LongLists, EqualTreesAreShared) {
  for (int height : {126, 31}) {
    const std::string first = Boosted(400), second = Boosted(500);
    const Imported a = Import(first, height), b = Import(second, height);
    ASSERT_TRUE(a.status.ok() && b.status.ok());
    std::set<std::string> stored;
    for (const ImportedBlock& k : a.blocks) stored.insert(k.hash);
    int64_t fresh = 0;
    std::set<std::string> added;
    for (const ImportedBlock& k : b.blocks) fresh += stored.count(k.hash) == 0 && added.insert(k.hash).second;
    // Of nine lists, the fifth that is new, and one block each where the common part ends.
    const int64_t all = static_cast<int64_t>(b.blocks.size());
    EXPECT_LE(fresh, all / 5 + 14) << "of " << all;
    // Lists that say the same of every tree have few blocks of their own.
    EXPECT_LT(static_cast<int64_t>(stored.size()), all);
  }
}

}  // namespace
}  // namespace mosaic
