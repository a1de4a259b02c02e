// A part of a text on its way to tokens: a range of a buffer, or a token that has been found already.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mosaic::text {

// Bytes of one text; so that places fit 32 bits and memory stays within what docs/text.md states.
constexpr size_t kMaxTextBytes = 16 * 1024 * 1024;

struct Piece {
  static constexpr int32_t kText = -1;
  static constexpr int32_t kTextAtStart = -2;  // the same, where the original text begins

  uint32_t begin = 0, end = 0;
  int32_t id = kText;  // of the token, or one of the above

  bool is_text() const { return id < 0; }
};

// A text and the pieces that it falls into, in order.
struct Pieces {
  std::string text;
  std::vector<Piece> list;

  void clear() {
    text.clear();
    list.clear();
  }
};

}  // namespace mosaic::text
