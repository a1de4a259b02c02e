// UTF-8, inline. Texts are validated once, where they come in; from then on they are taken as valid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mosaic::text {

// Bytes of the character that starts with this byte.
inline size_t CharLength(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

// The character at s[*pos], which is moved behind it. REQUIRES: s is valid, *pos is a boundary before its end.
inline char32_t DecodeChar(std::string_view s, size_t* pos) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data()) + *pos;
  if (p[0] < 0x80) {
    *pos += 1;
    return p[0];
  }
  if (p[0] < 0xE0) {
    *pos += 2;
    return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
  }
  if (p[0] < 0xF0) {
    *pos += 3;
    return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
  }
  *pos += 4;
  return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

// The start of the character that ends before end. REQUIRES: end > 0 is a boundary of valid s.
inline size_t PreviousChar(std::string_view s, size_t end) {
  do --end;
  while ((static_cast<unsigned char>(s[end]) & 0xC0) == 0x80);
  return end;
}

inline void AppendChar(char32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    const char bytes[] = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    out->append(bytes, 2);
  } else if (c < 0x10000) {
    const char bytes[] = {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                          static_cast<char>(0x80 | (c & 0x3F))};
    out->append(bytes, 3);
  } else {
    const char bytes[] = {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
                          static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    out->append(bytes, 4);
  }
}

// Bytes from pos on that begin a valid character (no surrogates, no overlong forms); 0 where none does.
size_t ValidCharLength(std::string_view s, size_t pos);
bool ValidUtf8(std::string_view s);
// The text with U+FFFD for each maximal part that is not valid, as browsers and the reference decode.
std::string WithReplacements(std::string_view bytes);

}  // namespace mosaic::text
