// ai.onnx.ml.
#include <algorithm>

#include "op/samples/families.h"

namespace mosaic::samples {
namespace {

std::vector<float> Numbers(Draw& d, int64_t n) {
  std::vector<float> list;
  for (int64_t i = 0; i < n; ++i) list.push_back(static_cast<float>(d.Int(-8, 8)) / 4);
  return list;
}
std::vector<int64_t> Counting(int64_t n) {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < n; ++i) list.push_back(i);
  return list;
}
// Rows of a few features.
Shape Rows(Draw& d, int64_t most = 20) {
  const int64_t width = d.Int(1, most);
  return {std::max<int64_t>(1, d.elements() / width), width};
}
int MlType(Draw& d) { return d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT64, MOSAIC_INT32}); }

void DrawColumns(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  s->Data(MOSAIC_FLOAT, rows).Const(MOSAIC_INT64, {1, d.Int(1, 5)}, 0, static_cast<double>(rows[1] - 1));
}
void DrawBinarizer(Draw& d, Sample* s) { s->Data(MlType(d), Rows(d)).FloatAttr("threshold", 0.5); }
void DrawImputer(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  s->Data(MOSAIC_FLOAT, rows).FloatsAttr("imputed_value_floats", Numbers(d, d.Flip() ? 1 : rows[1])).FloatAttr("replaced_value_float", NAN);
}
void DrawNormalizer(Draw& d, Sample* s) { s->Data(MlType(d), Rows(d, 300)).StringAttr("norm", d.Of({"MAX", "L1", "L2"})); }
void DrawScaler(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  const int64_t n = d.Flip() ? 1 : rows[1];
  s->Data(MlType(d), rows).FloatsAttr("offset", Numbers(d, n)).FloatsAttr("scale", Numbers(d, n));
}
void DrawFeatures(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  s->Data(MOSAIC_FLOAT, rows).Data(MOSAIC_FLOAT, rows).IntsAttr("inputdimensions", {rows[1], d.Int(1, rows[1] + 2)});
}
void DrawLabels(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  const bool strings = d.Flip() || s->Is("CategoryMapper");
  const std::vector<std::string> words = {"a", "bb", "ccc", "Ä"};
  if (s->Is("CategoryMapper")) {
    s->Attr("cats_strings", words).IntsAttr("cats_int64s", {1, 2, 3, 4});
  } else if (s->Is("OneHotEncoder")) {
    if (strings) s->Attr("cats_strings", words);
    if (!strings) s->IntsAttr("cats_int64s", {1, 2, 5});
  } else if (strings) {
    s->Attr("keys_strings", words).IntsAttr("values_int64s", {7, 8, 9, 10});
  } else {
    s->IntsAttr("keys_int64s", {1, 2, 5}).FloatsAttr("values_floats", {0.5F, 1, 2});
  }
  if (strings) {
    s->Strings(d.elements() > 1 << 20 ? Shape{1 << 20, 1} : rows, {"a", "bb", "ccc", "Ä", "none"});
  } else {
    s->Data(MOSAIC_INT64, rows, 0, 6);
  }
}
void DrawLinear(Draw& d, Sample* s) {
  const Shape rows = Rows(d, 200);
  const int64_t classes = d.Int(2, 5);
  s->Data(MlType(d), rows).FloatsAttr("coefficients", Numbers(d, classes * rows[1])).FloatsAttr("intercepts", Numbers(d, classes));
  s->StringAttr("post_transform", d.Of({"NONE", "LOGISTIC", "SOFTMAX"}));
  if (s->Is("LinearClassifier")) s->IntsAttr("classlabels_ints", Counting(classes));
  if (s->Is("LinearRegressor")) s->IntAttr("targets", classes);
  s->outputs = s->Is("LinearClassifier") ? 2 : 1;
}
void DrawSvm(Draw& d, Sample* s) {
  const Shape rows = Rows(d, 30);
  const int64_t vectors = d.Int(3, 40);
  s->Data(MlType(d), rows).StringAttr("kernel_type", d.Of({"LINEAR", "POLY", "RBF", "SIGMOID"})).FloatsAttr("kernel_params", {0.1F, 0.5F, 3});
  s->FloatsAttr("support_vectors", Numbers(d, vectors * rows[1]));
  if (s->Is("SVMRegressor")) {
    s->FloatsAttr("coefficients", Numbers(d, vectors)).FloatsAttr("rho", {0.5F}).IntAttr("n_supports", vectors);
    return;
  }
  s->IntsAttr("classlabels_ints", {3, 4, 9}).IntsAttr("vectors_per_class", {1, 1, vectors - 2}).FloatsAttr("coefficients", Numbers(d, vectors * 2));
  s->FloatsAttr("rho", {0.5F, -0.25F, 1});
  if (d.Flip()) s->FloatsAttr("prob_a", {-1, -1, -1}).FloatsAttr("prob_b", {0.5F, 0, 0.25F});
  s->outputs = 2;
}

