// Normalisation: from the text of a piece to the text that is split and looked up.
//
// A tokenizer has a list of normalisers; each reads what the one before it has written. Normalisers
// are immutable and work in steps: where one stands is kept in a NormalizerCursor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/budget.h"
#include "core/text/regex.h"
#include "core/util/status.h"

namespace mosaic::text {

struct NormalizerCursor {
  size_t pos = 0;     // of the input: all before it has been consumed
  size_t begin = 0;   // what else a normaliser remembers
  int32_t state = 0;
  int32_t previous = 0;
  Regex::Walk walk;

  void Restart() {
    pos = begin = 0;
    state = previous = 0;
    walk.Restart();
  }
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Goes on with the input (valid UTF-8), appending to *out, until the input is consumed
  // (cursor->pos == in.size()) or the budget is spent. *out holds what was written for this input alone.
  virtual Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
                     Budget* budget) const = 0;
};

using Normalizers = std::vector<std::unique_ptr<const Normalizer>>;

// All of a short text (an added token, a character) at once, within a budget: normalisers may make more and more of it.
constexpr size_t kMaxNormalizedBytes = 64 * 1024;
Status Normalize(const Normalizers& normalizers, std::string_view in, std::string* out, Budget* budget);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };

struct BertOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;
};

std::unique_ptr<Normalizer> NewBertNormalizer(const BertOptions& options);
std::unique_ptr<Normalizer> NewUnicodeNormalizer(Form form);
std::unique_ptr<Normalizer> NewLowercase();
std::unique_ptr<Normalizer> NewStripAccents();
std::unique_ptr<Normalizer> NewNmt();  // SentencePiece's rules for controls and spaces
std::unique_ptr<Normalizer> NewStrip(bool left, bool right);
std::unique_ptr<Normalizer> NewPrepend(std::string prefix);
std::unique_ptr<Normalizer> NewByteMap();  // each byte becomes its letter (byte_letters.h)
// Every occurrence of a pattern, which is text or a regular expression, becomes content.
Status NewReplace(const std::string& pattern, bool regex, std::string content,
                  std::unique_ptr<Normalizer>* out);

}  // namespace mosaic::text
