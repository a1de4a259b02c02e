// Equality with the reference implementations, on the tokenizers and texts of test/data/text.
#include "text/text_test_util.h"

#include "core/text/byte_letters.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

using nlohmann::json;

class TokenizerFileTest : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerFileTest, IdsAndTextAreTheReferences) {
  Tokenizer tokenizer;
  const Status status = ReadTokenizer(ReadTextData(GetParam()), &tokenizer);
  ASSERT_TRUE(status.ok()) << status.message();
  const json expected = ReadTextJson(std::string("expected/") + GetParam());
  const std::vector<std::string> texts = Texts();
  ASSERT_EQ(texts.size(), expected.size());
  // As much as there is at once, and as little at a time as there can be.
  for (const int64_t units : {kStepUnits, int64_t{1}}) {
    Encoder encoder(tokenizer);
    for (size_t i = 0; i < texts.size(); ++i) {
      std::vector<int32_t> ids;
      ASSERT_TRUE(Encode(&encoder, texts[i], {}, {}, units, &ids).ok());
      EXPECT_EQ(json(ids), expected[i][0]) << texts[i];
      std::string text;
      ASSERT_TRUE(tokenizer.Decode(ids.data(), ids.size(), true, &text).ok());
      EXPECT_EQ(text, expected[i][1].get<std::string>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, TokenizerFileTest, testing::Values("wordpiece.json", "byte_bpe.json", "llama_bpe.json", "unigram.json"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name.substr(0, name.find('.'));
                         });

class SentencePieceTest : public testing::TestWithParam<const char*> {};

TEST_P(SentencePieceTest, IdsAndTextAreTheReferences) {
  Tokenizer tokenizer;
  const Status status = ReadTokenizer(ReadTextData(std::string(GetParam()) + ".model"), &tokenizer);
  ASSERT_TRUE(status.ok()) << status.message();
  const json rows = ReadTextJson(std::string("expected/") + GetParam() + ".model.json");
  ASSERT_GT(rows.size(), 60u);
  for (const json& row : rows) {
    const std::vector<int32_t> ids = Ids(tokenizer, row[0].get<std::string>());
    EXPECT_EQ(json(ids), row[1]) << row[0];
    std::string text;
    ASSERT_TRUE(tokenizer.Decode(ids.data(), ids.size(), true, &text).ok());
    EXPECT_EQ(text, row[2].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(, SentencePieceTest, testing::Values("unigram", "bpe"),
                         [](const auto& info) { return std::string(info.param); });

TEST(ReferenceTest, VocabTxtIsTheTokenizerJsonOfBert) {
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(ReadTextData("vocab.txt"), &tokenizer).ok());
  EncodeOptions options;
  options.max_length = 64;
  const json expected = ReadTextJson("expected/wordpiece.json");
  const std::vector<std::string> texts = Texts();
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(json(Ids(tokenizer, texts[i], options)), expected[i][0]);
}

TEST(ReferenceTest, PairsAreTruncatedAndTyped) {
  Tokenizer tokenizer;
  ASSERT_TRUE(ReadTokenizer(ReadTextData("wordpiece.json"), &tokenizer).ok());
  const json expected = ReadTextJson("expected/pairs.json");
  const std::vector<std::string> texts = Texts();
  Encoder encoder(tokenizer);
  for (size_t i = 0; i < expected.size(); ++i) {
    std::vector<int32_t> ids;
    ASSERT_TRUE(Encode(&encoder, texts[2 * i], texts[2 * i + 1], {}, kStepUnits, &ids).ok());
    EXPECT_EQ(json(ids), expected[i][0]);
    EXPECT_EQ(json(encoder.result().type_ids), expected[i][1]);
  }
}

// The tokens are bytes, and bytes at the end of a word (reference.js, probe): so that ids tell the pieces.
json Probe(const std::string& kind, const json& part) {
  json vocab = json::object();
  for (int b = 0; b < 256; ++b) {
    std::string letter;
    AppendChar(kByteLetters.letter[b], &letter);
    vocab[letter] = b;
    vocab[letter + "|"] = 256 + b;
  }
  json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  json j = {{"normalizer", nullptr}, {"pre_tokenizer", bytes}};
  if (kind == "normalizers")
    j["normalizer"] = part;
  else
    j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {part, bytes}}};
  j["model"] = {{"type", "BPE"}, {"end_of_word_suffix", "|"}, {"vocab", vocab}, {"merges", json::array()}};
  return j;
}

TEST(ReferenceTest, EachNormalizerAndPreTokenizer) {
  const json parts = ReadTextJson("parts.json"), expected = ReadTextJson("expected/parts.json");
  const std::vector<std::string> texts = Texts();
  ASSERT_GT(expected.size(), 40u);
  for (const json& row : expected) {
    const std::string kind = row[0], name = row[1];
    Tokenizer tokenizer;
    const Status status = ReadTokenizer(Probe(kind, parts[kind][name]).dump(), &tokenizer);
    ASSERT_TRUE(status.ok()) << name << ": " << status.message();
    for (const int64_t units : {kStepUnits, int64_t{1}}) {
      Encoder encoder(tokenizer);
      for (size_t i = 0; i < row[2].size(); ++i) {
        std::vector<int32_t> ids;
        ASSERT_TRUE(Encode(&encoder, texts[i], {}, {}, units, &ids).ok());
        std::string pieces;
        for (const int32_t id : ids) {
          pieces.push_back(static_cast<char>(id & 255));
          if (id >= 256) pieces.push_back('|');
        }
        EXPECT_EQ(WithReplacements(pieces), row[2][i].get<std::string>()) << name << " of " << texts[i];
      }
    }
  }
}

}  // namespace
}  // namespace mosaic::text
