// What becomes of the tokens of one text or two: cut to a length, and set among special tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/util/status.h"

namespace mosaic::text {

// ---- The template: special tokens and sequences, in order ----

struct TemplatePiece {
  enum Kind { kSpecial, kFirst, kSecond } kind = kFirst;
  std::vector<int32_t> ids;  // of kSpecial
  int32_t type_id = 0;
};
using Template = std::vector<TemplatePiece>;

struct PostProcessor {
  // What holds where a file has none.
  Template single{{TemplatePiece::kFirst, {}, 0}};
  Template pair{{TemplatePiece::kFirst, {}, 0}, {TemplatePiece::kSecond, {}, 1}};

  const Template& For(bool is_pair) const { return is_pair ? pair : single; }
  size_t added(bool is_pair) const;  // special tokens
};

// ---- Truncation ----

struct Truncation {
  enum Strategy { kLongestFirst, kOnlyFirst, kOnlySecond } strategy = kLongestFirst;
  bool left = false;  // cuts at the beginning
  int64_t max_length = 512;  // special tokens included
};

// Cuts a and b (nullptr: there is one text) to max_length together; tells whether anything was cut. From the
// right, a list of more than max_length tokens counts as one of max_length + 1.
Status Truncate(const Truncation& truncation, int64_t max_length, std::vector<int32_t>* a,
                std::vector<int32_t>* b, bool* truncated);

// ---- Padding, to the length that a model wants ----

struct Padding {
  bool left = false;
  int32_t id = 0, type_id = 0;
};

// The tokens as a model gets them.
struct Encoding {
  std::vector<int32_t> ids, type_ids;
  bool truncated = false;
};

void Apply(const Template& pieces, bool special_tokens, const std::vector<int32_t>& a,
           const std::vector<int32_t>& b, Encoding* out);

}  // namespace mosaic::text
