#include "core/text/post_processor.h"

#include <algorithm>
#include <string>

namespace mosaic::text {
namespace {

void Cut(std::vector<int32_t>* ids, int64_t length, bool left, bool* truncated) {
  const auto n = static_cast<int64_t>(ids->size());
  if (length >= n) return;
  *truncated = true;
  if (left) ids->erase(ids->begin(), ids->begin() + (n - length));
  ids->resize(static_cast<size_t>(length));
}

}  // namespace

size_t PostProcessor::added(bool is_pair) const {
  size_t n = 0;
  for (const TemplatePiece& piece : For(is_pair)) n += piece.ids.size();
  return n;
}

Status Truncate(const Truncation& truncation, int64_t max_length, std::vector<int32_t>* a,
                std::vector<int32_t>* b, bool* truncated) {
  const auto length_a = static_cast<int64_t>(a->size());
  const auto length_b = b == nullptr ? 0 : static_cast<int64_t>(b->size());
  const bool left = truncation.left;
  *truncated = false;
  if (length_a + length_b <= max_length) return Status();
  if (truncation.strategy == Truncation::kLongestFirst) {
    if (b == nullptr) {
      Cut(a, max_length, left, truncated);
      return Status();
    }
    // The shorter one is kept whole where it has at most half.
    int64_t shorter = std::min(length_a, length_b), longer;
    longer = shorter > max_length ? shorter : std::max(shorter, max_length - shorter);
    if (shorter + longer > max_length) {
      shorter = max_length / 2;
      longer = shorter + max_length % 2;
    }
    Cut(a, length_a > length_b ? longer : shorter, left, truncated);
    Cut(b, length_a > length_b ? shorter : longer, left, truncated);
    return Status();
  }
  std::vector<int32_t>* target = truncation.strategy == Truncation::kOnlyFirst ? a : b;
  if (target == nullptr)
    return Status::Invalid("the tokenizer truncates the second text only, and there is none");
  const int64_t rest = max_length - (target == a ? length_b : length_a);
  if (rest <= 0)
    return Status::Invalid("the text that the tokenizer does not truncate leaves no room for the other: max_length is " +
                           std::to_string(max_length) + " without special tokens");
  Cut(target, rest, left, truncated);
  return Status();
}

void Apply(const Template& pieces, bool special_tokens, const std::vector<int32_t>& a,
           const std::vector<int32_t>& b, Encoding* out) {
  out->ids.clear();
  out->type_ids.clear();
  for (const TemplatePiece& piece : pieces) {
    if (piece.kind == TemplatePiece::kSpecial && !special_tokens) continue;
    const std::vector<int32_t>& ids = piece.kind == TemplatePiece::kSpecial ? piece.ids
                                      : piece.kind == TemplatePiece::kFirst ? a
                                                                            : b;
    out->ids.insert(out->ids.end(), ids.begin(), ids.end());
    out->type_ids.resize(out->ids.size(), piece.type_id);
  }
}

}  // namespace mosaic::text
