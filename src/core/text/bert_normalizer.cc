// BERT's normalisation in one pass: controls removed, spaces made ' ', Chinese characters set apart,
// accents stripped, lower case.
#include <algorithm>
#include <array>

#include "core/text/normalizer.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// The blocks of CJK ideographs that BERT's reference names.
bool IsChinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class BertNormalizer : public Normalizer {
 public:
  explicit BertNormalizer(const BertOptions& options) : options_(options) {
    for (char32_t c = 0; c < 128; ++c) {
      ascii_[c] = static_cast<char>(c);
      if (options.clean_text) {
        // Of the spaces, vertical tab and form feed are controls first.
        if (IsWhitespace(c)) ascii_[c] = ' ';
        if (IsControl(c)) ascii_[c] = kDrop;
      }
      if (options.lowercase && c >= 'A' && c <= 'Z') ascii_[c] = static_cast<char>(c + 32);
    }
  }

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    const size_t first = pos;
    while (pos < in.size()) {
      const auto c = static_cast<unsigned char>(in[pos]);
      if (c < 0x80) {
        if (ascii_[c] != kDrop) out->push_back(ascii_[c]);
        ++pos;
      } else {
        pos = Segment(in, pos, out);
      }
      if (pos - first >= static_cast<size_t>(kStepUnits)) break;
    }
    budget->Use(static_cast<int64_t>(pos - first));
    cursor->pos = pos;
    return Status();
  }

 private:
  // No text has this byte: characters of ASCII alone stand in the table.
  static constexpr char kDrop = '\xFF';

  // From a character that is not ASCII up to the next that is: nothing is reordered across that.
  size_t Segment(std::string_view in, size_t pos, std::string* out) const {
    std::u32string marks;  // of a combining class: they are sorted by it
    const size_t limit = pos + static_cast<size_t>(kStepUnits);
    while (pos < in.size() && static_cast<unsigned char>(in[pos]) >= 0x80 && (pos < limit || !marks.empty())) {
      const char32_t c = DecodeChar(in, &pos);
      if (options_.clean_text) {
        if (c == 0xFFFD || IsControl(c)) continue;
        if (IsWhitespace(c)) {
          Flush(&marks, out);
          out->push_back(' ');
          continue;
        }
      }
      const bool apart = options_.handle_chinese_chars && IsChinese(c);
      if (apart) {
        Flush(&marks, out);
        out->push_back(' ');
      }
      if (options_.strip_accents)
        Decomposed(c, &marks, out);
      else
        Lower(c, out);
      if (apart) {
        Flush(&marks, out);
        out->push_back(' ');
      }
    }
    Flush(&marks, out);
    return pos;
  }

  void Decomposed(char32_t c, std::u32string* marks, std::string* out) const {
    utf8proc_int32_t parts[32];
    int boundclass = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, UTF8PROC_DECOMPOSE, &boundclass);
    if (n < 1 || n > 32) {
      parts[0] = static_cast<utf8proc_int32_t>(c);
      n = 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; ++i) {
      const auto part = static_cast<char32_t>(parts[i]);
      if (CombiningClass(part) == 0) {
        Flush(marks, out);
        if (!IsNonspacingMark(part)) Lower(part, out);
      } else if (!IsNonspacingMark(part)) {
        marks->push_back(part);
      }
    }
  }

  void Flush(std::u32string* marks, std::string* out) const {
    if (marks->empty()) return;
    std::stable_sort(marks->begin(), marks->end(),
                     [](char32_t a, char32_t b) { return CombiningClass(a) < CombiningClass(b); });
    for (const char32_t c : *marks) Lower(c, out);
    marks->clear();
  }

  void Lower(char32_t c, std::string* out) const {
    if (options_.lowercase)
      ForLower(c, [&](char32_t lower) { AppendChar(lower, out); });
    else
      AppendChar(c, out);
  }

  const BertOptions options_;
  std::array<char, 128> ascii_;
};

}  // namespace

std::unique_ptr<Normalizer> NewBertNormalizer(const BertOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

}  // namespace mosaic::text
