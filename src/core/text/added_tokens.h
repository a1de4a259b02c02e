// Tokens that are found in the text before anything else: those that were added to a model's vocabulary.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/text/budget.h"
#include "core/text/byte_trie.h"
#include "core/text/model.h"
#include "core/text/normalizer.h"
#include "core/text/piece.h"
#include "core/util/status.h"

namespace mosaic::text {

struct AddedToken {
  std::string content;
  int64_t id = -1;  // as the file has it: of use only where neither the model nor another token has the content
  bool single_word = false;  // only where no letter adjoins
  bool lstrip = false, rstrip = false;  // takes the whitespace before, behind it
  bool normalized = true;  // matched, normalised, in the normalised text
  bool special = false;    // left out when ids become text
};

class AddedTokens {
 public:
  // Those with normalized are normalised by normalizers.
  Status Add(const std::vector<AddedToken>& tokens, const Model& model, const Normalizers& normalizers);

  // Splits a piece of text at the tokens that it contains: those that are matched in text as it comes in, or
  // those that are matched in normalised text. Goes on from *pos (at first piece.begin) until it is
  // piece.end or the budget is spent; *from is where the part that was not emitted yet begins.
  void Split(bool normalized, std::string_view text, const Piece& piece, size_t* pos, size_t* from,
             std::vector<Piece>* out, Budget* budget) const;

  bool any(bool normalized) const { return !tries_[normalized].trie.empty(); }
  int32_t Find(const std::string& content) const;  // kNone: none
  // What an id stands for when it is decoded; nullptr: no added token.
  const std::string* Decoded(int32_t id) const;
  bool special(std::string_view token) const { return specials_.count(std::string(token)) > 0; }
  size_t size() const { return by_id_.size(); }
  size_t bytes() const;

 private:
  struct Entry {
    AddedToken token;
    std::string normalized;  // the content that is matched
  };
  struct Matcher {
    ByteTrie trie;
    bool first[256] = {};  // bytes that a token begins with
  };
  void Build(bool normalized);

  std::unordered_map<std::string, int32_t> by_content_;
  std::unordered_map<int32_t, Entry> by_id_;
  std::unordered_set<std::string> specials_;
  Matcher tries_[2];
};

}  // namespace mosaic::text
