// TreeEnsembleClassifier, TreeEnsembleRegressor, TreeEnsemble. Whole models: test/exports.
#include <cmath>
#include <limits>

#include "op/ml/tree_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
const Dim N = Dim::Symbol("N");
const float kNan = std::nanf(""), kInf = std::numeric_limits<float>::infinity();

// One node of a mode at 0.5, NaN to the true side or not: which rows go to the true leaf.
std::vector<float> Sides(const char* mode, int64_t missing, float threshold = 0.5f) {
  TreeCall call("TreeEnsembleRegressor",
                {{0, 0, mode, 0, threshold, 1, 2, missing}, {0, 1, "LEAF"}, {0, 2, "LEAF"}});
  Weights(call, "target", {{0, 1, 0, 1}, {0, 2, 0, 0}});
  const std::vector<float> x = {
      0.25f, std::nextafter(0.5f, 0.0f), 0.5f, std::nextafter(0.5f, 1.0f), kNan, kInf, -kInf};
  const Status status = call.In({7, 1}, x).Run();
  EXPECT_TRUE(status.ok()) << status.message();
  return call.values();
}

TEST(TreeEnsemble, ComparesAtThresholds) {
  EXPECT_THAT(Sides("BRANCH_LEQ", 0), ElementsAre(1, 1, 1, 0, 0, 0, 1));
  EXPECT_THAT(Sides("BRANCH_LT", 0), ElementsAre(1, 1, 0, 0, 0, 0, 1));
  EXPECT_THAT(Sides("BRANCH_GTE", 0), ElementsAre(0, 0, 1, 1, 0, 1, 0));
  EXPECT_THAT(Sides("BRANCH_GT", 0), ElementsAre(0, 0, 0, 1, 0, 1, 0));
  EXPECT_THAT(Sides("BRANCH_EQ", 0), ElementsAre(0, 0, 1, 0, 0, 0, 0));
  EXPECT_THAT(Sides("BRANCH_NEQ", 0), ElementsAre(1, 1, 0, 1, 1, 1, 1));
  for (const char* mode : {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ"}) {
    EXPECT_EQ(Sides(mode, 1)[4], 1) << mode;
    EXPECT_EQ(Sides(mode, 0)[4], 0) << mode;
  }
  // The next number after the largest is none.
  EXPECT_THAT(Sides("BRANCH_LEQ", 0, kInf), ElementsAre(1, 1, 1, 1, 0, 1, 1));
  EXPECT_THAT(Sides("BRANCH_GT", 0, kInf), ElementsAre(0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(Sides("BRANCH_GT", 0, kNan), ElementsAre(0, 0, 0, 0, 0, 0, 0));
}

// Twenty trees: tree t has the leaves 2^t (feature 0 below t) and 0.
std::vector<TestNode> TwentyNodes() {
  std::vector<TestNode> nodes;
  for (int64_t t = 0; t < 20; ++t) {
    nodes.push_back({t, 0, "BRANCH_LT", 0, static_cast<float>(t), 1, 2});
    nodes.push_back({t, 1, "LEAF"});
    nodes.push_back({t, 2, "LEAF"});
  }
  return nodes;
}
struct Twenty : TreeCall {
  explicit Twenty(const char* aggregate) : TreeCall("TreeEnsembleRegressor", TwentyNodes()) {
    std::vector<TestWeight> weights;
    for (int t = 0; t < 20; ++t) {
      weights.push_back({t, 1, 0, std::ldexp(1.0f, t)});
      weights.push_back({t, 2, 0, 0});
    }
    Weights(*this, "target", weights).String("aggregate_function", aggregate);
  }
};

TEST(TreeEnsemble, Aggregates) {
  std::vector<float> x, sums, most;
  for (int i = 0; i < 75; ++i) {
    x.push_back(static_cast<float>(i % 21) - 0.5f);
    sums.push_back(std::ldexp(1.0f, 20) - std::ldexp(1.0f, i % 21));
    most.push_back(i % 21 == 20 ? 0 : std::ldexp(1.0f, 19));
  }
  Twenty sum("SUM");
  Twenty maximum("MAX");
  Twenty minimum("MIN");
  Twenty average("AVERAGE");
  ASSERT_OK(sum.In({75, 1}, x).Run());
  EXPECT_THAT(sum.values(), testing::Pointwise(testing::Eq(), sums));
  ASSERT_OK(maximum.In({75, 1}, x).Run());
  EXPECT_THAT(maximum.values(), testing::Pointwise(testing::Eq(), most));
  ASSERT_OK(minimum.In({2, 1}, {-0.5f, 0.5f}).Run());
  EXPECT_THAT(minimum.values(), ElementsAre(1, 0));
  ASSERT_OK(average.Floats("base_values", {3}).In({1, 1}, {-0.5f}).Run());
  EXPECT_THAT(average.values(), ElementsAre((std::ldexp(1.0f, 20) - 1) / 20 + 3));
}

TEST(TreeEnsemble, TakesTheTypesAndOneRow) {
  Twenty whole("SUM");
  Twenty doubles("SUM");
  Twenty row("SUM");
  ASSERT_OK(whole.In<int64_t>({2, 1}, {0, 19}).Run());
  EXPECT_THAT(whole.values(), ElementsAre(1048574, 0));
  ASSERT_OK(doubles.In<double>({1, 1}, {std::nextafter(19.0, 0.0)}).Run());  // as float32 it is 19
  EXPECT_THAT(doubles.values(), ElementsAre(524288));
  ASSERT_OK(row.In({1}, {18.5f}).Run());
  EXPECT_EQ(row.shape(), (Shape{1, 1}));
  Twenty items("SUM");
  Twenty across("SUM");
  EXPECT_INFERRED(items, "[N, 1]", 0, ItemsFact({N, 3}, 0));
  EXPECT_INFERRED(across, "[3, 1]", kMixed, ItemsFact({3, N}, 1));
  EXPECT_REFUSED(Twenty("SUM").Strings({1, 1}, {"a"}).Run(), MOSAIC_E_UNSUPPORTED, "string");
  EXPECT_REFUSED(Twenty("SUM").In({1, 1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "neither [N, C] nor [C]");
}

struct Classifier : TreeCall {
  Classifier(int64_t classes, const char* transform)
      : TreeCall("TreeEnsembleClassifier",
                 {{0, 0, "BRANCH_LT", 1, 0, 1, 2}, {0, 1, "LEAF"}, {0, 2, "LEAF"}}) {
    OpCall& call = *this;
    if (classes == 2) {
      Weights(call, "class", {{0, 1, 0, -2}, {0, 2, 0, 3}});
    } else {
      Weights(call, "class", {{0, 1, 0, 0.25f}, {0, 1, 2, 0.75f}, {0, 2, 1, 1}});
    }
    call.String("post_transform", transform).Outputs(2);
  }
};

TEST(TreeEnsembleClassifier, LabelsAndScores) {
  Classifier three(3, "NONE");
  Classifier two(2, "LOGISTIC");
  Classifier soft(3, "SOFTMAX");
  ASSERT_OK(three.Attr("classlabels_strings", std::vector<std::string>{"a", "b", "c"})
                .In({2, 2}, {0, -1, 0, 1})
                .Run());
  EXPECT_THAT(three.strings(), ElementsAre("c", "b"));
  EXPECT_THAT(three.values(1), ElementsAre(0.25f, 0, 0.75f, 0, 1, 0));
  ASSERT_OK(two.Ints("classlabels_int64s", {7, 9}).In({2, 2}, {0, -1, 0, 1}).Run());
  EXPECT_THAT(two.values<int64_t>(), ElementsAre(7, 9));
  EXPECT_NEAR(two.values(1)[1], 1 / (1 + std::exp(2.0f)), 1e-6);
  EXPECT_NEAR(two.values(1)[2], 1 / (1 + std::exp(3.0f)), 1e-6);
  ASSERT_OK(soft.Ints("classlabels_int64s", {1, 2, 3}).In({1, 2}, {0, 1}).Run());
  EXPECT_NEAR(soft.values(1)[1], std::exp(1.0f) / (std::exp(1.0f) + 2), 1e-6);
  EXPECT_REFUSED(Classifier(3, "NONE").In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "neither");
  EXPECT_REFUSED(
      Classifier(3, "COSINE").Ints("classlabels_int64s", {1, 2, 3}).In({1, 2}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "unknown post_transform");
  EXPECT_REFUSED(Classifier(3, "NONE").Ints("classlabels_int64s", {1, 2}).In({1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "target 2 of 2");
  EXPECT_REFUSED(Classifier(3, "NONE")
                     .Ints("classlabels_int64s", {1, 2, 3})
                     .Floats("base_values", {1, 2})
                     .In({1, 2}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "2 base_values of 3 classes");
}

Status Damaged(std::vector<TestNode> nodes, std::vector<TestWeight> weights = {{0, 1, 0, 1}}) {
  TreeCall call("TreeEnsembleRegressor", nodes);
  return Weights(call, "target", weights).In({1, 2}, {1}).Run();
}

TEST(TreeEnsemble, RefusesDamage) {
  const TestNode leaf = {0, 1, "LEAF"}, other = {0, 2, "LEAF"};
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 0, 0, 1, 5}, leaf, other}), MOSAIC_E_BAD_MODEL,
                 "node 0 leads to node 5");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 0, 0, 0, 1}, leaf}), MOSAIC_E_BAD_MODEL,
                 "leads back to itself");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 0, 0, 2, 1}, leaf, {0, 2, "BRANCH_LT", 0, 0, 0, 1}}),
                 MOSAIC_E_BAD_MODEL, "leads back to itself");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 0, 0, 1, 2}, leaf, leaf}), MOSAIC_E_BAD_MODEL,
                 "node 1 is there twice");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", -1, 0, 1, 2}, leaf, other}), MOSAIC_E_BAD_MODEL,
                 "feature -1");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_XX", 0, 0, 1, 2}, leaf, other}), MOSAIC_E_BAD_MODEL,
                 "unknown mode");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 2, 0, 1, 2}, leaf, other}), MOSAIC_E_INVALID,
                 "look at 3 features");
  EXPECT_REFUSED(Damaged({leaf}, {{0, 7, 0, 1}}), MOSAIC_E_BAD_MODEL, "node 7 has a weight");
  EXPECT_REFUSED(Damaged({leaf}, {{0, 1, 3, 1}}), MOSAIC_E_BAD_MODEL, "target 3 of 1");
  EXPECT_REFUSED(Damaged({{0, 0, "BRANCH_LT", 0, 0, 1, 2}, leaf, {1, 0, "LEAF"}, other}),
                 MOSAIC_E_BAD_MODEL, "listed in several places");
  TreeCall lengths("TreeEnsembleRegressor", {leaf});
  EXPECT_REFUSED(lengths.Ints("target_ids", {0}).In({1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "has 1 elements");
  TreeCall targets("TreeEnsembleRegressor", {leaf});
  EXPECT_REFUSED(targets.Int("n_targets", 0).In({1, 1}, {1}).Make(), MOSAIC_E_BAD_MODEL, "n_targets is 0");
  TreeCall aggregate("TreeEnsembleRegressor", {leaf});
  EXPECT_REFUSED(aggregate.String("aggregate_function", "MEDIAN").In({1, 1}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "MEDIAN");
}

TEST(TreeEnsemble, RefusesTreesWithoutEnd) {
  std::vector<TestNode> chain;
  const int64_t deep = 16400;
  for (int64_t i = 0; i < deep; ++i) chain.push_back({0, i, "BRANCH_LT", 0, 0, i + 1, deep});
  chain.push_back({0, deep, "LEAF"});
  EXPECT_REFUSED(Damaged(chain, {{0, deep, 0, 1}}), MOSAIC_E_LIMIT, "levels deep");
  chain.erase(chain.begin() + 10000, chain.end() - 1);
  chain.back().id = 10000;
  for (TestNode& n : chain) n.no = n.no == deep ? 10000 : n.no;
  ASSERT_OK(Damaged(chain, {{0, 10000, 0, 1}}));
}

// A set of values decides: those up to the next NaN.
struct Sets : OpCall {
  Sets(std::vector<int64_t> roots, std::vector<int64_t> yes) : OpCall("TreeEnsemble", kMlDomain) {
    OpCall& call = *this;
    call.Ints("tree_roots", roots)
        .Ints("nodes_featureids", {0, 0})
        .Ints("nodes_truenodeids", yes)
        .Ints("nodes_trueleafs", {1, 1});
    call.Ints("nodes_falsenodeids", {1, 2})
        .Ints("nodes_falseleafs", {0, 1})
        .Ints("leaf_targetids", {0, 1, 0})
        .Int("n_targets", 2);
    call.In({4, 1}, {1, 2, 7, 9})
        .In({2}, {0, 0})
        .In<uint8_t>({2}, {6, 6})
        .In({3}, {10, 20, 30})
        .In({5}, {1, 9, kNan, 7, kNan});
    call.AttributeInput("nodes_splits")
        .AttributeInput("nodes_modes")
        .AttributeInput("leaf_weights")
        .AttributeInput("membership_values");
  }
};

TEST(TreeEnsemble, MembersOfSets) {
  Sets call({0}, {0, 1});
  ASSERT_OK(call.Run());
  EXPECT_THAT(call.values(), ElementsAre(10, 0, 30, 0, 0, 20, 10, 0));
  EXPECT_REFUSED(Sets({0, 0}, {0, 1}).Run(), MOSAIC_E_BAD_MODEL, "root of two trees");
  EXPECT_REFUSED(Sets({0, 1}, {0, 1}).Run(), MOSAIC_E_BAD_MODEL, "part of two trees");
  EXPECT_REFUSED(Sets({2}, {0, 1}).Run(), MOSAIC_E_BAD_MODEL, "node 2 of 2");
  EXPECT_REFUSED(Sets({0}, {3, 1}).Run(), MOSAIC_E_BAD_MODEL, "leaf 3 of 3");
  OpCall none("TreeEnsemble", kMlDomain);
  EXPECT_REFUSED(none.In({1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL, "\"nodes_splits\" is missing");
}

}  // namespace
}  // namespace mosaic
