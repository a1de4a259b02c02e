#include "core/text/vocabulary.h"

#include <algorithm>
#include <numeric>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {

Status Vocabulary::Add(std::string_view token, int64_t id) {
  if (id < 0 || id > INT32_MAX)
    return Status::BadModel("token " + Quoted(std::string(token)) + " has the id " + std::to_string(id));
  if (token.size() > kMaxTokenBytes)
    return Status::Limit("a token has " + std::to_string(token.size()) + " bytes, at most " +
                         std::to_string(kMaxTokenBytes) + " are allowed");
  if (entries_.size() >= kMaxTokens || text_.size() + token.size() > kMaxVocabularyBytes)
    return Status::Limit("the vocabulary has more than " + std::to_string(kMaxTokens) + " tokens or " +
                         std::to_string(kMaxVocabularyBytes) + " bytes");
  if (!ValidUtf8(token)) return Status::BadModel("the token with the id " + std::to_string(id) + " is not valid UTF-8");
  entries_.push_back({static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(token.size()),
                      static_cast<int32_t>(id)});
  text_ += token;
  return Status();
}

void Vocabulary::Finish() {
  size_t slots = 16;
  while (slots < entries_.size() * 2) slots *= 2;
  slots_.assign(slots, 0);
  for (size_t i = 0; i < entries_.size(); ++i) slots_[Slot(token(i))] = static_cast<uint32_t>(i + 1);
  by_id_.resize(entries_.size());
  std::iota(by_id_.begin(), by_id_.end(), 0);
  std::stable_sort(by_id_.begin(), by_id_.end(),
                   [&](uint32_t a, uint32_t b) { return entries_[a].id < entries_[b].id; });
}

// Where the token is, or the free slot where it would be.
size_t Vocabulary::Slot(std::string_view wanted) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = XXH3_64bits(wanted.data(), wanted.size()) & mask;
  while (slots_[slot] != 0 && token(slots_[slot] - 1) != wanted) slot = (slot + 1) & mask;
  return slot;
}

int32_t Vocabulary::Find(std::string_view token) const {
  const uint32_t place = slots_[Slot(token)];
  return place == 0 ? kNone : entries_[place - 1].id;
}

std::string_view Vocabulary::Token(int32_t id) const {
  const auto after = std::upper_bound(by_id_.begin(), by_id_.end(), id,
                                      [&](int32_t a, uint32_t b) { return a < entries_[b].id; });
  if (after == by_id_.begin() || entries_[*(after - 1)].id != id) return {};
  return token(*(after - 1));
}

size_t Vocabulary::bytes() const {
  return text_.capacity() + entries_.capacity() * sizeof(Entry) + (slots_.capacity() + by_id_.capacity()) * 4;
}

}  // namespace mosaic::text
