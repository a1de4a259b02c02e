// Turning a sequence of matches and of what is between them into pieces, as a Behavior says.
#pragma once

#include "core/text/pre_tokenizer.h"

namespace mosaic::text {

class Splitter {
 public:
  Splitter(const Piece& piece, Behavior behavior, bool invert, SplitCursor* cursor, Pieces* out)
      : piece_(piece), behavior_(behavior), invert_(invert), cursor_(cursor), out_(out) {}

  // The next match, [begin, end) of the text; what is between the last one and it is a part as well.
  void Match(size_t begin, size_t end) {
    if (cursor_->match_end < begin) Part(cursor_->match_end, begin, false);
    Part(begin, end, true);
    cursor_->match_end = end;
  }

  // There is no further match.
  void Finish() {
    if (cursor_->match_end < piece_.end) Part(cursor_->match_end, piece_.end, false);
    if (cursor_->pending) Emit(cursor_->pending_begin, cursor_->pending_end);
    cursor_->pending = false;
    cursor_->done = true;
  }

 private:
  void Part(size_t begin, size_t end, bool match);
  void Emit(size_t begin, size_t end) {
    if (begin == end) return;
    const bool at_start = piece_.id == Piece::kTextAtStart && begin == piece_.begin;
    out_->list.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                          at_start ? Piece::kTextAtStart : Piece::kText});
  }
  void Hold(size_t begin, size_t end) {
    if (cursor_->pending) Emit(cursor_->pending_begin, cursor_->pending_end);
    cursor_->pending = true;
    cursor_->pending_begin = begin;
    cursor_->pending_end = end;
  }

  const Piece& piece_;
  const Behavior behavior_;
  const bool invert_;
  SplitCursor* const cursor_;
  Pieces* const out_;
};

}  // namespace mosaic::text
