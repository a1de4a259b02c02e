// com.microsoft.Tokenizer: what ONNX Runtime 1.30 gives, and Regex::Find, which it stands on.
#include "core/op/text/regex.h"
#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

struct Case {
  int64_t mark, least;
  Words separators;
  const char* tokenexp;  // nullptr: none
  Words texts;
  int64_t width;
  Words tokens;
};

struct TokenizerCall : OpCall {
  TokenizerCall(int64_t mark, int64_t least, const Words& separators, const char* tokenexp)
      : OpCall("Tokenizer", kMicrosoftDomain) {
    Int("mark", mark).Int("mincharnum", least).String("pad_value", "#");
    if (tokenexp == nullptr) {
      Attr("separators", separators);
    } else {
      String("tokenexp", tokenexp);
    }
  }
};

TEST(Tokenizer, AsOnnxRuntimeDoes) {
  const std::string begin = "\x02", end = "\x03";
  const Case cases[] = {
      {0, 1, {""}, nullptr, {"abcd", "äö"}, 4, {"a", "b", "c", "d", "ä", "ö", "#", "#"}},
      {1, 1, {""}, nullptr, {"abc", ""}, 5, {begin, "a", "b", "c", end, begin, end, "#", "#", "#"}},
      {1, 1, {}, ".", {"a\nb", "日"}, 5, {begin, "a", "\n", "b", end, begin, "日", end, "#", "#"}},
      {1, 1, {""}, nullptr, {"", ""}, 0, {}},
      {0, 1, {" ", ","}, nullptr, {"a b,c  d", " x,"}, 4, {"a", "b", "c", "d", "x", "#", "#", "#"}},
      {1,
       2,
       {"[ ,]+"},
       nullptr,
       {"a bb,ccc,  dddd", "x,"},
       5,
       {begin, "bb", "ccc", "dddd", end, begin, end, "#", "#", "#"}},
      {0, 1, {"a*"}, nullptr, {"bcd", "baab", "aaa"}, 0, {}},
      {0, 1, {"b|bc", "c"}, nullptr, {"abcd", "acbcbd"}, 2, {"a", "d", "a", "d"}},
      {0, 1, {"^a", "\\bx"}, nullptr, {"aab xy x", "yx x"}, 2, {"ab ", "y ", "yx ", "#"}},
      {0, 1, {"b$"}, nullptr, {"abb", "b\nb"}, 1, {"ab", "b\n"}},
      {0,
       1,
       {},
       "\\w+",
       {"The quick-brown fox", ".."},
       4,
       {"The", "quick", "brown", "fox", "#", "#", "#", "#"}},
      {0, 2, {}, "a|ab|b+", {"abbbaab", "xbby"}, 3, {"ab", "bb", "ab", "bb", "#", "#"}},
      {1,
       3,
       {},
       "[a-z]+",
       {"ab abc ABCdefg", "ab"},
       4,
       {begin, "abc", "defg", end, begin, end, "#", "#"}},
      {0, 1, {}, "x*", {"axxbx", ""}, 2, {"xx", "x", "#", "#"}},
      {0, 1, {}, "[äö]+|é", {"xäöyé", "öéä"}, 3, {"äö", "é", "#", "ö", "é", "ä"}},
      {0, 1, {}, "a+?", {"aaab"}, 1, {"aaa"}},
      {0, 1, {}, "\\b.", {"ab éc d"}, 5, {"a", " ", "c", " ", "d"}},
      {0, 2, {}, "^.|b+", {"abbb"}, 1, {"bbb"}},
  };
  for (const Case& c : cases) {
    const int64_t n = static_cast<int64_t>(c.texts.size());
    TokenizerCall row(c.mark, c.least, c.separators, c.tokenexp),
        column(c.mark, c.least, c.separators, c.tokenexp);
    ASSERT_OK(row.Strings({n}, c.texts).Run());
    EXPECT_EQ(row.shape(), (Shape{n, c.width})) << c.texts[0];
    EXPECT_EQ(row.strings(), c.tokens) << c.texts[0];
    ASSERT_OK(column.Strings({n, 1}, c.texts).Run());
    EXPECT_EQ(column.shape(), (Shape{n, 1, c.width}));
    EXPECT_EQ(column.strings(), c.tokens);
  }
}

