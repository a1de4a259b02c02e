// The four normalisation forms of Unicode, piece by piece.
//
// utf8proc decomposes characters and composes sequences. Its own reordering of marks is quadratic in a run of
// them, so marks are sorted here. Text is cut into segments that do not affect each other.
#include <algorithm>

#include "core/text/normalizer.h"
#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// From here on a segment is ended wherever composition allows it.
constexpr size_t kLongSegment = 256;

class UnicodeNormalizer : public Normalizer {
 public:
  explicit UnicodeNormalizer(Form form)
      : compose_(form == Form::kNfc || form == Form::kNfkc),
        options_(form == Form::kNfkc || form == Form::kNfkd
                     ? static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT)
                     : UTF8PROC_DECOMPOSE) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    std::vector<utf8proc_int32_t> segment;
    size_t pos = cursor->pos;
    const size_t first = pos, limit = first + static_cast<size_t>(kStepUnits);
    while (pos < in.size()) {
      if (static_cast<unsigned char>(in[pos]) < 0x80) {
        // ASCII is never changed, but the last of a run may take marks.
        size_t end = pos + 1;
        while (end < in.size() && static_cast<unsigned char>(in[end]) < 0x80) ++end;
        Flush(&segment, out);
        if (pos >= limit) break;
        end = std::min(end, std::max(limit, pos + 1));
        out->append(in, pos, end - pos - 1);
        segment.push_back(static_cast<unsigned char>(in[end - 1]));
        pos = end;
      } else {
        if (!Decompose(DecodeCharAt(in, pos), pos >= limit, &segment, out)) break;
        pos += CharLength(static_cast<unsigned char>(in[pos]));
      }
    }
    Flush(&segment, out);
    budget->Use(4 * static_cast<int64_t>(pos - first));
    cursor->pos = pos;
    return Status();
  }

 private:
  static char32_t DecodeCharAt(std::string_view in, size_t pos) { return DecodeChar(in, &pos); }

  // Adds a character, ending the segment before it where that makes no difference. False: it should stop here, and
  // can; the character was not added.
  bool Decompose(char32_t c, bool stop, std::vector<utf8proc_int32_t>* segment, std::string* out) const {
    utf8proc_int32_t parts[32];
    int boundclass = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, options_, &boundclass);
    if (n < 1 || n > 32) {
      parts[0] = static_cast<utf8proc_int32_t>(c);
      n = 1;
    }
    if (CombiningClass(static_cast<char32_t>(parts[0])) == 0 && !segment->empty() &&
        (!compose_ || ((stop || segment->size() >= kLongSegment) && !Composes(*segment, parts[0])))) {
      Flush(segment, out);
      if (stop) return false;
    }
    segment->insert(segment->end(), parts, parts + n);
    return true;
  }

  // Whether a starter may become one with what is before it.
  bool Composes(std::vector<utf8proc_int32_t> segment, utf8proc_int32_t starter) const {
    Reorder(&segment);
    segment.push_back(starter);
    const size_t n = Compose(&segment);
    return segment[n - 1] != starter;
  }

  static void Reorder(std::vector<utf8proc_int32_t>* segment) {
    const auto less = [](utf8proc_int32_t a, utf8proc_int32_t b) {
      return CombiningClass(static_cast<char32_t>(a)) < CombiningClass(static_cast<char32_t>(b));
    };
    for (size_t i = 0; i < segment->size();) {
      if (CombiningClass(static_cast<char32_t>((*segment)[i])) == 0) {
        ++i;
        continue;
      }
      size_t end = i + 1;
      while (end < segment->size() && CombiningClass(static_cast<char32_t>((*segment)[end])) != 0) ++end;
      const auto b = segment->begin() + static_cast<std::ptrdiff_t>(i),
                 e = segment->begin() + static_cast<std::ptrdiff_t>(end);
      if (!std::is_sorted(b, e, less)) std::stable_sort(b, e, less);
      i = end;
    }
  }

  // Composes in place; returns how many remain.
  static size_t Compose(std::vector<utf8proc_int32_t>* segment) {
    const utf8proc_ssize_t n =
        utf8proc_normalize_utf32(segment->data(), static_cast<utf8proc_ssize_t>(segment->size()),
                                 static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    return n < 0 ? segment->size() : static_cast<size_t>(n);
  }

  void Flush(std::vector<utf8proc_int32_t>* segment, std::string* out) const {
    size_t n = segment->size();
    if (n > 1) {
      Reorder(segment);
      if (compose_) n = Compose(segment);
    }
    for (size_t i = 0; i < n; ++i) AppendChar(static_cast<char32_t>((*segment)[i]), out);
    segment->clear();
  }

  const bool compose_;
  const utf8proc_option_t options_;
};

}  // namespace

std::unique_ptr<Normalizer> NewUnicodeNormalizer(Form form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

}  // namespace mosaic::text
