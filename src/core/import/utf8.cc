#include "core/import/utf8.h"

#include <algorithm>
#include <cstdint>

namespace mosaic {

bool IsAscii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool IsText(std::string_view s) {
  for (size_t i = 0; i < s.size();) {
    const uint8_t lead = static_cast<uint8_t>(s[i]);
    const size_t len = lead < 0x80   ? 1
                       : lead < 0xc2 ? 0
                       : lead < 0xe0 ? 2
                       : lead < 0xf0 ? 3
                       : lead < 0xf5 ? 4
                                     : 0;
    if (lead == 0 || len == 0 || len > s.size() - i) return false;
    // The second byte's range rules out overlong forms, surrogates and what is beyond U+10FFFF.
    uint8_t low = 0x80, high = 0xbf;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    for (size_t k = 1; k < len; ++k) {
      const uint8_t c = static_cast<uint8_t>(s[i + k]);
      if (c < low || c > high) return false;
      low = 0x80;
      high = 0xbf;
    }
    i += len;
  }
  return true;
}

}  // namespace mosaic
