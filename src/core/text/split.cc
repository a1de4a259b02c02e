#include "core/text/split.h"

#include <algorithm>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {

void Splitter::Part(size_t begin, size_t end, bool match) {
  match = match != invert_;
  switch (behavior_) {
    case Behavior::kIsolated:
      Emit(begin, end);
      break;
    case Behavior::kRemoved:
      if (!match) Emit(begin, end);
      break;
    case Behavior::kContiguous:
      if (cursor_->pending && match == cursor_->previous_match)
        cursor_->pending_end = end;
      else
        Hold(begin, end);
      break;
    case Behavior::kMergedWithPrevious:
      if (match && !cursor_->previous_match && cursor_->pending)
        cursor_->pending_end = end;
      else
        Hold(begin, end);
      break;
    case Behavior::kMergedWithNext:
      // A match waits for what follows it; it is alone where that is a match too.
      if (cursor_->pending && !match) {
        cursor_->pending = false;
        Emit(cursor_->pending_begin, end);
      } else if (match) {
        Hold(begin, end);
      } else {
        Emit(begin, end);
      }
      break;
  }
  cursor_->previous_match = match;
}

namespace {

bool InClass(CharClass k, char32_t c) {
  switch (k) {
    case CharClass::kWhitespace: return IsWhitespace(c);
    case CharClass::kPunctuation: return IsPunctuation(c);
    case CharClass::kNumeric: return IsNumeric(c);
  }
  return false;
}

class ClassSplit : public PreTokenizer {
 public:
  ClassSplit(CharClass matches, Behavior behavior) : matches_(matches), behavior_(behavior) {}

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    Splitter splitter(piece, behavior_, false, cursor, out);
    if (!cursor->begun) cursor->match_end = cursor->pos = piece.begin;
    cursor->begun = true;
    size_t pos = cursor->pos;
    const size_t pieces = out->list.size();
    const size_t first = pos, limit = std::min<size_t>(piece.end, first + static_cast<size_t>(kStepUnits) / 4);
    while (pos < limit) {
      const size_t begin = pos;
      if (InClass(matches_, DecodeChar(text, &pos))) splitter.Match(begin, pos);
    }
    budget->Use(static_cast<int64_t>(pos - first) + 8 * static_cast<int64_t>(out->list.size() - pieces) + 4);
    cursor->pos = pos;
    if (pos == piece.end) splitter.Finish();
    return Status();
  }

 private:
  const CharClass matches_;
  const Behavior behavior_;
};

// Whitespace removed, each punctuation mark a piece of its own.
class BertSplit : public PreTokenizer {
 public:
  BertSplit() {
    for (char32_t c = 0; c < 128; ++c) ascii_[c] = IsWhitespace(c) ? kSpace : IsPunctuation(c) ? kMark : kWord;
  }

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    if (!cursor->begun) cursor->match_end = cursor->pos = piece.begin;
    cursor->begun = true;
    size_t pos = cursor->pos, word = cursor->match_end;
    const size_t pieces = out->list.size();
    const size_t first = pos, limit = std::min<size_t>(piece.end, first + static_cast<size_t>(kStepUnits) / 4);
    while (pos < limit) {
      const size_t begin = pos;
      const auto byte = static_cast<unsigned char>(text[pos]);
      Kind kind;
      if (byte < 0x80) {
        kind = ascii_[byte];
        ++pos;
      } else {
        const char32_t c = DecodeChar(text, &pos);
        kind = IsWhitespace(c) ? kSpace : IsPunctuation(c) ? kMark : kWord;
      }
      if (kind == kWord) continue;
      Emit(piece, word, begin, out);
      if (kind == kMark) Emit(piece, begin, pos, out);
      word = pos;
    }
    budget->Use(static_cast<int64_t>(pos - first) + 8 * static_cast<int64_t>(out->list.size() - pieces) + 4);
    cursor->pos = pos;
    cursor->match_end = word;
    if (pos == piece.end) {
      Emit(piece, word, pos, out);
      cursor->done = true;
    }
    return Status();
  }

 private:
  enum Kind : unsigned char { kWord, kSpace, kMark };
  static void Emit(const Piece& piece, size_t begin, size_t end, Pieces* out) {
    if (begin == end) return;
    const bool at_start = piece.id == Piece::kTextAtStart && begin == piece.begin;
    out->list.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                         at_start ? Piece::kTextAtStart : Piece::kText});
  }
  Kind ascii_[128];
};

