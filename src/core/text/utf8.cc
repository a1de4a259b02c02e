#include "core/text/utf8.h"

#include <algorithm>

namespace mosaic::text {
namespace {

// Of the second byte of a character that starts with first: the range that is valid (Unicode, table 3-7).
bool ValidSecond(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return (second & 0xC0) == 0x80;
  }
}

// Bytes at pos that are the start of a valid character, as far as they go; sets whether it is whole.
size_t WellFormed(std::string_view s, size_t pos, bool* whole) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data()) + pos;
  const size_t left = s.size() - pos;
  *whole = p[0] < 0x80;
  if (*whole) return 1;
  if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
  const size_t length = CharLength(p[0]);
  size_t n = 1;
  while (n < std::min(length, left) && (n == 1 ? ValidSecond(p[0], p[1]) : (p[n] & 0xC0) == 0x80)) ++n;
  *whole = n == length;
  return n;
}

}  // namespace

size_t ValidCharLength(std::string_view s, size_t pos) {
  bool whole;
  const size_t n = WellFormed(s, pos, &whole);
  return whole ? n : 0;
}

bool ValidUtf8(std::string_view s) {
  for (size_t pos = 0; pos < s.size();) {
    const size_t n = ValidCharLength(s, pos);
    if (n == 0) return false;
    pos += n;
  }
  return true;
}

std::string WithReplacements(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t pos = 0; pos < bytes.size();) {
    bool whole;
    const size_t n = WellFormed(bytes, pos, &whole);
    if (whole)
      out.append(bytes, pos, n);
    else
      AppendChar(0xFFFD, &out);
    pos += std::max<size_t>(n, 1);
  }
  return out;
}

}  // namespace mosaic::text