TEST(Tokenizer, Refusals) {
  EXPECT_REFUSED(TokenizerCall(0, 1, {""}, nullptr).Strings({1, 1, 1}, {"a"}).Run(),
                 MOSAIC_E_INVALID, "rank 3, not 1 or 2");
  EXPECT_REFUSED(TokenizerCall(0, 1, {" "}, nullptr).Strings({1}, {"a\xff"}).Run(),
                 MOSAIC_E_INVALID, "no valid UTF-8");
  EXPECT_REFUSED(TokenizerCall(0, 1, {" "}, nullptr).In({1}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "float32");
  EXPECT_REFUSED(TokenizerCall(0, 2, {""}, nullptr).Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "mincharnum 2 is invalid");
  EXPECT_REFUSED(TokenizerCall(0, 0, {}, "a").Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "mincharnum 0 is invalid");
  EXPECT_REFUSED(TokenizerCall(0, 1, {}, nullptr).Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "separators is empty");
  EXPECT_REFUSED(TokenizerCall(0, 1, {}, "").Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "separators and tokenexp");
  EXPECT_REFUSED(TokenizerCall(0, 1, {"("}, nullptr).Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "not closed");
  EXPECT_REFUSED(TokenizerCall(0, 1, Words(101, "a"), nullptr).Strings({1}, {"a"}).Make(),
                 MOSAIC_E_LIMIT, "101 separators");
  EXPECT_REFUSED(OpCall("Tokenizer", kMicrosoftDomain).Strings({1}, {"a"}).Make(),
                 MOSAIC_E_BAD_MODEL, "attribute mark is missing");
}

// A step may not take what a text and an expression ask for together.
TEST(Tokenizer, StepsAreBounded) {
  const std::string text(1 << 12, 'a');
  EXPECT_REFUSED(TokenizerCall(0, 1, {}, "a|a.*b").Strings({1}, {text}).Run(), MOSAIC_E_LIMIT,
                 "steps on a text");
  OpCall match("RegexFullMatch");
  EXPECT_REFUSED(match.String("pattern", "(a*b?){1000}c").Strings({1}, {text}).Run(),
                 MOSAIC_E_LIMIT, "steps on a text");
}

// The leftmost match, and of these the longest: as a search of every substring finds it.
TEST(RegexFind, FindsLeftmostLongest) {
  for (const char* pattern :
       {"a", "ab|a", "a*b", "(a|ab)(c|bcd)?", "b+|a{2}", "^a|b$", "\\ba+", "c*", "a.*c|b"}) {
    Regex regex;
    ASSERT_OK(Regex::Parse(pattern, &regex));
    Regex::Memory memory, whole;
    for (int code = 0; code < 4 * 4 * 4 * 4; ++code) {
      std::string text;
      for (int left = code, i = 0; i < 4; ++i, left /= 4) text += "abc "[left % 4];
      for (size_t from = 0; from <= text.size(); ++from) {
        Regex::Span found, expected;
        ASSERT_OK(regex.Find(text, from, &memory, &found));
        for (size_t begin = from; begin <= text.size() && !expected.found(); ++begin) {
          for (size_t end = text.size() + 1; end-- > begin && !expected.found();) {
            Regex between;
            const std::string quoted = "\\Q" + text.substr(0, begin) + "\\E(?:" + pattern + ")\\Q" +
                                       text.substr(end) + "\\E";
            ASSERT_OK(Regex::Parse(quoted, &between));
            bool matches = false;
            ASSERT_OK(between.FullMatch(text, &whole, &matches));
            if (matches) expected = {begin, end};
          }
        }
        ASSERT_EQ(found.found(), expected.found()) << pattern << " in " << text << " from " << from;
        if (!found.found()) continue;
        EXPECT_EQ(found.begin, expected.begin) << pattern << " in " << text << " from " << from;
        EXPECT_EQ(found.end, expected.end) << pattern << " in " << text << " from " << from;
      }
    }
  }
}

}  // namespace
}  // namespace mosaic