class TextSplit : public PreTokenizer {
 public:
  TextSplit(std::string pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    Splitter splitter(piece, behavior_, invert_, cursor, out);
    if (!cursor->begun) cursor->match_end = cursor->pos = piece.begin;
    cursor->begun = true;
    const std::string_view in = text.substr(0, piece.end);
    while (!budget->spent()) {
      const size_t found = in.find(pattern_, cursor->pos);
      const size_t end = found == std::string_view::npos ? in.size() : found + pattern_.size();
      budget->Use(static_cast<int64_t>(end - cursor->pos) / 4 + 4);
      if (found == std::string_view::npos) {
        splitter.Finish();
        return Status();
      }
      splitter.Match(found, end);
      cursor->pos = end;
    }
    return Status();
  }

 private:
  const std::string pattern_;
  const Behavior behavior_;
  const bool invert_;
};

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(std::unique_ptr<Regex> pattern, Behavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    Splitter splitter(piece, behavior_, invert_, cursor, out);
    if (!cursor->begun) cursor->match_end = piece.begin;
    cursor->begun = true;
    const std::string_view in = text.substr(piece.begin, piece.end - piece.begin);
    Regex::Found found = Regex::Found::kMatch;
    size_t begin, end;
    while (found == Regex::Found::kMatch) {
      MOSAIC_RETURN_IF_ERROR(pattern_->Next(in, &cursor->walk, &begin, &end, &found, budget));
      if (found == Regex::Found::kMatch) splitter.Match(piece.begin + begin, piece.begin + end);
    }
    if (found == Regex::Found::kNone) splitter.Finish();
    return Status();
  }

 private:
  const std::unique_ptr<const Regex> pattern_;
  const Behavior behavior_;
  const bool invert_;
};

class FixedLength : public PreTokenizer {
 public:
  explicit FixedLength(size_t characters) : characters_(characters) {}

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    Splitter splitter(piece, Behavior::kIsolated, false, cursor, out);
    if (!cursor->begun) cursor->pos = cursor->match_end = piece.begin;
    cursor->begun = true;
    while (cursor->pos < piece.end && !budget->spent()) {
      const size_t begin = cursor->pos;
      for (size_t i = 0; i < characters_ && cursor->pos < piece.end; ++i)
        cursor->pos += CharLength(static_cast<unsigned char>(text[cursor->pos]));
      splitter.Match(begin, cursor->pos);
      budget->Use(static_cast<int64_t>(cursor->pos - begin) + 4);
    }
    if (cursor->pos == piece.end) splitter.Finish();
    return Status();
  }

 private:
  const size_t characters_;
};

}  // namespace

std::unique_ptr<PreTokenizer> NewBertSplit() { return std::make_unique<BertSplit>(); }
std::unique_ptr<PreTokenizer> NewClassSplit(CharClass matches, Behavior behavior) {
  return std::make_unique<ClassSplit>(matches, behavior);
}
std::unique_ptr<PreTokenizer> NewTextSplit(std::string pattern, Behavior behavior, bool invert) {
  return std::make_unique<TextSplit>(std::move(pattern), behavior, invert);
}
std::unique_ptr<PreTokenizer> NewRegexSplit(std::unique_ptr<Regex> pattern, Behavior behavior, bool invert) {
  return std::make_unique<RegexSplit>(std::move(pattern), behavior, invert);
}
std::unique_ptr<PreTokenizer> NewFixedLength(size_t characters) {
  return std::make_unique<FixedLength>(characters);
}

}  // namespace mosaic::text
