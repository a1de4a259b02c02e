// The tokens <0x00> to <0xFF>, that stand for the bytes of what a vocabulary has not.
#pragma once

#include <array>
#include <string_view>

#include "core/text/vocabulary.h"

namespace mosaic::text {

class ByteTokens {
 public:
  explicit ByteTokens(const Vocabulary& vocabulary) {
    static constexpr char kDigits[] = "0123456789ABCDEF";
    for (size_t b = 0; b < 256; ++b) {
      const char token[] = {'<', '0', 'x', kDigits[b >> 4], kDigits[b & 15], '>'};
      ids_[b] = vocabulary.Find(std::string_view(token, sizeof token));
    }
  }

  // Whether each byte of the text has a token.
  bool Has(std::string_view text) const {
    for (const char c : text)
      if (id(c) == Vocabulary::kNone) return false;
    return true;
  }
  int32_t id(char c) const { return ids_[static_cast<unsigned char>(c)]; }

 private:
  std::array<int32_t, 256> ids_;
};

}  // namespace mosaic::text
