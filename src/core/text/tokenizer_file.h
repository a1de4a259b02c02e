// A tokenizer.json, read: the model's large lists in compact form, all else as a JSON value.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/vocabulary.h"
#include "core/util/status.h"

namespace mosaic::text {

struct TokenizerFile {
  nlohmann::json json;  // without model.vocab and model.merges
  bool has_vocab = false, has_scores = false, has_merges = false;
  Vocabulary vocabulary;  // finished
  std::vector<double> scores;  // of a vocabulary that is a list of [token, score]

  // Merges: their two parts, one after another in merge_text, and where these end.
  std::string merge_text;
  std::vector<uint32_t> merge_ends;
  size_t merges() const { return merge_ends.size() / 2; }
  std::string_view merge_part(size_t i) const {  // i < 2 * merges()
    const uint32_t begin = i == 0 ? 0 : merge_ends[i - 1];
    return std::string_view(merge_text).substr(begin, merge_ends[i] - begin);
  }
};

Status ParseTokenizerFile(std::string_view bytes, TokenizerFile* out);

}  // namespace mosaic::text
