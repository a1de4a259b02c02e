// Two normalisers by a charsmap: as Hugging Face's tokenizers apply it, and as SentencePiece does.
#pragma once

#include <memory>

#include "core/text/byte_trie.h"
#include "core/text/charsmap.h"
#include "core/text/normalizer.h"

namespace mosaic::text {

// By grapheme clusters: one of less than six bytes is looked up as a whole, others character by character.
std::unique_ptr<Normalizer> NewPrecompiled(Charsmap charsmap);

struct SentencePieceOptions {
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
};

// The longest rule at each place, then SentencePiece's treatment of spaces, which become U+2581. What
// verbatim has (symbols that the user defined) is left as it is.
std::unique_ptr<Normalizer> NewSentencePiece(Charsmap charsmap, ByteTrie verbatim,
                                             const SentencePieceOptions& options);

}  // namespace mosaic::text
