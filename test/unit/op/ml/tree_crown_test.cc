// Trees by crowns: random ensembles against a walk by the definition, for each instruction set, one
// row and many; every sum to the bit.
#include <cmath>
#include <random>

#include "kernel/isa_test.h"
#include "op/ml/tree_call.h"

namespace mosaic {
namespace {

struct Kind {
  int trees, depth, features, targets, thresholds;
  double full;          // how likely a node is a branch
  bool missing, mixed;  // directions of NaN; leaves of a tree of several targets
};

struct Ensemble {
  std::vector<TestNode> nodes;
  std::vector<TestWeight> weights;
  std::vector<std::vector<int>> at;  // by tree and id: index of nodes
  std::vector<std::vector<int>> weight_of;

  Ensemble(const Kind& shape, uint32_t seed) : rng_(seed) {
    for (int t = 0; t < shape.trees; ++t) {
      at.emplace_back();
      weight_of.emplace_back();
      target_ = static_cast<int64_t>(rng_() % static_cast<uint32_t>(shape.targets));
      Grow(shape, t, 0);
    }
  }

  // In the order of the trees, in float32.
  std::vector<float> Scores(const float* x, int targets) const {
    std::vector<float> scores(static_cast<size_t>(targets), 0.0F);
    for (size_t t = 0; t < at.size(); ++t) {
      int64_t id = 0;
      for (;;) {
        const TestNode& n = nodes[static_cast<size_t>(at[t][static_cast<size_t>(id)])];
        const std::string mode = n.mode;
        if (mode == "LEAF") break;
        const float v = x[n.feature];
        const bool yes = std::isnan(v)         ? n.missing != 0
                         : mode == "BRANCH_LT" ? v < n.value
                                               : v <= n.value;
        id = yes ? n.yes : n.no;
      }
      const TestWeight& w = weights[static_cast<size_t>(weight_of[t][static_cast<size_t>(id)])];
      scores[static_cast<size_t>(w.target)] += w.weight;
    }
    return scores;
  }

 private:
  int64_t Grow(const Kind& shape, int t, int depth) {
    const auto tree = static_cast<size_t>(t);
    const auto id = static_cast<int64_t>(at[tree].size());
    const size_t place = nodes.size();
    at[tree].push_back(static_cast<int>(place));
    weight_of[tree].push_back(-1);
    nodes.push_back({t, id, "LEAF"});
    if (depth == shape.depth || std::generate_canonical<double, 20>(rng_) >= shape.full) {
      weight_of[tree][static_cast<size_t>(id)] = static_cast<int>(weights.size());
      if (shape.mixed)
        target_ = static_cast<int64_t>(rng_() % static_cast<uint32_t>(shape.targets));
      weights.push_back({t, id, target_, static_cast<float>(rng_() % 2001) / 7 - 100});
      return id;
    }
    const auto feature = static_cast<int64_t>(rng_() % static_cast<uint32_t>(shape.features));
    const float value = Value(shape);
    const int64_t yes = Grow(shape, t, depth + 1), no = Grow(shape, t, depth + 1);
    nodes[place] = {t,   id, rng_() % 2 == 0 ? "BRANCH_LT" : "BRANCH_LEQ",        feature, value,
                    yes, no, shape.missing ? static_cast<int64_t>(rng_() % 2) : 0};
    return id;
  }
  float Value(const Kind& shape) {
    const auto v = static_cast<int>(rng_() % static_cast<uint32_t>(shape.thresholds));
    return v == 0 ? -0.0F : v == 1 ? -kInf : static_cast<float>(v) / 4;
  }

  std::minstd_rand rng_;
  int64_t target_ = 0;
};

std::vector<float> Rows(const Kind& shape, int rows, uint32_t seed) {
  std::minstd_rand rng(seed);
  const float special[] = {kNaN, kInf, -kInf, -0.0F, 0.0F};
  std::vector<float> x(static_cast<size_t>(rows * shape.features));
  for (float& v : x) {
    const auto n = static_cast<int>(rng() % 20);
    // On thresholds, and between them.
    v = n < 5 ? special[n]
              : static_cast<float>(
                    static_cast<int>(rng() % static_cast<uint32_t>(2 * shape.thresholds)) - 2) /
                    8;
  }
  return x;
}

void ExpectTheWalks(const Kind& shape, uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Ensemble e(shape, seed);
  for (const int rows : {1, 3, 4, 64, 65, 130}) {
    const std::vector<float> x = Rows(shape, rows, seed + 1);
    std::vector<float> expected;
    for (int r = 0; r < rows; ++r) {
      const std::vector<float> scores = e.Scores(x.data() + r * shape.features, shape.targets);
      expected.insert(expected.end(), scores.begin(), scores.end());
    }
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      TreeCall call("TreeEnsembleRegressor", e.nodes);
      Weights(call, "target", e.weights).Int("n_targets", shape.targets);
      ASSERT_OK(call.In({rows, shape.features}, x).Run());
      ASSERT_EQ(call.values(), expected) << IsaName(isa) << ", " << rows << " rows";
    }
  }
}

TEST(TreeCrowns, FullTrees) {
  for (int depth = 1; depth <= 7; ++depth)
    ExpectTheWalks({20, depth, 5, 1, 60, 1, false, false}, 100 + static_cast<uint32_t>(depth));
}

TEST(TreeCrowns, TreesOfAllForms) {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    ExpectTheWalks({40, 10, 7, 1, 60, 0.8, false, false}, seed);
    ExpectTheWalks({40, 6, 7, 1, 60, 0.7, true, false}, seed);
    ExpectTheWalks({30, 5, 3, 4, 9, 0.9, true, false}, seed);
    ExpectTheWalks({30, 9, 3, 4, 9, 0.9, true, true}, seed);
  }
}

TEST(TreeCrowns, ManyThresholdsAndColumns) {
  ExpectTheWalks({60, 6, 2, 1, 100000, 1, false, false}, 11);  // columns of one feature
  ExpectTheWalks({60, 6, 300, 1, 40, 1, true, false}, 12);     // more columns than kFewColumns
}

}  // namespace
}  // namespace mosaic