// Whole trees of some depth, by node.
struct Trees {
  std::vector<int64_t> trees, ids, features, yes, no, missing, leaf_trees, leaf_ids, targets;
  std::vector<std::string> modes;
  std::vector<float> values, weights;
};
Trees Grow(Draw& d, int64_t features, int64_t targets) {
  Trees t;
  for (int64_t tree = 0, n = d.Int(1, 5); tree < n; ++tree) {
    const int64_t inner = (int64_t{1} << d.Int(0, 5)) - 1;
    for (int64_t i = 0; i < 2 * inner + 1; ++i) {
      const bool leaf = i >= inner;
      t.trees.push_back(tree);
      t.ids.push_back(i);
      t.modes.emplace_back(leaf ? "LEAF" : d.Of({"BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_EQ"}));
      t.features.push_back(leaf ? 0 : d.Int(0, features - 1));
      t.values.push_back(leaf ? 0 : static_cast<float>(d.Int(-6, 6)) / 4);
      t.yes.push_back(leaf ? 0 : 2 * i + 1);
      t.no.push_back(leaf ? 0 : 2 * i + 2);
      t.missing.push_back(d.Int(0, 1));
      if (!leaf) continue;
      t.leaf_trees.push_back(tree);
      t.leaf_ids.push_back(i);
      t.targets.push_back(d.Int(0, targets - 1));
      t.weights.push_back(static_cast<float>(d.Int(-8, 8)) / 4);
    }
  }
  return t;
}
void DrawTrees(Draw& d, Sample* s) {
  const Shape rows = Rows(d);
  const bool classes = s->Is("TreeEnsembleClassifier");
  const int64_t targets = d.Int(classes ? 2 : 1, 4);
  const Trees t = Grow(d, rows[1], targets);
  const std::string prefix = classes ? "class" : "target";
  s->Data(MlType(d), rows).IntsAttr("nodes_treeids", t.trees).IntsAttr("nodes_nodeids", t.ids).IntsAttr("nodes_featureids", t.features);
  s->Attr("nodes_modes", t.modes).FloatsAttr("nodes_values", t.values).IntsAttr("nodes_truenodeids", t.yes);
  s->IntsAttr("nodes_falsenodeids", t.no).IntsAttr("nodes_missing_value_tracks_true", t.missing);
  s->IntsAttr((prefix + "_treeids").c_str(), t.leaf_trees).IntsAttr((prefix + "_nodeids").c_str(), t.leaf_ids);
  s->IntsAttr((prefix + "_ids").c_str(), t.targets).FloatsAttr((prefix + "_weights").c_str(), t.weights);
  s->StringAttr("post_transform", d.Of({"NONE", "LOGISTIC", "SOFTMAX"}));
  if (classes) s->IntsAttr("classlabels_int64s", Counting(targets));
  if (!classes) s->IntAttr("n_targets", targets).StringAttr("aggregate_function", d.Of({"SUM", "AVERAGE", "MIN", "MAX"}));
  s->outputs = classes ? 2 : 1;
}
void DrawTreeEnsemble(Draw& d, Sample* s) {
  const Shape rows = {d.elements(), 1};
  s->Data(d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE}), rows, 0, 10);
  const int dtype = s->inputs[0].dtype;
  s->Values(dtype, {2}, {2.5, 6}).Values(MOSAIC_UINT8, {2}, {0, static_cast<double>(d.Int(0, 4))}).Values(dtype, {3}, {10, 20, 30});
  s->AttributeInput("nodes_splits").AttributeInput("nodes_modes").AttributeInput("leaf_weights");
  s->IntsAttr("tree_roots", {0}).IntsAttr("nodes_featureids", {0, 0}).IntsAttr("nodes_truenodeids", {0, 1}).IntsAttr("nodes_trueleafs", {1, 1});
  s->IntsAttr("nodes_falsenodeids", {1, 2}).IntsAttr("nodes_falseleafs", {0, 1}).IntsAttr("leaf_targetids", {0, 1, 0}).IntAttr("n_targets", 2);
}
void DrawZipMap(Draw& d, Sample* s) {
  const int64_t classes = d.Int(1, 5);
  s->Data(MOSAIC_FLOAT, {std::max<int64_t>(1, d.elements() / classes), classes}).IntsAttr("classlabels_int64s", Counting(classes));
}
// Keys and values of the same words, all of them numbers.
void DrawMap(Draw& d, Sample* s) {
  s->Strings({std::min<int64_t>(d.elements() / 2, 4096), 2}, {"1", "2", "30", "4"});
  if (s->Is("CastMap")) {
    s->IntAttr("map_key", MOSAIC_INT64).IntAttr("map_value", d.Of({MOSAIC_FLOAT, MOSAIC_STRING}));
    s->StringAttr("cast_to", d.Of({"TO_FLOAT", "TO_INT64", "TO_STRING"}));
    s->StringAttr("map_form", d.Of({"DENSE", "SPARSE"})).IntAttr("max_map", d.Int(1, 40));
    return;
  }
  const bool strings = d.Flip();
  if (strings) s->Attr("string_vocabulary", std::vector<std::string>{"4", "x", "1"});
  if (!strings) s->IntsAttr("int64_vocabulary", {2, 30, 7});
  s->IntAttr("map_key", strings ? MOSAIC_STRING : MOSAIC_INT64);
  s->IntAttr("map_value", d.Of({MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_INT64, MOSAIC_STRING}));
}

}  // namespace

