#include "core/text/added_tokens.h"

#include <algorithm>

#include "core/text/unicode.h"
#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {
namespace {

constexpr size_t kMaxAddedTokens = 200'000;
constexpr size_t kMaxContent = 1024;
// Work to normalise them all: some seconds.
constexpr int64_t kMaxNormalizing = 1000 * kStepUnits;

// Letters, marks, digits, connectors: what a word consists of.
bool IsWord(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  if (c == 0x200C || c == 0x200D) return true;
  const utf8proc_category_t k = Category(c);
  return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC;
}

bool AloneIn(std::string_view text, const Piece& piece, size_t begin, size_t end) {
  if (begin > piece.begin) {
    size_t before = PreviousChar(text, begin);
    if (IsWord(DecodeChar(text, &before))) return false;
  }
  return end == piece.end || !IsWord(DecodeChar(text, &end));
}

size_t SkipSpaces(std::string_view text, size_t pos, size_t end) {
  while (pos < end) {
    size_t next = pos;
    if (!IsWhitespace(DecodeChar(text, &next))) break;
    pos = next;
  }
  return pos;
}

size_t SkipSpacesBack(std::string_view text, size_t pos, size_t begin) {
  while (pos > begin) {
    const size_t before = PreviousChar(text, pos);
    size_t next = before;
    if (!IsWhitespace(DecodeChar(text, &next))) break;
    pos = before;
  }
  return pos;
}

}  // namespace

Status AddedTokens::Add(const std::vector<AddedToken>& tokens, const Model& model,
                        const Normalizers& normalizers) {
  if (tokens.size() > kMaxAddedTokens)
    return Status::Limit("there are " + std::to_string(tokens.size()) + " added tokens, at most " +
                         std::to_string(kMaxAddedTokens) + " are allowed");
  Budget budget(kMaxNormalizing);
  auto next_id = static_cast<int64_t>(model.vocabulary().size());
  for (const AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    if (token.content.size() > kMaxContent)
      return Status::Limit("an added token has " + std::to_string(token.content.size()) +
                           " bytes, at most " + std::to_string(kMaxContent) + " are allowed");
    if (!ValidUtf8(token.content)) return Status::BadModel("an added token is not valid UTF-8");
    int64_t id = Find(token.content);
    if (id == Vocabulary::kNone) id = model.vocabulary().Find(token.content);
    if (id == Vocabulary::kNone) id = next_id++;
    if (id > INT32_MAX) return Status::BadModel("an added token has the id " + std::to_string(id));
    Entry entry{token, token.content};
    if (token.normalized) MOSAIC_RETURN_IF_ERROR(Normalize(normalizers, token.content, &entry.normalized, &budget));
    by_content_[token.content] = static_cast<int32_t>(id);
    by_id_[static_cast<int32_t>(id)] = std::move(entry);
    if (token.special) specials_.insert(token.content);
  }
  Build(false);
  Build(true);
  return Status();
}

void AddedTokens::Build(bool normalized) {
  std::vector<ByteTrie::Entry> entries;
  Matcher& matcher = tries_[normalized];
  for (const auto& [id, entry] : by_id_) {
    if (entry.token.normalized != normalized || entry.normalized.empty()) continue;
    entries.emplace_back(entry.normalized, id);
    matcher.first[static_cast<unsigned char>(entry.normalized[0])] = true;
  }
  // Of tokens that normalise to the same text, the one of the highest id, wherever the map has them.
  std::sort(entries.begin(), entries.end());
  matcher.trie = ByteTrie(std::move(entries));
}

void AddedTokens::Split(bool normalized, std::string_view text, const Piece& piece, size_t* pos, size_t* from,
                        std::vector<Piece>* out, Budget* budget) const {
  const Matcher& matcher = tries_[normalized];
  const auto emit = [&](size_t begin, size_t end, int32_t id) {
    if (begin >= end) return;
    if (id < 0 && piece.id == Piece::kTextAtStart && begin == piece.begin) id = Piece::kTextAtStart;
    out->push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), id});
  };
  const std::string_view in = text.substr(0, piece.end);
  const size_t first = *pos, limit = std::min(in.size(), first + static_cast<size_t>(kStepUnits));
  size_t i = matcher.trie.empty() ? in.size() : first, work = 0;
  while (i < limit && work < static_cast<size_t>(kStepUnits)) {
    if (!matcher.first[static_cast<unsigned char>(in[i])]) {
      ++i;
      continue;
    }
    size_t length = 0, looked_at = 0;
    const int32_t id = matcher.trie.Longest(in, i, &length, &looked_at);
    work += looked_at;
    if (id == ByteTrie::kNone) {
      ++i;
      continue;
    }
    size_t begin = i, end = i + length;
    i = end;
    const AddedToken& token = by_id_.at(id).token;
    if (token.single_word && !AloneIn(in, piece, begin, end)) continue;
    if (token.lstrip) begin = std::max(SkipSpacesBack(in, begin, *from), *from);
    // What the token before took of these spaces need not be looked at again.
    if (token.rstrip) end = SkipSpaces(in, std::max(end, *from), piece.end);
    emit(*from, begin, Piece::kText);
    out->push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), id});
    *from = end;
  }
  budget->Use(static_cast<int64_t>(i - first) / 2 + static_cast<int64_t>(work) + 1);
  *pos = i;
  if (i >= piece.end) {
    emit(*from, piece.end, Piece::kText);
    *pos = piece.end;
  }
}

int32_t AddedTokens::Find(const std::string& content) const {
  const auto it = by_content_.find(content);
  return it == by_content_.end() ? Vocabulary::kNone : it->second;
}

const std::string* AddedTokens::Decoded(int32_t id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second.normalized;
}

size_t AddedTokens::bytes() const {
  size_t n = tries_[0].trie.bytes() + tries_[1].trie.bytes();
  for (const auto& [id, entry] : by_id_) n += 2 * entry.token.content.capacity() + entry.normalized.capacity() + 128;
  return n;
}

}  // namespace mosaic::text
