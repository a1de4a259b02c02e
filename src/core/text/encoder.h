// Encoding: from one text, or a pair of texts, to ids, in steps.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer.h"

namespace mosaic::text {

// The tokens of one text, without special ones. May be used for one text after another.
class TextEncoder {
 public:
  explicit TextEncoder(const Tokenizer& tokenizer);

  // Begins a text, which must stay until it is done. Not more than about limit tokens are wanted: work may end
  // when there are more than that.
  Status Start(std::string_view text, size_t limit = SIZE_MAX);
  Status Step(Budget* budget, bool* done);
  std::vector<int32_t>& ids() { return ids_; }
  // That follow the texts it has had.
  size_t bytes() const;

 private:
  enum class Stage { kValidate, kAddedRaw, kNormalize, kAddedNormalized, kPreTokenize, kModel, kDone };

  Status Validate(Budget* budget);
  void SplitAdded(bool normalized, const std::string_view text, Budget* budget);
  Status NormalizePieces(Budget* budget);
  Status NormalizeOne(std::string_view in, Budget* budget, bool* done);
  Status PreTokenize(Budget* budget);
  Status RunModel(Budget* budget);
  Status StillAtStart(const Piece& piece, int32_t* id) const;
  void Next(Stage stage);
  Status CheckSize() const;

  const Tokenizer& tokenizer_;
  const std::unique_ptr<Model::Scratch> scratch_;
  bool asks_start_ = false;  // some pre-tokenizer
  std::string_view text_;
  size_t limit_ = SIZE_MAX;
  Stage stage_ = Stage::kDone;

  // A stage makes out_ of in_, piece by piece; then they are swapped.
  Pieces in_, out_;
  size_t piece_ = 0;   // of in_, that is being worked at
  bool begun_ = false;  // with it
  // Of the stages' loops, within a piece.
  size_t pos_ = 0, from_ = 0;
  size_t step_ = 0;  // which normaliser, or which pre-tokenizer
  std::string before_, after_;  // a piece between two normalisers
  std::vector<NormalizerCursor> normalizing_;  // by normaliser
  std::vector<SplitCursor> splitting_;         // by pre-tokenizer
  std::vector<int32_t> ids_;
};

struct EncodeOptions {
  bool special_tokens = true;
  bool truncate = true;
  int64_t max_length = 0;  // > 0: truncation to this, instead of what the tokenizer says
};

class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer)
      : tokenizer_(tokenizer), first_(tokenizer), second_(tokenizer) {}

  // second: nullptr data where there is one text. The texts must stay until it is done.
  Status Start(std::string_view first, std::string_view second, const EncodeOptions& options);
  Status Step(Budget* budget, bool* done);
  const Encoding& result() const { return result_; }
  size_t bytes() const;

 private:
  Status Finish();

  const Tokenizer& tokenizer_;
  TextEncoder first_, second_;
  bool is_pair_ = false, first_done_ = false;
  EncodeOptions options_;
  std::optional<Truncation> truncation_;
  int64_t room_ = 0;  // max_length without special tokens
  Encoding result_;
};

}  // namespace mosaic::text