void AddClassical(GeneratorList* out) {
  const struct {
    const char* name;
    void (*draw)(Draw&, Sample*);
    double ulps;
  } kList[] = {{"ArrayFeatureExtractor", DrawColumns, 0},
               {"Binarizer", DrawBinarizer, 0},
               {"Imputer", DrawImputer, 0},
               {"Normalizer", DrawNormalizer, 4},
               {"Scaler", DrawScaler, 1},
               {"FeatureVectorizer", DrawFeatures, 0},
               {"CategoryMapper", DrawLabels, 0},
               {"LabelEncoder", DrawLabels, 0},
               {"OneHotEncoder", DrawLabels, 0},
               {"LinearClassifier", DrawLinear, 64},
               {"LinearRegressor", DrawLinear, 64},
               {"SVMClassifier", DrawSvm, 1000},
               {"SVMRegressor", DrawSvm, 1000},
               {"TreeEnsembleClassifier", DrawTrees, 4},
               {"TreeEnsembleRegressor", DrawTrees, 4},
               {"TreeEnsemble", DrawTreeEnsemble, 4},
               {"ZipMap", DrawZipMap, 0},
               {"DictVectorizer", DrawMap, 0},
               {"CastMap", DrawMap, 0}};
  for (const auto& g : kList) out->push_back({kMlDomain, g.name, g.draw, g.ulps});
}

}  // namespace mosaic::samples
