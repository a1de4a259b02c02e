// Pre-tokenisation: from a normalised piece to the words that the model looks at one by one.
//
// A tokenizer has a list of pre-tokenizers; each splits the pieces of the one before it. They are
// immutable and work in steps: where one stands within a piece is kept in a SplitCursor.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/budget.h"
#include "core/text/piece.h"
#include "core/text/regex.h"
#include "core/util/status.h"

namespace mosaic::text {

// What becomes of the parts of a piece that a pattern matches.
enum class Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitCursor {
  bool begun = false, done = false;
  size_t pos = 0;
  // Of a split by a pattern: where the last match ended; a part that the next match may still change.
  size_t match_end = 0;
  bool pending = false, pending_match = false, previous_match = false;
  size_t pending_begin = 0, pending_end = 0;
  // Of a rewriting one: where the piece begins in the new text.
  size_t out_begin = 0;
  Regex::Walk walk;

  void Restart() {
    begun = done = pending = pending_match = previous_match = false;
    pos = match_end = pending_begin = pending_end = out_begin = 0;
    walk.Restart();
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Whether the pieces are of another text than the input's: one appended to out->text.
  virtual bool rewrites() const { return false; }

  // Whether it matters where the original text begins (Piece::kTextAtStart).
  virtual bool asks_start() const { return false; }

  // Goes on with a piece of text, appending what it falls into to *out, until cursor->done or the budget is spent.
  virtual Status Run(std::string_view text, const Piece& piece, SplitCursor* cursor, Pieces* out,
                     Budget* budget) const = 0;
};

using PreTokenizers = std::vector<std::unique_ptr<const PreTokenizer>>;

enum class CharClass { kWhitespace, kPunctuation, kNumeric };

std::unique_ptr<PreTokenizer> NewBertSplit();
std::unique_ptr<PreTokenizer> NewClassSplit(CharClass matches, Behavior behavior);
std::unique_ptr<PreTokenizer> NewTextSplit(std::string pattern, Behavior behavior, bool invert);
std::unique_ptr<PreTokenizer> NewRegexSplit(std::unique_ptr<Regex> pattern, Behavior behavior, bool invert);
std::unique_ptr<PreTokenizer> NewFixedLength(size_t characters);
std::unique_ptr<PreTokenizer> NewPrefixSpace();  // ' ' before a piece that does not begin with one
std::unique_ptr<PreTokenizer> NewByteLetters();  // each byte becomes its letter (byte_letters.h)

enum class PrependScheme { kFirst, kNever, kAlways };
// Spaces become replacement, which is also put before the pieces that the scheme names.
std::unique_ptr<PreTokenizer> NewMetaspace(std::string replacement, PrependScheme scheme);

}  // namespace mosaic::text
