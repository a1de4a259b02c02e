// StringConcat, StringSplit, StringNormalizer, TfIdfVectorizer.
#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

const Dim N = Dim::Symbol("N");

TEST(StringConcat, Broadcasts) {
  OpCall call("StringConcat");
  ASSERT_OK(call.Strings({2, 1}, {"a", ""}).Strings({2}, {"x", "\xC3\xA4"}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 2}));
  EXPECT_THAT(call.strings(), ElementsAre("ax", "a\xC3\xA4", "x", "\xC3\xA4"));
  EXPECT_REFUSED(OpCall("StringConcat").Strings({1}, {"a"}).In({1}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "an input of type float32");
  OpCall items("StringConcat");
  EXPECT_INFERRED(items, "[N]", 0, ItemsFact({N}, 0, MOSAIC_STRING),
                  SharedFact({1}, MOSAIC_STRING));
}

std::vector<std::string> Split(const std::string& text, const char* delimiter, int64_t most) {
  OpCall call("StringSplit");
  if (most >= 0) call.Int("maxsplit", most);
  const Status status = call.String("delimiter", delimiter).Outputs(2).Strings({1}, {text}).Run();
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(call.output(1).data<int64_t>()[0], call.output().size());
  return call.strings();
}

TEST(StringSplit, AsPythonDoes) {
  EXPECT_THAT(Split("a,b,,c", ",", -1), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(Split("a,b,,c", ",", 1), ElementsAre("a", "b,,c"));
  EXPECT_THAT(Split("", ",", -1), ElementsAre(""));
  EXPECT_THAT(Split("aaa", "aa", -1), ElementsAre("", "a"));
  EXPECT_THAT(Split(" a \t b  ", "", -1), ElementsAre("a", "b"));
  EXPECT_THAT(Split(" a  b c ", "", 1), ElementsAre("a", "b c "));
  EXPECT_THAT(Split("a ", "", 0), ElementsAre("a "));
  EXPECT_THAT(Split("  ", "", -1), ElementsAre());
}

TEST(StringSplit, PadsToTheMostParts) {
  OpCall call("StringSplit"), nothing("StringSplit");
  ASSERT_OK(call.Outputs(2).Strings({2, 2}, {"a b", "", "c", "d e f"}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 2, 3}));
  EXPECT_THAT(call.strings(), ElementsAre("a", "b", "", "", "", "", "c", "", "", "d", "e", "f"));
  EXPECT_THAT(call.values<int64_t>(1), ElementsAre(2, 0, 1, 3));
  ASSERT_OK(nothing.Strings({0}, {}).Run());
  EXPECT_EQ(nothing.shape(), (Shape{0, 0}));
  EXPECT_REFUSED(OpCall("StringSplit").In({1}, {1}).Run(), MOSAIC_E_UNSUPPORTED, "float32");
}

TEST(StringNormalizer, CaseAndStopWords) {
  const auto normalized = [](const char* action, int64_t sensitive,
                             std::vector<std::string> stops) {
    OpCall call("StringNormalizer");
    call.String("case_change_action", action).Int("is_case_sensitive", sensitive);
    if (!stops.empty()) call.Attr("stopwords", stops);
    const Status status = call.Strings({1, 3}, {"Monday", "\xC3\x84ra", "the"}).Run();
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(call.shape()[0], 1);
    return call.strings();
  };
  EXPECT_THAT(normalized("NONE", 0, {}), ElementsAre("Monday", "\xC3\x84ra", "the"));
  EXPECT_THAT(normalized("UPPER", 0, {}), ElementsAre("MONDAY", "\xC3\x84RA", "THE"));
  EXPECT_THAT(normalized("LOWER", 0, {"THE"}), ElementsAre("monday", "\xC3\xA4ra"));
  EXPECT_THAT(normalized("LOWER", 1, {"THE", "Monday"}), ElementsAre("\xC3\xA4ra", "the"));
  EXPECT_THAT(normalized("NONE", 0, {"the", "monday", "\xC3\xA4RA"}), ElementsAre(""));
}

TEST(StringNormalizer, ManyWordsAndRefusals) {
  OpCall call("StringNormalizer"), bytes("StringNormalizer");
  std::vector<std::string> words, kept;
  for (int i = 0; i < 2000; ++i) {
    words.push_back(i % 3 == 0 ? "stop" : "Word" + std::to_string(i));
    if (i % 3 != 0) kept.push_back("word" + std::to_string(i));
  }
  ASSERT_OK(call.String("case_change_action", "LOWER")
                .Attr("stopwords", std::vector<std::string>{"STOP"})
                .Strings({2000}, words)
                .Run());
  EXPECT_EQ(call.strings(), kept);
  // What is no UTF-8 stays.
  ASSERT_OK(
      bytes.String("case_change_action", "UPPER").Strings({2}, {"a\xff\xc3", "\xe2\x82z"}).Run());
  EXPECT_THAT(bytes.strings(), ElementsAre("A\xff\xc3", "\xe2\x82Z"));
  EXPECT_REFUSED(
      OpCall("StringNormalizer").String("case_change_action", "TITLE").Strings({1}, {"a"}).Make(),
      MOSAIC_E_BAD_MODEL, "case_change_action \"TITLE\" is unknown");
  EXPECT_REFUSED(OpCall("StringNormalizer").Strings({2, 1}, {"a", "b"}).Run(), MOSAIC_E_BAD_MODEL,
                 "is no list of strings");
  OpCall items("StringNormalizer"), filtered("StringNormalizer");
  EXPECT_INFERRED(items, "[N]", 0, ItemsFact({N}, 0, MOSAIC_STRING));
  filtered.Attr("stopwords", std::vector<std::string>{"a"});
  EXPECT_EQ(InferredOf(filtered, {ItemsFact({N}, 0, MOSAIC_STRING)}).axis, kMixed);
}

