#include "core/text/encoder.h"

#include <algorithm>

#include "core/text/utf8.h"

namespace mosaic::text {
namespace {

// Of the text of all pieces at any stage: normalisation may lengthen it.
constexpr size_t kMaxBufferBytes = 4 * kMaxTextBytes;
// Buffers that are kept from text to text.
constexpr size_t kKeptBytes = 1024 * 1024;

size_t KeptBytes(const Pieces& p) { return p.text.capacity() + p.list.capacity() * sizeof(Piece); }

}  // namespace

TextEncoder::TextEncoder(const Tokenizer& tokenizer)
    : tokenizer_(tokenizer), scratch_(tokenizer.model->NewScratch()),
      normalizing_(tokenizer.normalizers.size()), splitting_(tokenizer.pre_tokenizers.size()) {
  for (const auto& splitter : tokenizer.pre_tokenizers) asks_start_ |= splitter->asks_start();
}

Status TextEncoder::Start(std::string_view text, size_t limit) {
  if (text.size() > kMaxTextBytes)
    return Status::Limit("a text has " + std::to_string(text.size()) + " bytes, at most " +
                         std::to_string(kMaxTextBytes) + " can be tokenized");
  if (KeptBytes(in_) + KeptBytes(out_) > kKeptBytes) in_ = out_ = Pieces();
  if (before_.capacity() + after_.capacity() > kKeptBytes) before_ = after_ = std::string();
  if (ids_.capacity() * sizeof(int32_t) > kKeptBytes) ids_ = {};
  text_ = text;
  limit_ = limit;
  in_.clear();
  out_.clear();
  ids_.clear();
  scratch_->Restart();
  Next(Stage::kValidate);
  return Status();
}

void TextEncoder::Next(Stage stage) {
  stage_ = stage;
  piece_ = step_ = pos_ = from_ = 0;
  begun_ = false;
}

Status TextEncoder::Step(Budget* budget, bool* done) {
  while (stage_ != Stage::kDone && !budget->spent()) {
    switch (stage_) {
      case Stage::kValidate: MOSAIC_RETURN_IF_ERROR(Validate(budget)); break;
      case Stage::kAddedRaw: SplitAdded(false, text_, budget); break;
      case Stage::kNormalize: MOSAIC_RETURN_IF_ERROR(NormalizePieces(budget)); break;
      case Stage::kAddedNormalized: SplitAdded(true, in_.text, budget); break;
      case Stage::kPreTokenize: MOSAIC_RETURN_IF_ERROR(PreTokenize(budget)); break;
      case Stage::kModel: MOSAIC_RETURN_IF_ERROR(RunModel(budget)); break;
      case Stage::kDone: break;
    }
  }
  *done = stage_ == Stage::kDone;
  return Status();
}

Status TextEncoder::CheckSize() const {
  if (out_.text.size() + after_.size() <= kMaxBufferBytes) return Status();
  return Status::Limit("a text becomes longer than " + std::to_string(kMaxBufferBytes) + " bytes when normalised");
}

Status TextEncoder::Validate(Budget* budget) {
  const size_t first = pos_, limit = std::min(text_.size(), pos_ + static_cast<size_t>(kStepUnits));
  while (pos_ < limit) {
    const size_t n = ValidCharLength(text_, pos_);
    if (n == 0)
      return Status::Invalid("a text to be tokenized is not valid UTF-8 at byte " + std::to_string(pos_ + 1));
    pos_ += n;
  }
  budget->Use(static_cast<int64_t>(pos_ - first) / 4);
  if (pos_ < text_.size()) return Status();
  if (!text_.empty()) in_.list.push_back({0, static_cast<uint32_t>(text_.size()), Piece::kTextAtStart});
  Next(Stage::kAddedRaw);
  return Status();
}

// Pieces of the same text, split at added tokens.
void TextEncoder::SplitAdded(bool normalized, const std::string_view text, Budget* budget) {
  const Stage next = normalized ? Stage::kPreTokenize : Stage::kNormalize;
  if (!tokenizer_.added.any(normalized)) {
    Next(next);
    return;
  }
  for (; piece_ < in_.list.size(); ++piece_) {
    const Piece& piece = in_.list[piece_];
    if (!piece.is_text()) {
      out_.list.push_back(piece);
      continue;
    }
    if (!begun_) pos_ = from_ = piece.begin;
    begun_ = true;
    while (pos_ < piece.end) {
      if (budget->spent()) return;
      tokenizer_.added.Split(normalized, text, piece, &pos_, &from_, &out_.list, budget);
    }
    begun_ = false;
  }
  in_.list.swap(out_.list);
  out_.list.clear();
  Next(next);
}

// From pieces of text_ to pieces of in_.text.
Status TextEncoder::NormalizePieces(Budget* budget) {
  for (; piece_ < in_.list.size(); ++piece_) {
    if (budget->spent()) return Status();
    const Piece& piece = in_.list[piece_];
    const auto begin = static_cast<uint32_t>(out_.text.size());
    if (piece.is_text()) {
      bool done;
      MOSAIC_RETURN_IF_ERROR(
          NormalizeOne(text_.substr(piece.begin, piece.end - piece.begin), budget, &done));
      if (!done) return Status();
      if (out_.text.size() == begin) continue;
    }
    int32_t id = piece.id;
    if (id == Piece::kTextAtStart && asks_start_) MOSAIC_RETURN_IF_ERROR(StillAtStart(piece, &id));
    out_.list.push_back({begin, static_cast<uint32_t>(out_.text.size()), id});
  }
  std::swap(in_, out_);
  out_.clear();
  Next(Stage::kAddedNormalized);
  return Status();
}

// A piece is not where the text begins if normalisation has removed what was there.
Status TextEncoder::StillAtStart(const Piece& piece, int32_t* id) const {
  std::string first;
  const size_t length = CharLength(static_cast<unsigned char>(text_[piece.begin]));
  Budget budget;
  MOSAIC_RETURN_IF_ERROR(Normalize(tokenizer_.normalizers, text_.substr(piece.begin, length), &first, &budget));
  if (first.empty()) *id = Piece::kText;
  return Status();
}

// Through all normalisers: the first reads the text itself, the last one's output is appended to out_.text.
Status TextEncoder::NormalizeOne(std::string_view in, Budget* budget, bool* done) {
  const Normalizers& normalizers = tokenizer_.normalizers;
  *done = false;
  while (step_ < normalizers.size()) {
    const std::string_view source = step_ == 0 ? in : std::string_view(before_);
    NormalizerCursor& cursor = normalizing_[step_];
    if (!begun_) {
      cursor.Restart();
      after_.clear();
    }
    begun_ = true;
    while (cursor.pos < source.size()) {
      if (budget->spent()) return Status();
      MOSAIC_RETURN_IF_ERROR(normalizers[step_]->Run(source, &cursor, &after_, budget));
      MOSAIC_RETURN_IF_ERROR(CheckSize());
    }
    before_.swap(after_);
    begun_ = false;
    ++step_;
  }
  out_.text += normalizers.empty() ? in : std::string_view(before_);
  step_ = 0;
  if (before_.capacity() + after_.capacity() > kKeptBytes) before_ = after_ = std::string();
  after_.clear();
  *done = true;
  return CheckSize();
}

Status TextEncoder::PreTokenize(Budget* budget) {
  for (; step_ < tokenizer_.pre_tokenizers.size(); ++step_) {
    const PreTokenizer& splitter = *tokenizer_.pre_tokenizers[step_];
    SplitCursor& cursor = splitting_[step_];
    for (; piece_ < in_.list.size(); ++piece_) {
      const Piece& piece = in_.list[piece_];
      if (!piece.is_text()) {
        out_.list.push_back(piece);
        continue;
      }
      if (!begun_) cursor.Restart();
      begun_ = true;
      while (!cursor.done) {
        if (budget->spent()) return Status();
        MOSAIC_RETURN_IF_ERROR(splitter.Run(in_.text, piece, &cursor, &out_, budget));
        MOSAIC_RETURN_IF_ERROR(CheckSize());
      }
      begun_ = false;
    }
    if (splitter.rewrites())
      std::swap(in_, out_);
    else
      in_.list.swap(out_.list);
    out_.clear();
    piece_ = 0;
  }
  Next(Stage::kModel);
  return Status();
}

Status TextEncoder::RunModel(Budget* budget) {
  for (; piece_ < in_.list.size() && ids_.size() <= limit_; ++piece_) {
    if (budget->spent()) return Status();
    const Piece& piece = in_.list[piece_];
    bool done = true;
    if (piece.is_text())
      MOSAIC_RETURN_IF_ERROR(
          tokenizer_.model->Run(std::string_view(in_.text).substr(piece.begin, piece.end - piece.begin),
                                scratch_.get(), &ids_, &done, budget));
    else
      ids_.push_back(piece.id);
    if (!done) return Status();
  }
  Next(Stage::kDone);
  return Status();
}

Status Encoder::Start(std::string_view first, std::string_view second, const EncodeOptions& options) {
  options_ = options;
  is_pair_ = second.data() != nullptr;
  first_done_ = false;
  truncation_.reset();
  if (options.truncate) truncation_ = tokenizer_.truncation;
  if (options.max_length > 0) {
    if (!truncation_) truncation_ = tokenizer_.truncation.value_or(Truncation());
    truncation_->max_length = options.max_length;
  }
  size_t limit = SIZE_MAX;
  if (truncation_) {
    room_ = truncation_->max_length;
    if (options.special_tokens) room_ -= static_cast<int64_t>(tokenizer_.post.added(is_pair_));
    if (room_ < 0)
      return Status::Invalid("a maximum length of " + std::to_string(truncation_->max_length) +
                             " tokens leaves no room for the special tokens alone");
    if (!truncation_->left) limit = static_cast<size_t>(room_);
  }
  MOSAIC_RETURN_IF_ERROR(first_.Start(first, limit));
  return is_pair_ ? second_.Start(second, limit) : Status();
}

Status Encoder::Step(Budget* budget, bool* done) {
  *done = false;
  if (!first_done_) MOSAIC_RETURN_IF_ERROR(first_.Step(budget, &first_done_));
  if (!first_done_) return Status();
  if (is_pair_) {
    bool second_done;
    MOSAIC_RETURN_IF_ERROR(second_.Step(budget, &second_done));
    if (!second_done) return Status();
  }
  *done = true;
  return Finish();
}

Status Encoder::Finish() {
  std::vector<int32_t>& a = first_.ids();
  std::vector<int32_t>& b = second_.ids();
  result_.truncated = false;
  if (!is_pair_) b.clear();
  if (truncation_)
    MOSAIC_RETURN_IF_ERROR(Truncate(*truncation_, room_, &a, is_pair_ ? &b : nullptr, &result_.truncated));
  Apply(tokenizer_.post.For(is_pair_), options_.special_tokens, a, b, &result_);
  return Status();
}

size_t TextEncoder::bytes() const {
  return in_.text.capacity() + out_.text.capacity() + before_.capacity() + after_.capacity() +
         (in_.list.capacity() + out_.list.capacity()) * sizeof(Piece) + ids_.capacity() * sizeof(int32_t);
}

size_t Encoder::bytes() const {
  return first_.bytes() + second_.bytes() + (result_.ids.capacity() + result_.type_ids.capacity()) * sizeof(int32_t);
}

}  // namespace mosaic::text
