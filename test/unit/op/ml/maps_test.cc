// DictVectorizer and CastMap: maps as arrays of keys and values.
#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using Names = std::vector<std::string>;

struct Vectorizer : OpCall {
  Vectorizer(int key, int value) : OpCall("DictVectorizer", kMlDomain) {
    Int("map_key", key).Int("map_value", value);
  }
};
struct Caster : OpCall {
  Caster(int value, const char* to) : OpCall("CastMap", kMlDomain) {
    Int("map_key", MOSAIC_INT64).Int("map_value", value).String("cast_to", to);
  }
};

TEST(DictVectorizer, ValuesInTheOrderOfTheVocabulary) {
  Vectorizer words(MOSAIC_STRING, MOSAIC_FLOAT), numbers(MOSAIC_INT64, MOSAIC_INT64);
  Vectorizer texts(MOSAIC_STRING, MOSAIC_STRING), none(MOSAIC_STRING, MOSAIC_DOUBLE);
  ASSERT_OK(words.Attr("string_vocabulary", Names{"a", "c", "b"})
                .Strings({3, 2}, {"b", "1.5", "unknown", "7", "a", "-2"})
                .Run());
  EXPECT_EQ(words.shape(), (Shape{1, 3}));
  EXPECT_THAT(words.values(), ElementsAre(-2, 0, 1.5));
  ASSERT_OK(numbers.Ints("int64_vocabulary", {100, -1, 5})
                .Strings({2, 2}, {"-1", "9007199254740993", "100", "3"})
                .Run());
  EXPECT_THAT(numbers.values<int64_t>(), ElementsAre(3, 9007199254740993, 0));
  ASSERT_OK(texts.Attr("string_vocabulary", Names{"x", "y"}).Strings({1, 2}, {"y", "value"}).Run());
  EXPECT_THAT(texts.strings(), ElementsAre("", "value"));
  ASSERT_OK(none.Attr("string_vocabulary", Names{"x", "y"}).Strings({0, 2}, {}).Run());
  EXPECT_THAT(none.values<double>(), ElementsAre(0, 0));
}

TEST(DictVectorizer, VocabulariesMayRepeatThemselves) {
  Vectorizer words(MOSAIC_STRING, MOSAIC_FLOAT);
  ASSERT_OK(words.Attr("string_vocabulary", Names{"a", "b", "a"}).Strings({2, 2}, {"a", "5", "b", "6"}).Run());
  EXPECT_THAT(words.values(), ElementsAre(5, 6, 5));
}

TEST(DictVectorizer, Refusals) {
  EXPECT_REFUSED(OpCall("DictVectorizer", kMlDomain)
                     .Attr("string_vocabulary", Names{"a"})
                     .Strings({1, 2}, {"a", "1"})
                     .Run(),
                 MOSAIC_E_UNSUPPORTED, "only inputs of the model can be maps");
  EXPECT_REFUSED(Vectorizer(MOSAIC_STRING, MOSAIC_FLOAT).Strings({1, 2}, {"a", "1"}).Run(),
                 MOSAIC_E_BAD_MODEL, "is needed");
  EXPECT_REFUSED(Vectorizer(MOSAIC_STRING, MOSAIC_FLOAT)
                     .Ints("int64_vocabulary", {1})
                     .Strings({1, 2}, {"a", "1"})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "a vocabulary of type int64 is for keys of type string");
  EXPECT_REFUSED(Vectorizer(MOSAIC_INT64, MOSAIC_FLOAT)
                     .Ints("int64_vocabulary", {1})
                     .Strings({1, 2}, {"1.0", "1"})
                     .Run(),
                 MOSAIC_E_INVALID, "the key \"1.0\" is not an integer");
  EXPECT_REFUSED(Vectorizer(MOSAIC_STRING, MOSAIC_FLOAT)
                     .Attr("string_vocabulary", Names{"a"})
                     .Strings({1, 2}, {"a", "b"})
                     .Run(),
                 MOSAIC_E_INVALID, "\"b\"");
  EXPECT_REFUSED(Vectorizer(MOSAIC_STRING, MOSAIC_INT8)
                     .Attr("string_vocabulary", Names{"a"})
                     .Strings({1, 2}, {"a", "1"})
                     .Run(),
                 MOSAIC_E_UNSUPPORTED, "a value of type int8");
  EXPECT_REFUSED(Vectorizer(MOSAIC_STRING, MOSAIC_FLOAT)
                     .Attr("string_vocabulary", Names{"a"})
                     .Strings({2}, {"a", "1"})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "is not [n, 2]");
}

TEST(CastMap, DenseAndSparse) {
  Caster dense(MOSAIC_FLOAT, "TO_FLOAT"), sparse(MOSAIC_STRING, "TO_INT64");
  Caster texts(MOSAIC_FLOAT, "TO_STRING"), gaps(MOSAIC_STRING, "TO_STRING"),
      whole(MOSAIC_FLOAT, "TO_INT64");
  ASSERT_OK(dense.Strings({3, 2}, {"10", "1.5", "-3", "2", "9", "4"}).Run());
  EXPECT_EQ(dense.shape(), (Shape{1, 3}));
  EXPECT_THAT(dense.values(), ElementsAre(2, 4, 1.5));
  ASSERT_OK(sparse.String("map_form", "SPARSE")
                .Int("max_map", 4)
                .Strings({3, 2}, {"2", "7", "0", "8", "9", "1"})
                .Run());
  EXPECT_THAT(sparse.values<int64_t>(), ElementsAre(8, 0, 7, 0));
  ASSERT_OK(texts.Strings({1, 2}, {"0", "0.25"}).Run());
  EXPECT_THAT(texts.strings(), ElementsAre("0.250000"));
  ASSERT_OK(gaps.String("map_form", "SPARSE").Int("max_map", 2).Strings({1, 2}, {"1", "v"}).Run());
  EXPECT_THAT(gaps.strings(), ElementsAre("0.f", "v"));
  ASSERT_OK(whole.Strings({1, 2}, {"0", "-2.9"}).Run());
  EXPECT_THAT(whole.values<int64_t>(), ElementsAre(-2));
}

TEST(CastMap, Refusals) {
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT16").Strings({1, 2}, {"0", "1"}).Run(),
                 MOSAIC_E_BAD_MODEL, "cast_to is \"TO_FLOAT16\"");
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT")
                     .String("map_form", "LOOSE")
                     .Strings({1, 2}, {"0", "1"})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "map_form is \"LOOSE\"");
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT")
                     .String("map_form", "SPARSE")
                     .Int("max_map", 0)
                     .Strings({1, 2}, {"0", "1"})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "max_map is 0");
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT")
                     .String("map_form", "SPARSE")
                     .Strings({1, 2}, {"-1", "1"})
                     .Run(),
                 MOSAIC_E_INVALID, "the key -1 is below 0");
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT").Strings({1, 2}, {"a", "1"}).Run(),
                 MOSAIC_E_INVALID, "the key \"a\" is not an integer");
  EXPECT_REFUSED(Caster(MOSAIC_FLOAT, "TO_FLOAT").Strings({65537, 2}, Names(131074, "1")).Run(),
                 MOSAIC_E_LIMIT, "more than 65536 entries");
}

}  // namespace
}  // namespace mosaic
