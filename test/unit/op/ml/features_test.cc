// What stands before and behind classical models: scaling, encoding, choosing.
#include <cmath>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using Names = std::vector<std::string>;
const Dim N = Dim::Symbol("N");

OpCall Ml(const char* op_type) { return OpCall(op_type, kMlDomain); }

TEST(Scaler, PerFeatureOrForAll) {
  OpCall each = Ml("Scaler"), all = Ml("Scaler"), items = Ml("Scaler"), across = Ml("Scaler");
  ASSERT_OK(each.Floats("offset", {1, 2})
                .Floats("scale", {10, 100})
                .In<int64_t>({2, 2}, {1, 3, 4, 2})
                .Run());
  EXPECT_THAT(each.values(), ElementsAre(0, 100, 30, 0));
  ASSERT_OK(all.Floats("offset", {1}).Floats("scale", {2}).In<double>({3}, {1, 2, 3}).Run());
  EXPECT_THAT(all.values(), ElementsAre(0, 2, 4));
  items.Floats("offset", {1, 2}).Floats("scale", {1, 2});
  EXPECT_INFERRED(items, "[N, 2]", 0, ItemsFact({N, 2}, 0));
  across.Floats("offset", {1}).Floats("scale", {1});
  EXPECT_INFERRED(across, "[2, N]", 1, ItemsFact({2, N}, 1));
  EXPECT_REFUSED(Ml("Scaler").Floats("offset", {1, 2}).Floats("scale", {1}).In({1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "scale");
  EXPECT_REFUSED(
      Ml("Scaler").Floats("offset", {1, 2}).Floats("scale", {1, 2}).In({1, 3}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "features");
  EXPECT_REFUSED(Ml("Scaler").In({1, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL, "is empty");
}

TEST(Imputer, ReplacesNanAndNumbers) {
  OpCall nan = Ml("Imputer"), whole = Ml("Imputer");
  ASSERT_OK(nan.Floats("imputed_value_floats", {7, 8})
                .Float("replaced_value_float", std::nanf(""))
                .In({2, 2}, {std::nanf(""), 1, 2, std::nanf("")})
                .Run());
  EXPECT_THAT(nan.values(), ElementsAre(7, 1, 2, 8));
  ASSERT_OK(whole.Ints("imputed_value_int64s", {9})
                .Int("replaced_value_int64", -1)
                .In<int64_t>({3}, {-1, 0, 1})
                .Run());
  EXPECT_THAT(whole.values<int64_t>(), ElementsAre(9, 0, 1));
  EXPECT_REFUSED(Ml("Imputer").In({1}, {1}).Run(), MOSAIC_E_BAD_MODEL, "is needed");
  EXPECT_REFUSED(Ml("Imputer").Ints("imputed_value_int64s", {1}).In({1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "float32");
}

TEST(Binarizer, IsStrict) {
  OpCall call = Ml("Binarizer");
  ASSERT_OK(call.Float("threshold", 1).In({3}, {0.5f, 1, 1.5f}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 0, 1));
  EXPECT_REFUSED(Ml("Binarizer").Strings({1}, {"a"}).Run(), MOSAIC_E_UNSUPPORTED, "string");
}

TEST(Normalizer, RowByRow) {
  const auto norm = [](const char* name) {
    OpCall call = Ml("Normalizer");
    const Status status = call.String("norm", name).In({3, 2}, {3, -4, 0, 0, -1, -2}).Run();
    EXPECT_TRUE(status.ok()) << status.message();
    return call.values();
  };
  EXPECT_THAT(norm("MAX"), ElementsAre(1, -4.0f / 3, 0, 0, 1, 2));
  EXPECT_THAT(norm("L1"), ElementsAre(3.0f / 7, -4.0f / 7, 0, 0, -1.0f / 3, -2.0f / 3));
  EXPECT_THAT(norm("L2"), ElementsAre(std::sqrt(9.0f / 25), -std::sqrt(16.0f / 25), 0, 0,
                                      -std::sqrt(1.0f / 5), -std::sqrt(4.0f / 5)));
  EXPECT_REFUSED(Ml("Normalizer").String("norm", "L3").In({1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "unknown norm");
  EXPECT_REFUSED(Ml("Normalizer").In({1, 1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL, "neither");
  OpCall items = Ml("Normalizer"), across = Ml("Normalizer");
  EXPECT_INFERRED(items, "[N, 2]", 0, ItemsFact({N, 2}, 0));
  EXPECT_INFERRED(across, "[2, N]", kMixed, ItemsFact({2, N}, 1));
}

TEST(ArrayFeatureExtractor, ChoosesColumns) {
  OpCall call = Ml("ArrayFeatureExtractor"), row = Ml("ArrayFeatureExtractor"),
         items = Ml("ArrayFeatureExtractor");
  ASSERT_OK(call.Strings({2, 3}, {"a", "b", "c", "d", "e", "f"}).In<int64_t>({1, 2}, {2, 0}).Run());
  EXPECT_THAT(call.strings(), ElementsAre("c", "a", "f", "d"));
  ASSERT_OK(row.In({3}, {1, 2, 3}).In<int64_t>({1}, {1}).Run());
  EXPECT_EQ(row.shape(), (Shape{1, 1}));
  EXPECT_INFERRED(items, "[N, 2]", 0, ItemsFact({N, 5}, 0), SharedFact({2}, MOSAIC_INT64));
  for (int64_t index : {int64_t{3}, int64_t{-1}}) {
    EXPECT_REFUSED(Ml("ArrayFeatureExtractor").In({1, 3}, {1}).In<int64_t>({1}, {index}).Run(),
                   MOSAIC_E_INVALID, "out of range");
  }
}

TEST(FeatureVectorizer, JoinsPadsAndCuts) {
  OpCall call = Ml("FeatureVectorizer"), items = Ml("FeatureVectorizer");
  ASSERT_OK(call.Ints("inputdimensions", {1, 3})
                .In<int64_t>({2, 2}, {1, 2, 3, 4})
                .In<double>({2, 2}, {5, 6, 7, 8})
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 5, 6, 0, 3, 7, 8, 0));
  items.Ints("inputdimensions", {1, 2});
  EXPECT_INFERRED(items, "[N, 3]", 0, ItemsFact({N, 1}, 0), ItemsFact({N, 2}, 0));
  EXPECT_REFUSED(Ml("FeatureVectorizer").In({1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "inputdimensions");
  EXPECT_REFUSED(Ml("FeatureVectorizer").Ints("inputdimensions", {-1}).In({1, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "has -1");
}

TEST(OneHotEncoder, FindsCategories) {
  OpCall names = Ml("OneHotEncoder"), numbers = Ml("OneHotEncoder"), items = Ml("OneHotEncoder");
  ASSERT_OK(names.Attr("cats_strings", Names{"a", "b"}).Strings({1, 3}, {"b", "?", "a"}).Run());
  EXPECT_EQ(names.shape(), (Shape{1, 3, 2}));
  EXPECT_THAT(names.values(), ElementsAre(0, 1, 0, 0, 1, 0));
  ASSERT_OK(numbers.Ints("cats_int64s", {5, 7}).In({2}, {7.5f, 5}).Run());
  EXPECT_THAT(numbers.values(), ElementsAre(0, 1, 1, 0));
  items.Ints("cats_int64s", {5, 7});
  EXPECT_INFERRED(items, "[N, 1, 2]", 0, ItemsFact({N, 1}, 0));
  EXPECT_REFUSED(Ml("OneHotEncoder").Ints("cats_int64s", {5}).Int("zeros", 0).In({1}, {6}).Run(),
                 MOSAIC_E_INVALID, "none of the categories");
  EXPECT_REFUSED(Ml("OneHotEncoder").In({1}, {6}).Run(), MOSAIC_E_BAD_MODEL, "is needed");
  EXPECT_REFUSED(Ml("OneHotEncoder").Ints("cats_int64s", {5}).Strings({1}, {"a"}).Run(),
                 MOSAIC_E_UNSUPPORTED, "string");
}

TEST(LabelEncoder, BetweenTypes) {
  OpCall to_numbers = Ml("LabelEncoder"), of_floats = Ml("LabelEncoder"),
         tensors = Ml("LabelEncoder");
  ASSERT_OK(to_numbers.Attr("keys_strings", Names{"a", "", "a"})
                .Floats("values_floats", {1, 2, 3})
                .Strings({3}, {"a", "", "b"})
                .Run());
  EXPECT_THAT(to_numbers.values(),
              ElementsAre(1, 2, 0));  // the first of equal keys, as ONNX Runtime does
  EXPECT_TRUE(std::signbit(to_numbers.values()[2]));
  ASSERT_OK(of_floats.Floats("keys_floats", {std::nanf(""), 0})
                .Attr("values_strings", Names{"nan", "zero"})
                .In({3}, {-std::nanf("1"), -0.0f, 1})
                .Run());
  EXPECT_THAT(of_floats.strings(), ElementsAre("nan", "zero", "_Unused"));
  tensors.In<int32_t>({2}, {4, 5})
      .In<int32_t>({2}, {4, 6})
      .In<int16_t>({2}, {40, 60})
      .In<int16_t>({1}, {-9});
  ASSERT_OK(tensors.AttributeInput("keys_tensor")
                .AttributeInput("values_tensor")
                .AttributeInput("default_tensor")
                .Run());
  EXPECT_THAT(tensors.values<int16_t>(), ElementsAre(40, -9));
  EXPECT_REFUSED(Ml("LabelEncoder").In({1}, {1}).Run(), MOSAIC_E_BAD_MODEL, "0 lists of keys");
  EXPECT_REFUSED(Ml("LabelEncoder")
                     .Ints("keys_int64s", {1, 2})
                     .Floats("values_floats", {1})
                     .In<int64_t>({1}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "2 keys and 1 values");
  EXPECT_REFUSED(
      Ml("LabelEncoder").Ints("keys_int64s", {1}).Floats("values_floats", {1}).In({1}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "looked up among keys");
}

TEST(LabelEncoder, VersionOneAndCategoryMapperGoBothWays) {
  OpCall to_numbers = Ml("LabelEncoder"), to_names = Ml("LabelEncoder"),
         mapped = Ml("CategoryMapper"), back = Ml("CategoryMapper");
  ASSERT_OK(to_numbers.Attr("classes_strings", Names{"x", "y"}).Strings({2}, {"y", "z"}).Run());
  EXPECT_THAT(to_numbers.values<int64_t>(), ElementsAre(1, -1));
  ASSERT_OK(to_names.Attr("classes_strings", Names{"x", "y"})
                .String("default_string", "?")
                .In<int64_t>({2}, {0, 2})
                .Run());
  EXPECT_THAT(to_names.strings(), ElementsAre("x", "?"));
  ASSERT_OK(mapped.Attr("cats_strings", Names{"x", "y"})
                .Ints("cats_int64s", {10, 20})
                .Strings({2}, {"y", "z"})
                .Run());
  EXPECT_THAT(mapped.values<int64_t>(), ElementsAre(20, -1));
  ASSERT_OK(back.Attr("cats_strings", Names{"x", "y"})
                .Ints("cats_int64s", {10, 20})
                .In<int64_t>({2}, {10, 0})
                .Run());
  EXPECT_THAT(back.strings(), ElementsAre("x", "_Unused"));
  EXPECT_REFUSED(Ml("CategoryMapper").Attr("cats_strings", Names{"x"}).In({1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "are needed");
}

TEST(ZipMap, KeepsTheScores) {
  OpCall call = Ml("ZipMap");
  ASSERT_OK(call.Ints("classlabels_int64s", {4, 5}).In({1, 2}, {0.25f, 0.75f}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0.25f, 0.75f));
  EXPECT_REFUSED(Ml("ZipMap").Ints("classlabels_int64s", {4}).In({1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "scores and classes");
  EXPECT_REFUSED(Ml("ZipMap").In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "neither");
}

}  // namespace
}  // namespace mosaic
