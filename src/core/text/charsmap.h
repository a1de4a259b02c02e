// The rules of normalisation that a SentencePiece model brings along (precompiled_charsmap): a
// double-array trie (Darts) from strings to replacements. Untrusted: each step in it is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/util/status.h"

namespace mosaic::text {

class Charsmap {
 public:
  // bytes: length of the trie in bytes (uint32, little endian), the trie, the replacements, each ended by a 0 byte.
  static Status Parse(std::string_view bytes, Charsmap* out);
  bool empty() const { return units_.empty(); }

  // Of the strings that key begins with, the shortest or the longest that has a rule. False: none.
  // *replacement points into this. *looked_at: how much of key was read; a hostile trie has a string of any length.
  // REQUIRES: key is valid UTF-8 (so is what is behind the *length bytes).
  bool Find(std::string_view key, bool longest, size_t* length, std::string_view* replacement,
            size_t* looked_at = nullptr) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;
};

// Decodes base64 (RFC 4648, padded), as JSON holds a charsmap. False: it is not valid.
bool DecodeBase64(std::string_view in, std::string* out);

}  // namespace mosaic::text
