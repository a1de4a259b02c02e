// Regular expressions against whole texts, and RegexFullMatch.
#include "core/op/text/regex.h"

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

bool Matches(const char* pattern, std::string_view text) {
  Regex regex;
  const Status status = Regex::Parse(pattern, &regex);
  EXPECT_TRUE(status.ok()) << pattern << ": " << status.message();
  Regex::Memory memory;
  bool first = false, again = false;
  EXPECT_TRUE(regex.FullMatch(text, &memory, &first).ok());
  EXPECT_TRUE(regex.FullMatch(text, &memory, &again).ok());
  EXPECT_EQ(again, first) << pattern;  // the memory is reused
  return first;
}

TEST(Regex, MatchesWholeTexts) {
  struct {
    const char* pattern;
    std::vector<const char*> yes, no;
  } const cases[] = {
      {"", {""}, {"a"}},
      {"abc", {"abc"}, {"ab", "abcd", "xabc"}},
      {"a|bc|", {"a", "bc", ""}, {"b", "abc"}},
      {"a*b+c?", {"b", "aabbc"}, {"a", "bcc"}},
      {"(ab)*?", {"", "abab"}, {"aba"}},
      {"(a*)*", {"", "aaa"}, {"b"}},
      {"(?:a|b){2,3}", {"ab", "bba"}, {"a", "abab"}},
      {"a{2}", {"aa"}, {"a", "aaa"}},
      {"a{2,}", {"aa", "aaaa"}, {"a"}},
      {"a{0}b", {"b"}, {"ab"}},
      {"a{,2}", {"a{,2}"}, {"aa"}},
      {"x{a}", {"x{a}"}, {"x"}},
      {"[a-c-]+", {"a-c"}, {"d"}},
      {"[]a]+", {"]a"}, {"b"}},
      {"[^]a]", {"b", "\n"}, {"a", "]"}},
      {"[[:digit:]_]+", {"1_2"}, {"a"}},
      {"[[:^alpha:]]", {"1"}, {"a"}},
      {"\\d\\D\\s\\S\\w\\W", {"1a b_-"}, {"aa b_-"}},
      {"[\\d\\-x]+", {"1-x"}, {"y"}},
      {".", {"a", "\xC3\xA4", "\xF0\x9F\x98\x80"}, {"", "\n", "ab"}},
      {"(?s).", {"\n"}, {""}},
      {"(?i)stra\xC3\x9F"
       "e\xC3\x84",
       {"STRA\xC3\x9F"
        "E\xC3\xA4"},
       {"strasse"}},
      {"a(?i:b)c", {"abc", "aBc"}, {"Abc", "abC"}},
      {"a(?i)b", {"aB"}, {"Ab"}},
      {"(?i)[^a]", {"b"}, {"a", "A"}},
      {"^a$", {"a"}, {"a\n"}},
      {"a$b", {}, {"ab", "a\nb"}},
      {"(?m)a$\\n^b", {"a\nb"}, {"ab"}},
      {"\\bfoo\\b.*", {"foo", "foo bar"}, {"foobar"}},
      {"f\\Boo", {"foo"}, {}},
      {"\\Aa\\z", {"a"}, {"b"}},
      {"\\Qa.b*\\E+", {"a.b*", "a.b**"}, {"a.b", "a.b*+"}},
      {"\\x41\\x{1F600}\\101\\n\\.",
       {"A\xF0\x9F\x98\x80"
        "A\n."},
       {"A"}},
      {"(?P<year>\\d{4})-(\\d\\d)", {"2024-05"}, {"24-05"}},
      {"[\xC3\xA4-\xC3\xBC]", {"\xC3\xB6"}, {"o"}},
  };
  for (const auto& c : cases) {
    for (const char* text : c.yes)
      EXPECT_TRUE(Matches(c.pattern, text)) << c.pattern << " " << text;
    for (const char* text : c.no)
      EXPECT_FALSE(Matches(c.pattern, text)) << c.pattern << " " << text;
  }
  EXPECT_FALSE(Matches(".*", "a\xff"));
  EXPECT_TRUE(Matches("a.b", std::string_view("a\0b", 3)));
}

TEST(Regex, TakesLinearTime) {
  const std::string text(200, 'a');
  EXPECT_FALSE(Matches("(a*)*(a|aa)*(a?){50}b", text));
  EXPECT_TRUE(Matches("(a?){100}a{100}", text));
}

TEST(Regex, Refusals) {
  Regex regex;
  for (const char* pattern :
       {"(",   ")",     "a)",   "*",           "a**",       "a|*",    "[",
        "[a",  "[b-a]", "\\",   "(?z)",        "(?P<",      "a{3,2}", "a{1001}",
        "\\y", "\\1",   "\\x4", "\\x{110000}", "[[:foo:]]", "\xff"}) {
    EXPECT_REFUSED(Regex::Parse(pattern, &regex), MOSAIC_E_BAD_MODEL, "pattern: ");
  }
  EXPECT_REFUSED(Regex::Parse("\\pL", &regex), MOSAIC_E_UNSUPPORTED, "\\p is not supported");
  EXPECT_REFUSED(Regex::Parse("((a{1000}){1000}){1000}", &regex), MOSAIC_E_LIMIT, "states");
  EXPECT_REFUSED(Regex::Parse(std::string(300, '('), &regex), MOSAIC_E_LIMIT, "nested");
  // repetitions of nothing are nothing
  ASSERT_OK(Regex::Parse("(?:(?:(?:(?:(?:){1000}){1000}){1000}){1000}){1000}a", &regex));
  EXPECT_REFUSED(Regex::Parse(std::string(70000, 'a'), &regex), MOSAIC_E_LIMIT, "too long");
}

// Each text has steps of its own, however many are matched at a time.
TEST(RegexFullMatch, ManyTextsAreNotALongOne) {
  OpCall call("RegexFullMatch");
  const std::vector<std::string> texts(3000, std::string(800, 'x') + "needle");
  ASSERT_OK(call.String("pattern", ".*needle.*").Strings({3000}, texts).Run());
  EXPECT_THAT(call.values<Bool>(), testing::Each(true));
}

TEST(RegexFullMatch, OfArrays) {
  OpCall call("RegexFullMatch"), items("RegexFullMatch");
  ASSERT_OK(call.String("pattern", "www\\.[\\w.-]+\\.\\bcom\\b")
                .Strings({2}, {"www.google.com", "www.x.org"})
                .Run());
  EXPECT_THAT(call.values<Bool>(), ElementsAre(true, false));
  items.String("pattern", "a");
  EXPECT_INFERRED(items, "[N]", 0, ItemsFact({Dim::Symbol("N")}, 0, MOSAIC_STRING));
  EXPECT_REFUSED(OpCall("RegexFullMatch").String("pattern", "(").Strings({1}, {"a"}).Make(),
                 MOSAIC_E_BAD_MODEL, "not closed");
  EXPECT_REFUSED(OpCall("RegexFullMatch").Strings({1}, {"a"}).Make(), MOSAIC_E_BAD_MODEL,
                 "pattern is missing");
  EXPECT_REFUSED(OpCall("RegexFullMatch").String("pattern", "a").In({1}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "float32");
}

}  // namespace
}  // namespace mosaic