OpCall& Grams(OpCall& call, const char* mode) {
  return call.String("mode", mode)
      .Int("min_gram_length", 1)
      .Int("max_gram_length", 2)
      .Int("max_skip_count", 1)
      .Ints("ngram_counts", {0, 2})
      .Ints("ngram_indexes", {0, 3, 1})
      .Ints("pool_int64s", {5, 7, 5, 7})
      .Floats("weights", {2, 3, 0.5F});
}

TEST(TfIdfVectorizer, CountsGramsWithSkips) {
  // Two 5s, one 7; "5 7" with nothing between once, with one between once.
  OpCall tf("TfIdfVectorizer"), idf("TfIdfVectorizer"), both("TfIdfVectorizer");
  ASSERT_OK(Grams(tf, "TF").In<int64_t>({1, 4}, {5, 5, 7, 1}).Run());
  EXPECT_EQ(tf.shape(), (Shape{1, 4}));
  EXPECT_THAT(tf.values(), ElementsAre(2, 2, 0, 1));
  ASSERT_OK(Grams(idf, "IDF").In<int32_t>({4}, {5, 5, 7, 1}).Run());
  EXPECT_THAT(idf.values(), ElementsAre(2, 0.5F, 0, 3));
  ASSERT_OK(Grams(both, "TFIDF").In<int64_t>({2, 2}, {7, 5, 5, 7}).Run());
  EXPECT_THAT(both.values(), ElementsAre(2, 0, 0, 3, 2, 0.5F, 0, 3));
}

TEST(TfIdfVectorizer, StringsLongRowsAndItems) {
  OpCall call("TfIdfVectorizer");
  std::vector<std::string> words;
  for (int i = 0; i < 20000; ++i) words.push_back(i % 2 == 0 ? "a" : "b");
  ASSERT_OK(call.String("mode", "TF")
                .Int("min_gram_length", 2)
                .Int("max_gram_length", 2)
                .Int("max_skip_count", 0)
                .Ints("ngram_counts", {0, 1})
                .Ints("ngram_indexes", {0, 1})
                .Attr("pool_strings", std::vector<std::string>{"a", "b", "a"})
                .Strings({20000}, words)
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 9999));
  OpCall items("TfIdfVectorizer"), row("TfIdfVectorizer");
  EXPECT_INFERRED(Grams(items, "TF"), "[N, 4]", 0, ItemsFact({N, 9}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(Grams(row, "TF"), "[4]", kMixed, ItemsFact({N}, 0, MOSAIC_INT64));
}

TEST(TfIdfVectorizer, Refusals) {
  OpCall mode("TfIdfVectorizer"), type("TfIdfVectorizer"), counts("TfIdfVectorizer"),
      twice("TfIdfVectorizer");
  EXPECT_REFUSED(Grams(mode, "BM25").In<int64_t>({1}, {1}).Make(), MOSAIC_E_BAD_MODEL, "BM25");
  EXPECT_REFUSED(Grams(type, "TF").Strings({1}, {"a"}).Run(), MOSAIC_E_UNSUPPORTED, "string");
  EXPECT_REFUSED(OpCall("TfIdfVectorizer").In<int64_t>({1}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "max_gram_length is missing");
  const auto pool = [](OpCall& call, std::vector<int64_t> ints, std::vector<int64_t> n,
                       std::vector<int64_t> indexes) {
    return call.String("mode", "TF")
        .Int("min_gram_length", 1)
        .Int("max_gram_length", 1)
        .Int("max_skip_count", 0)
        .Ints("ngram_counts", n)
        .Ints("ngram_indexes", indexes)
        .Ints("pool_int64s", ints)
        .In<int64_t>({1}, {1})
        .Make();
  };
  OpCall outside("TfIdfVectorizer"), negative("TfIdfVectorizer"), none("TfIdfVectorizer"),
      few("TfIdfVectorizer");
  EXPECT_REFUSED(pool(counts, {1}, {2}, {0}), MOSAIC_E_BAD_MODEL, "ngram_counts do not fit");
  EXPECT_REFUSED(pool(twice, {1, 1}, {0}, {0, 1}), MOSAIC_E_BAD_MODEL, "in the pool twice");
  EXPECT_REFUSED(pool(few, {1, 2}, {0}, {0}), MOSAIC_E_BAD_MODEL, "1 elements for 2 n-grams");
  EXPECT_REFUSED(pool(negative, {1}, {0}, {-1}), MOSAIC_E_BAD_MODEL, "has the element -1");
  EXPECT_REFUSED(pool(outside, {1}, {0}, {2000000000}), MOSAIC_E_LIMIT, "columns");
  EXPECT_REFUSED(pool(none, {}, {0}, {}), MOSAIC_E_BAD_MODEL, "must have elements");
}

}  // namespace
}  // namespace mosaic
