// Hostile files and texts, limits, truncation, batches.
#include "text/text_test_util.h"

#include <cstring>
#include <ctime>

#include "core/text/charsmap.h"
#include "core/text/regex.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

using nlohmann::json;

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

Status Read(const std::string& bytes) {
  Tokenizer tokenizer;
  return ReadTokenizer(bytes, &tokenizer);
}

json WordLevel() {
  return {{"model", {{"type", "WordLevel"}, {"vocab", {{"a", 0}, {"[UNK]", 1}, {"b", 7}}}, {"unk_token", "[UNK]"}}},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}}};
}

TEST(TokenizerTest, FilesThatAreNone) {
  EXPECT_EQ(Read("").code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Read("{").code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Read("{}").code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Read("a\nb\n").code(), MOSAIC_E_BAD_MODEL);  // no [CLS]
  EXPECT_EQ(Read(std::string("PK\0\3", 4)).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Read("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 1}}}").code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(Read(std::string(200, '[').insert(0, "{\"a\":")).code(), MOSAIC_E_LIMIT);
  EXPECT_EQ(Read("\n\x04\n\x02").code(), MOSAIC_E_BAD_MODEL);  // a SentencePiece model that ends early
  EXPECT_EQ(Read(std::string("\n\xff\n", 3) + "abc").code(), MOSAIC_E_BAD_MODEL);
}

TEST(TokenizerTest, PartsThatAreWrong) {
  const auto with = [](const char* name, const json& part) {
    json j = WordLevel();
    j[name] = part;
    return Read(j.dump());
  };
  EXPECT_EQ(with("normalizer", {{"type", "Telepathy"}}).code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(with("pre_tokenizer", {{"type", "UnicodeScripts"}}).code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(with("decoder", {{"type", 3}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("post_processor", {{"type", "TemplateProcessing"}, {"single", {{{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}}}},
                                    {"pair", json::array()}, {"special_tokens", json::object()}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("model", {{"type", "WordLevel"}, {"vocab", {{"a", -1}}}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", {"a b"}}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("model", {{"type", "BPE"}, {"vocab", {{"a", 0}}}, {"merges", json::array()}, {"dropout", 0.1}}).code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(with("model", {{"type", "Unigram"}, {"unk_id", 5}, {"vocab", {{"a", 0.5}}}}).code(), MOSAIC_E_BAD_MODEL);
  EXPECT_EQ(with("model", {{"type", "WordLevel"}, {"vocab", {{std::string(kMaxTokenBytes + 1, 'a'), 1}}}}).code(), MOSAIC_E_LIMIT);
  json word_piece = {{"type", "WordPiece"}, {"vocab", {{"[UNK]", 0}}}, {"max_input_chars_per_word", 1000}};
  EXPECT_TRUE(with("model", word_piece).ok());
  word_piece["max_input_chars_per_word"] = 1001;
  EXPECT_EQ(with("model", word_piece).code(), MOSAIC_E_LIMIT);
  EXPECT_TRUE(with("model", WordLevel()["model"]).ok());
}

TEST(TokenizerTest, IdsMayHaveGaps) {
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(WordLevel().dump(), &tokenizer).ok());
  EXPECT_EQ(Ids(tokenizer, "b a x"), (std::vector<int32_t>{7, 0, 1}));
  std::string text;
  const int32_t ids[] = {7, 3, 2000000000, -5, 0};
  ASSERT_TRUE(tokenizer.Decode(ids, 5, true, &text).ok());
  EXPECT_EQ(text, "b a");
}

TEST(TokenizerTest, TextsThatAreNotUtf8AreRefused) {
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(WordLevel().dump(), &tokenizer).ok());
  Encoder encoder(tokenizer);
  std::vector<int32_t> ids;
  for (const char* text : {"a\xED\xA0\x80", "\xC0\x80", "a\xF4\x90\x80\x80", "\xE4\xB8", "\xFF"})
    EXPECT_EQ(Encode(&encoder, text, {}, {}, kStepUnits, &ids).code(), MOSAIC_E_INVALID);
  const std::string long_text(kMaxTextBytes + 1, 'a');
  EXPECT_EQ(encoder.Start(long_text, {}, {}).code(), MOSAIC_E_LIMIT);
  ASSERT_TRUE(Encode(&encoder, "a", {}, {}, kStepUnits, &ids).ok());  // and it can be used again
  EXPECT_EQ(ids, std::vector<int32_t>{0});
}

TEST(TokenizerTest, LongWordsAreNotQuadratic) {
  for (const char* name : {"wordpiece.json", "byte_bpe.json", "llama_bpe.json", "unigram.json", "unigram.model", "bpe.model"}) {
    Tokenizer tokenizer;
    ASSERT_TRUE(ReadTokenizer(ReadTextData(name), &tokenizer).ok());
    std::string letters, marks = "e";
    uint32_t seed = 1;
    while (letters.size() < 300000) letters.push_back(static_cast<char>('a' + (seed = seed * 1664525 + 1013904223) % 26));
    while (marks.size() < 300000) marks += "\u0301\u0323";
    for (const std::string& text : {std::string(300000, 'a'), letters, std::string(300000, ' '), std::string(300000, '\n'), marks}) {
      Encoder encoder(tokenizer);
      std::vector<int32_t> ids;
      const double start = CpuSeconds();
      ASSERT_TRUE(Encode(&encoder, text, {}, {}, kStepUnits, &ids).ok());
      EXPECT_LT(CpuSeconds() - start, 10) << name << ": a quadratic one takes minutes";
    }
  }
}

TEST(TokenizerTest, ReplacementsDoNotExplode) {
  json j = WordLevel();
  j["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(100000, 'b')}};
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(j.dump(), &tokenizer).ok());
  Encoder encoder(tokenizer);
  std::vector<int32_t> ids;
  EXPECT_EQ(Encode(&encoder, std::string(100000, 'a'), {}, {}, kStepUnits, &ids).code(), MOSAIC_E_LIMIT);
}

TEST(TokenizerTest, TruncationStopsEarlyAndKeepsTheEnds) {
  json j = WordLevel();
  j["truncation"] = {{"direction", "Left"}, {"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}};
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(j.dump(), &tokenizer).ok());
  EXPECT_EQ(Ids(tokenizer, "a a b b a"), (std::vector<int32_t>{7, 7, 0}));
  EncodeOptions options;
  options.truncate = false;
  EXPECT_EQ(Ids(tokenizer, "a a b b a", options).size(), 5u);
  j["truncation"]["direction"] = "Right";
  j["truncation"]["strategy"] = "OnlySecond";
  Tokenizer second;
  ASSERT_TRUE(ReadTokenizer(j.dump(), &second).ok());
  Encoder encoder(second);
  std::vector<int32_t> ids;
  EXPECT_EQ(Encode(&encoder, "a a a a", {}, {}, kStepUnits, &ids).code(), MOSAIC_E_INVALID);
  ASSERT_TRUE(Encode(&encoder, "a", "b b b b", {}, kStepUnits, &ids).ok());
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 7, 7}));
  EXPECT_TRUE(encoder.result().truncated);
}

TEST(RegexTest, WhatPcre2ReadsOtherwiseIsTranslatedOrRefused) {
  std::unique_ptr<Regex> regex;
  for (const char* pattern : {"[a&&[^b]]", "[a[b]]", "\\p{N}{1,3}+", "a\\Kb", "(?<n>a)\\k<n>", "[\\W]"})
    EXPECT_EQ(Regex::Compile(pattern, &regex).code(), MOSAIC_E_UNSUPPORTED) << pattern;
  // U+180E is a space to PCRE2 alone; \h is a digit of base 16 to Oniguruma.
  ASSERT_TRUE(Regex::Compile("\\s|\\h", &regex).ok());
  Regex::Walk walk;
  Budget budget;
  size_t begin, end;
  Regex::Found found;
  ASSERT_TRUE(regex->Next("\u180E\tz", &walk, &begin, &end, &found, &budget).ok());
  EXPECT_EQ(begin, 3u);
}

TEST(RegexTest, BacktrackingIsBounded) {
  std::unique_ptr<Regex> regex;
  ASSERT_TRUE(Regex::Compile("(a|aa)+$", &regex).ok());
  Regex::Walk walk;
  size_t begin, end;
  Regex::Found found = Regex::Found::kMore;
  Status status;
  const double start = CpuSeconds();
  while (status.ok() && found == Regex::Found::kMore) {
    Budget budget;
    status = regex->Next(std::string(5000, 'a') + "!", &walk, &begin, &end, &found, &budget);
  }
  EXPECT_EQ(status.code(), MOSAIC_E_LIMIT);
  EXPECT_LT(CpuSeconds() - start, 20);
}

TEST(RegexTest, AMatchOfManyStepsHasAStepOfItsOwn) {
  std::unique_ptr<Regex> regex;
  ASSERT_TRUE(Regex::Compile("(?:a?){16}a{16}b|a", &regex).ok());
  Regex::Walk walk;
  const std::string text(64, 'a');
  size_t begin, end, steps = 0;
  Regex::Found found = Regex::Found::kMore;
  while (found != Regex::Found::kNone) {
    Budget budget;
    ASSERT_TRUE(regex->Next(text, &walk, &begin, &end, &found, &budget).ok());
    steps += budget.spent();
  }
  EXPECT_GT(steps, 10u);
}

TEST(TokenizerTest, DecodingIsBounded) {
  json j = WordLevel();
  json decoders = json::array();
  for (int i = 0; i < 40; ++i)
    decoders.push_back({{"type", "Replace"}, {"pattern", {{"Regex", "(?:a?){16}a{16}b"}}}, {"content", ""}});
  j["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  j["model"]["vocab"][std::string(4000, 'a')] = 5;
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(j.dump(), &tokenizer).ok());
  std::string text;
  const std::vector<int32_t> ids(10000, 5);
  EXPECT_EQ(tokenizer.Decode(ids.data(), ids.size(), true, &text).code(), MOSAIC_E_LIMIT);
}

TEST(CharsmapTest, DamagedTriesAreSurvived) {
  uint32_t seed = 7;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes("\x40\0\0\0", 4);
    for (int i = 0; i < 64 + 20; ++i) bytes.push_back(static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24));
    for (int i = 68; i < 88; ++i) bytes[static_cast<size_t>(i)] &= 0x3F;
    Charsmap charsmap;
    ASSERT_TRUE(Charsmap::Parse(bytes, &charsmap).ok());
    size_t length;
    std::string_view replacement;
    for (int c = 0; c < 256; ++c) {
      if (!charsmap.Find(std::string{static_cast<char>(c), 'a', '\x80'}, true, &length, &replacement)) continue;
      EXPECT_LE(replacement.size(), 20u);
    }
  }
  Charsmap charsmap;
  EXPECT_EQ(Charsmap::Parse(std::string("\xff\xff\xff\xff", 4), &charsmap).code(), MOSAIC_E_BAD_MODEL);
}

// ---- SentencePiece models whose charsmap is hostile ----

std::string Delimited(int field, const std::string& bytes) {
  std::string out(1, static_cast<char>(field << 3 | 2));
  size_t n = bytes.size();
  for (; n >= 0x80; n >>= 7) out.push_back(static_cast<char>((n & 0x7F) | 0x80));
  out.push_back(static_cast<char>(n));
  return out + bytes;
}

std::string SentencePieceOf(const std::vector<uint32_t>& units, const std::string& replacements) {
  std::string charsmap(4 + units.size() * 4, '\0');
  const auto size = static_cast<uint32_t>(units.size() * 4);
  std::memcpy(charsmap.data(), &size, 4);
  std::memcpy(charsmap.data() + 4, units.data(), size);
  const std::string no_prefix("\x18\0\x20\0", 4);  // nor are spaces removed
  return Delimited(1, Delimited(1, "<unk>") + std::string("\x18\x02", 2)) + Delimited(1, Delimited(1, "a")) +
         Delimited(3, Delimited(2, charsmap + replacements) + no_prefix);
}

constexpr uint32_t kLeaf = 1u << 8;
uint32_t Unit(uint32_t offset, uint32_t label) { return offset << 10 | label; }

TEST(CharsmapTest, RulesForPartsOfCharactersAreNone) {
  std::vector<uint32_t> units(512);
  units[0xC3] = Unit(0xC3 ^ 0x100, 0xC3) | kLeaf;  // the first byte of U+00E9 would become x
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(SentencePieceOf(units, std::string("x\0", 2)), &tokenizer).ok());
  EXPECT_EQ(Ids(tokenizer, "a\u00E9"), (std::vector<int32_t>{1, 0}));
}

TEST(CharsmapTest, StringsWithoutEndAreCountedAsWork) {
  std::vector<uint32_t> units(512);
  units['a'] = Unit('a', 'a');  // leads back to the root
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(SentencePieceOf(units, std::string("x\0", 2)), &tokenizer).ok());
  const std::string text(2'000'000, 'a');
  Encoder encoder(tokenizer);
  ASSERT_TRUE(encoder.Start(text, {}, {}).ok());
  for (int i = 0; i < 50; ++i) {
    Budget budget;
    bool done;
    const double start = CpuSeconds();
    ASSERT_TRUE(encoder.Step(&budget, &done).ok());
    EXPECT_LT(CpuSeconds() - start, 2) << "a step that looks ahead from each place takes minutes";
  }
}

TEST(TokenizerTest, AddedTokensDoNotExplodeWhenNormalised) {
  json j = WordLevel();
  json doubling = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
  j["normalizer"] = {{"type", "Sequence"}, {"normalizers", json(std::vector<json>(24, doubling))}};
  j["added_tokens"] = {{{"id", 9}, {"content", "a"}, {"special", false}, {"normalized", true}}};
  EXPECT_EQ(Read(j.dump()).code(), MOSAIC_E_LIMIT);  // 16 MB here, 2^256 with the most normalisers
  // What begins a text is normalised by itself, too.
  j.erase("added_tokens");
  j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(j.dump(), &tokenizer).ok());
  Encoder encoder(tokenizer);
  std::vector<int32_t> ids;
  EXPECT_EQ(Encode(&encoder, "a", {}, {}, kStepUnits, &ids).code(), MOSAIC_E_LIMIT);
}

TEST(Utf8Test, ReplacementsAreThoseOfTheStandard) {
  EXPECT_EQ(WithReplacements("a\xF1\x80\x80\xE1\x80\xC2" "b"), "a\uFFFD\uFFFD\uFFFDb");  // Unicode, table 3-8
  EXPECT_EQ(WithReplacements("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
}

}  // namespace
}  // namespace mosaic::text
