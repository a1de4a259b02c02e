#include "core/op/text/code_points.h"

namespace mosaic {

uint32_t DecodeUtf8(std::string_view text, size_t* bytes) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  *bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (first < 0x80) {
    *bytes = 1;
    return first;
  }
  if (*bytes == 0 || *bytes > text.size()) {
    *bytes = 0;
    return 0;
  }
  uint32_t code = first & (0x7fU >> *bytes);
  for (size_t i = 1; i < *bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      *bytes = 0;
      return 0;
    }
    code = code << 6 | (byte(i) & 0x3fU);
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[*bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) *bytes = 0;
  return code;
}

void EncodeUtf8(uint32_t code, std::string* out) {
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  out->push_back(static_cast<char>(lead[more] | code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) {
    out->push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3f)));
  }
}

}  // namespace mosaic
