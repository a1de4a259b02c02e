// The letters that byte-level BPE writes for bytes: printable ones of Latin-1 for themselves, the others
// from U+0100 on (Radford et al., GPT-2).
#pragma once

#include <cstdint>

namespace mosaic::text {

constexpr bool IsOwnLetter(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
}

struct ByteLetters {
  char16_t letter[256];
  int16_t byte[0x144];  // of a letter; -1: of none

  constexpr ByteLetters() : letter(), byte() {
    for (int c = 0; c < 0x144; ++c) byte[c] = -1;
    int next = 0x100;
    for (int b = 0; b < 256; ++b) {
      letter[b] = static_cast<char16_t>(IsOwnLetter(b) ? b : next++);
      byte[letter[b]] = static_cast<int16_t>(b);
    }
  }
  constexpr int ByteOf(char32_t c) const { return c < 0x144 ? byte[c] : -1; }
};

inline constexpr ByteLetters kByteLetters;

}  // namespace mosaic::text
