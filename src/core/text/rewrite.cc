// Pre-tokenizers that change the text of a piece.
#include <algorithm>

#include "core/text/byte_letters.h"
#include "core/text/pre_tokenizer.h"
#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// Appends to the new text chunk by chunk; the piece becomes one piece of it.
class Rewriter : public PreTokenizer {
 public:
  bool rewrites() const override { return true; }

  Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
             Budget* budget) const override {
    const std::string_view in = text.substr(piece.begin, piece.end - piece.begin);
    if (!cursor->begun) {
      cursor->out_begin = out->text.size();
      Begin(in, piece, &out->text);
    }
    cursor->begun = true;
    const size_t end = std::min(in.size(), cursor->pos + static_cast<size_t>(kStepUnits) / 4);
    Rewrite(in.substr(cursor->pos, end - cursor->pos), &out->text);
    budget->Use(static_cast<int64_t>(end - cursor->pos) + 4);
    cursor->pos = end;
    if (end == in.size()) {
      out->list.push_back({static_cast<uint32_t>(cursor->out_begin),
                           static_cast<uint32_t>(out->text.size()), piece.id});
      cursor->done = true;
    }
    return Status();
  }

 protected:
  virtual void Begin(std::string_view, const Piece&, std::string*) const {}
  // Any bytes of the piece, in order: it may be cut within a character.
  virtual void Rewrite(std::string_view in, std::string* out) const { *out += in; }
};

class PrefixSpace : public Rewriter {
 protected:
  void Begin(std::string_view in, const Piece&, std::string* out) const override {
    if (in.empty() || in[0] != ' ') out->push_back(' ');
  }
};

class ByteLetterMap : public Rewriter {
 protected:
  void Rewrite(std::string_view in, std::string* out) const override {
    for (const char c : in) AppendChar(kByteLetters.letter[static_cast<unsigned char>(c)], out);
  }
};

class Metaspace : public Rewriter {
 public:
  Metaspace(std::string replacement, PrependScheme scheme)
      : replacement_(std::move(replacement)), scheme_(scheme) {}
  bool asks_start() const override { return scheme_ == PrependScheme::kFirst; }

 protected:
  void Begin(std::string_view in, const Piece& piece, std::string* out) const override {
    // Spaces are replaced first, so a space is a beginning with the replacement.
    if ((!in.empty() && in[0] == ' ') || in.substr(0, replacement_.size()) == replacement_) return;
    if (scheme_ == PrependScheme::kAlways ||
        (scheme_ == PrependScheme::kFirst && piece.id == Piece::kTextAtStart))
      *out += replacement_;
  }
  void Rewrite(std::string_view in, std::string* out) const override {
    for (const char c : in) {
      if (c == ' ')
        *out += replacement_;
      else
        out->push_back(c);
    }
  }

 private:
  const std::string replacement_;
  const PrependScheme scheme_;
};

}  // namespace

std::unique_ptr<PreTokenizer> NewPrefixSpace() { return std::make_unique<PrefixSpace>(); }
std::unique_ptr<PreTokenizer> NewByteLetters() { return std::make_unique<ByteLetterMap>(); }
std::unique_ptr<PreTokenizer> NewMetaspace(std::string replacement, PrependScheme scheme) {
  return std::make_unique<Metaspace>(std::move(replacement), scheme);
}

}  // namespace mosaic::text
