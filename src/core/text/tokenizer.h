// A tokenizer: from text to the ids that a model takes, and back.
//
// It is made from what Hugging Face's tokenizers, BERT's and SentencePiece's trainers write, and gives the ids that
// those libraries give (docs/text.md). Immutable once made; encoding happens in an Encoder.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/text/added_tokens.h"
#include "core/text/decoder.h"
#include "core/text/model.h"
#include "core/text/normalizer.h"
#include "core/text/post_processor.h"
#include "core/text/pre_tokenizer.h"

namespace mosaic::text {

constexpr size_t kMaxTokenizerBytes = 64 * 1024 * 1024;
constexpr size_t kMaxDecodeIds = 1024 * 1024;

struct Tokenizer {
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::unique_ptr<const Model> model;
  AddedTokens added;
  PostProcessor post;
  std::optional<Truncation> truncation;
  Padding padding;
  Decoders decoders;
  bool has_decoder = false;
  std::unordered_set<int32_t> hidden;  // ids that stand for no text, whatever their token is

  // The text of ids; unknown ids are left out, special tokens where skip_special says so.
  Status Decode(const int32_t* ids, size_t n, bool skip_special, std::string* out) const;
  // Bytes that it takes, about.
  size_t bytes() const { return model->bytes() + added.bytes() + sizeof *this; }
};

// Which of the formats the bytes have is seen from their beginning.
Status ReadTokenizer(std::string_view bytes, Tokenizer* out);

Status ReadTokenizerJson(std::string_view bytes, Tokenizer* out);   // tokenizer.json
Status ReadVocabTxt(std::string_view bytes, Tokenizer* out);        // BERT's vocab.txt, a token a line
Status ReadSentencePiece(std::string_view bytes, Tokenizer* out);   // ModelProto

}  // namespace mosaic::text
