// Normalisers that look at one character at a time, or at the ends of a text.
#include <algorithm>

#include "core/text/byte_letters.h"
#include "core/text/normalizer.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// F(c, out) appends what becomes of a character.
template <typename F>
class PerCharacter : public Normalizer {
 public:
  explicit PerCharacter(F f) : f_(f) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    const size_t first = pos, limit = std::min(in.size(), first + static_cast<size_t>(kStepUnits));
    while (pos < limit) {
      const char32_t c = DecodeChar(in, &pos);
      f_(c, out);
    }
    budget->Use(static_cast<int64_t>(pos - first));
    cursor->pos = pos;
    return Status();
  }

 private:
  const F f_;
};

template <typename F>
std::unique_ptr<Normalizer> NewPerCharacter(F f) {
  return std::make_unique<PerCharacter<F>>(f);
}

void AppendNmt(char32_t c, std::string* out) {
  if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) return;
  const bool space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 ||
                     (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                     c == 0xFEFF || c == 0xFFFD;
  AppendChar(space ? U' ' : c, out);
}

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    const size_t first = pos, limit = std::min(in.size(), first + static_cast<size_t>(kStepUnits));
    if (left_ && out->empty()) {
      size_t next = pos;
      while (pos < limit && IsWhitespace(DecodeChar(in, &next))) pos = next;
    }
    size_t end = pos < limit ? limit : pos;
    while (end < in.size() && (static_cast<unsigned char>(in[end]) & 0xC0) == 0x80) ++end;
    out->append(in, pos, end - pos);
    budget->Use(static_cast<int64_t>(end - first));
    cursor->pos = end;
    if (right_ && end == in.size()) {
      while (!out->empty()) {
        size_t last = PreviousChar(*out, out->size());
        const size_t cut = last;
        if (!IsWhitespace(DecodeChar(*out, &last))) break;
        out->resize(cut);
      }
    }
    return Status();
  }

 private:
  const bool left_, right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    if (!in.empty()) *out += prefix_;
    *out += in;
    budget->Use(static_cast<int64_t>(in.size() / 16 + 1));
    cursor->pos = in.size();
    return Status();
  }

 private:
  const std::string prefix_;
};

class ReplaceText : public Normalizer {
 public:
  ReplaceText(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    while (pos < in.size() && !budget->spent()) {
      const size_t found = std::min(in.find(pattern_, pos), in.size());
      out->append(in, pos, found - pos);
      budget->Use(static_cast<int64_t>(found - pos) / 4 + 1);
      pos = found;
      if (found == in.size()) break;
      *out += content_;
      budget->Use(static_cast<int64_t>(content_.size()));
      pos += pattern_.size();
    }
    cursor->pos = pos;
    return Status();
  }

 private:
  const std::string pattern_, content_;
};

class ReplaceRegex : public Normalizer {
 public:
  ReplaceRegex(std::unique_ptr<Regex> regex, std::string content)
      : regex_(std::move(regex)), content_(std::move(content)) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t begin = 0, end = 0;
    Regex::Found found = Regex::Found::kMatch;
    while (found == Regex::Found::kMatch) {
      MOSAIC_RETURN_IF_ERROR(regex_->Next(in, &cursor->walk, &begin, &end, &found, budget));
      if (found == Regex::Found::kMore) return Status();
      if (found == Regex::Found::kNone) begin = end = in.size();
      out->append(in, cursor->begin, begin - cursor->begin);
      if (found == Regex::Found::kMatch) *out += content_;
      budget->Use(static_cast<int64_t>(content_.size()));
      cursor->begin = end;
    }
    cursor->pos = in.size();
    return Status();
  }

 private:
  const std::unique_ptr<const Regex> regex_;
  const std::string content_;
};

}  // namespace

Status Normalize(const Normalizers& normalizers, std::string_view in, std::string* out, Budget* budget) {
  out->assign(in);
  for (const auto& normalizer : normalizers) {
    const std::string before = std::move(*out);
    out->clear();
    NormalizerCursor cursor;
    while (cursor.pos < before.size()) {
      if (budget->spent()) return Status::Limit("the tokenizer's normalizers take too long on a short text");
      MOSAIC_RETURN_IF_ERROR(normalizer->Run(before, &cursor, out, budget));
      if (out->size() > kMaxNormalizedBytes)
        return Status::Limit("the tokenizer's normalizers make more than " + std::to_string(kMaxNormalizedBytes) +
                             " bytes of a short text");
    }
  }
  return Status();
}

std::unique_ptr<Normalizer> NewLowercase() {
  return NewPerCharacter([](char32_t c, std::string* out) {
    ForLower(c, [&](char32_t lower) { AppendChar(lower, out); });
  });
}

std::unique_ptr<Normalizer> NewStripAccents() {
  return NewPerCharacter([](char32_t c, std::string* out) {
    if (!IsMark(c)) AppendChar(c, out);
  });
}

std::unique_ptr<Normalizer> NewNmt() { return NewPerCharacter(AppendNmt); }

std::unique_ptr<Normalizer> NewByteMap() {
  return NewPerCharacter([](char32_t c, std::string* out) {
    std::string bytes;
    AppendChar(c, &bytes);
    for (const char b : bytes) AppendChar(kByteLetters.letter[static_cast<unsigned char>(b)], out);
  });
}

std::unique_ptr<Normalizer> NewStrip(bool left, bool right) { return std::make_unique<Strip>(left, right); }

std::unique_ptr<Normalizer> NewPrepend(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}

Status NewReplace(const std::string& pattern, bool regex, std::string content,
                  std::unique_ptr<Normalizer>* out) {
  if (pattern.empty()) return Status::Unsupported("a pattern to be replaced is empty");
  if (regex) {
    std::unique_ptr<Regex> compiled;
    MOSAIC_RETURN_IF_ERROR(Regex::Compile(pattern, &compiled));
    *out = std::make_unique<ReplaceRegex>(std::move(compiled), std::move(content));
  } else {
    *out = std::make_unique<ReplaceText>(pattern, std::move(content));
  }
  return Status();
}

}  // namespace mosaic::text
