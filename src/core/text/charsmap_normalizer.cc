#include "core/text/charsmap_normalizer.h"

#include <algorithm>

#include "core/text/unicode.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// Longer grapheme clusters are not looked up as a whole.
constexpr size_t kLongestCluster = 5;

class Precompiled : public Normalizer {
 public:
  explicit Precompiled(Charsmap charsmap) : charsmap_(std::move(charsmap)) {}

  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    const size_t first = pos, limit = std::min(in.size(), first + static_cast<size_t>(kStepUnits) / 8);
    // cursor->previous: the character before pos where its cluster goes on, and is long; else 0.
    const size_t out_limit = out->size() + static_cast<size_t>(kStepUnits);
    while (pos < limit && out->size() < out_limit) {
      if (cursor->previous == 0) {
        const size_t cluster = ShortCluster(in, pos);
        size_t matched;
        std::string_view replacement;
        if (cluster > 0 && charsmap_.Find(in.substr(pos, cluster), false, &matched, &replacement)) {
          *out += replacement;
          pos += cluster;
          continue;
        }
        cursor->state = 0;
      }
      pos = Character(in, pos, cursor, out);
    }
    budget->Use(8 * static_cast<int64_t>(pos - first));
    cursor->pos = pos;
    return Status();
  }

 private:
  // Bytes of the cluster at pos where it is short enough to be looked up, else 0.
  static size_t ShortCluster(std::string_view in, size_t pos) {
    size_t end = pos;
    auto previous = static_cast<utf8proc_int32_t>(DecodeChar(in, &end));
    utf8proc_int32_t state = 0;
    while (end < in.size() && end - pos <= kLongestCluster) {
      size_t next = end;
      const auto c = static_cast<utf8proc_int32_t>(DecodeChar(in, &next));
      // Between characters of ASCII there is a boundary everywhere but in \r\n.
      if (previous < 0x80 && c < 0x80 && !(previous == '\r' && c == '\n')) break;
      if (utf8proc_grapheme_break_stateful(previous, c, &state)) break;
      previous = c;
      end = next;
    }
    return end - pos <= kLongestCluster ? end - pos : 0;
  }

  size_t Character(std::string_view in, size_t pos, NormalizerCursor* cursor, std::string* out) const {
    size_t end = pos, matched;
    const auto c = static_cast<utf8proc_int32_t>(DecodeChar(in, &end));
    std::string_view replacement;
    if (charsmap_.Find(in.substr(pos, end - pos), false, &matched, &replacement))
      *out += replacement;
    else
      out->append(in, pos, end - pos);
    cursor->previous = 0;
    if (end < in.size()) {
      size_t next = end;
      const auto following = static_cast<utf8proc_int32_t>(DecodeChar(in, &next));
      if (!utf8proc_grapheme_break_stateful(c, following, &cursor->state) && c != 0) cursor->previous = c;
    }
    return end;
  }

  const Charsmap charsmap_;
};

class SentencePiece : public Normalizer {
 public:
  SentencePiece(Charsmap charsmap, ByteTrie verbatim, const SentencePieceOptions& options)
      : charsmap_(std::move(charsmap)), verbatim_(std::move(verbatim)), options_(options),
        space_(options.escape_whitespaces ? "\xE2\x96\x81" : " ") {}

  // cursor->state: 0 before anything was written, 1 after a space, 2 after something else.
  Status Run(std::string_view in, NormalizerCursor* cursor, std::string* out,
             Budget* budget) const override {
    size_t pos = cursor->pos;
    const size_t first = pos, limit = std::min(in.size(), first + static_cast<size_t>(kStepUnits) / 4);
    const size_t out_limit = out->size() + static_cast<size_t>(kStepUnits);
    size_t work = 0;
    while (pos < limit && out->size() < out_limit && work < static_cast<size_t>(kStepUnits)) {
      size_t length;
      const std::string_view text = Prefix(in, pos, &length, &work);
      pos += length;
      for (const char c : text) Write(c, cursor, out);
    }
    budget->Use(4 * static_cast<int64_t>(pos - first) + static_cast<int64_t>(work));
    cursor->pos = pos;
    if (pos == in.size()) Finish(cursor, out);
    return Status();
  }

 private:
  static constexpr int32_t kStart = 0, kSpace = 1, kOther = 2;

  // What the input goes on with, normalised, and how much of the input that is. Adds to *work what else was read.
  std::string_view Prefix(std::string_view in, size_t pos, size_t* length, size_t* work) const {
    size_t looked_at = 0;
    if (!verbatim_.empty()) {
      const bool found = verbatim_.Longest(in, pos, length, &looked_at) != ByteTrie::kNone;
      *work += looked_at;
      if (found) return in.substr(pos, *length);
    }
    if (!charsmap_.empty()) {
      std::string_view replacement;
      const bool found = charsmap_.Find(in.substr(pos), true, length, &replacement, &looked_at);
      *work += looked_at;
      if (found) return replacement;
    }
    *length = CharLength(static_cast<unsigned char>(in[pos]));
    return in.substr(pos, *length);
  }

  void Write(char c, NormalizerCursor* cursor, std::string* out) const {
    if (c == ' ' && options_.remove_extra_whitespaces && cursor->state != kOther) return;
    if (cursor->state == kStart && options_.add_dummy_prefix && !options_.treat_whitespace_as_suffix)
      *out += space_;
    if (c == ' ')
      *out += space_;
    else
      out->push_back(c);
    cursor->state = c == ' ' ? kSpace : kOther;
  }

  void Finish(NormalizerCursor* cursor, std::string* out) const {
    if (options_.remove_extra_whitespaces && cursor->state == kSpace) out->resize(out->size() - space_.size());
    if (cursor->state != kStart && options_.add_dummy_prefix && options_.treat_whitespace_as_suffix)
      *out += space_;
  }

  const Charsmap charsmap_;
  const ByteTrie verbatim_;
  const SentencePieceOptions options_;
  const std::string space_;
};

}  // namespace

std::unique_ptr<Normalizer> NewPrecompiled(Charsmap charsmap) {
  return std::make_unique<Precompiled>(std::move(charsmap));
}

std::unique_ptr<Normalizer> NewSentencePiece(Charsmap charsmap, ByteTrie verbatim,
                                             const SentencePieceOptions& options) {
  return std::make_unique<SentencePiece>(std::move(charsmap), std::move(verbatim), options);
}

}  // namespace mosaic::text
