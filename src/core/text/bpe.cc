// Byte pair encoding. Short words are merged by looking for the best pair again and again, long ones with a
// heap, so that a word of n characters takes n log n.
#include <algorithm>
#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/text/byte_fallback.h"
#include "core/text/merge_table.h"
#include "core/text/model.h"
#include "core/text/utf8.h"
#include "core/util/quote.h"

namespace mosaic::text {
namespace {

// What recent words became: most words of a text are frequent ones.
class WordCache {
 public:
  static constexpr size_t kMaxWord = 40, kMaxIds = 14;

  // False: not there; then *slot is where the word may be put.
  bool Find(std::string_view word, std::vector<int32_t>* ids, size_t* slot) {
    if (entries_.empty()) entries_.resize(kEntries);
    *slot = XXH3_64bits(word.data(), word.size()) % kEntries;
    const Entry& e = entries_[*slot];
    if (e.length != word.size() || std::memcmp(e.word, word.data(), e.length) != 0) return false;
    ids->insert(ids->end(), e.ids, e.ids + e.count);
    return true;
  }
  void Put(size_t slot, std::string_view word, const int32_t* ids, size_t count) {
    if (count > kMaxIds) return;
    Entry& e = entries_[slot];
    e.length = static_cast<uint8_t>(word.size());
    e.count = static_cast<uint8_t>(count);
    std::memcpy(e.word, word.data(), word.size());
    std::copy(ids, ids + count, e.ids);
  }

 private:
  static constexpr size_t kEntries = 8192;
  struct Entry {
    uint8_t length = 0, count = 0;  // length 0: free
    char word[kMaxWord];
    int32_t ids[kMaxIds];
  };
  std::vector<Entry> entries_;
};

struct Symbol {
  int32_t id;
  uint32_t previous, next;  // places; kEnd: none
  bool gone = false;        // merged into the one before it
};

struct Candidate {
  uint32_t rank, pos;
  int32_t result;
  // For a heap whose top is the least rank, the leftmost of those.
  bool operator<(const Candidate& o) const { return rank != o.rank ? rank > o.rank : pos > o.pos; }
};

constexpr uint32_t kEnd = UINT32_MAX;
constexpr size_t kShortWord = 48;  // symbols

class Bpe : public Model {
 public:
  Bpe(Vocabulary vocabulary, MergeTable merges, const BpeOptions& options)
      : Model(std::move(vocabulary)), merges_(std::move(merges)), options_(options), bytes_(vocabulary_),
        plain_(options.continuing_subword_prefix.empty() && options.end_of_word_suffix.empty()),
        unk_(options.unk_token.empty() ? Vocabulary::kNone : vocabulary_.Find(options.unk_token)) {
    for (char32_t c = 0; c < letters_.size(); ++c) {
      std::string letter;
      AppendChar(c, &letter);
      letters_[c] = vocabulary_.Find(letter);
    }
  }

  const char* name() const override { return "BPE"; }
  std::unique_ptr<Scratch> NewScratch() const override { return std::make_unique<Work>(); }
  size_t bytes() const override { return vocabulary_.bytes() + merges_.bytes(); }

  Status Run(std::string_view word, Scratch* scratch, std::vector<int32_t>* ids, bool* done,
             Budget* budget) const override {
    auto* work = static_cast<Work*>(scratch);
    *done = true;
    if (work->phase == Phase::kIdle && Known(word, work, ids)) {
      budget->Use(8);
      return Status();
    }
    *done = false;
    if (work->phase == Phase::kSymbols) {
      MOSAIC_RETURN_IF_ERROR(MakeSymbols(word, work, budget));
      if (work->pos < word.size()) return Status();
      work->phase = work->symbols.size() <= kShortWord ? Phase::kShort : Phase::kHeap;
      work->pos = 0;
    }
    if (work->phase == Phase::kShort) MergeShort(&work->symbols, budget);
    if (work->phase == Phase::kHeap && !MergeLong(work, budget)) return Status();
    Finish(word, work, ids);
    *done = true;
    return Status();
  }

 private:
  enum class Phase { kIdle, kSymbols, kShort, kHeap };

  struct Work : Scratch {
    void Restart() override { phase = Phase::kIdle; }
    Phase phase = Phase::kIdle;
    size_t pos = 0;  // of the word, or of the symbols
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    bool unk_pending = false;
    std::string buffer;
    WordCache cache;
    size_t slot = 0;
    bool cacheable = false;
  };

  // Whether the word needs no work; else begins it.
  bool Known(std::string_view word, Work* work, std::vector<int32_t>* ids) const {
    if (options_.ignore_merges) {
      const int32_t id = vocabulary_.Find(word);
      if (id != Vocabulary::kNone) {
        ids->push_back(id);
        return true;
      }
    }
    work->cacheable = word.size() <= WordCache::kMaxWord;
    if (work->cacheable && work->cache.Find(word, ids, &work->slot)) return true;
    work->phase = Phase::kSymbols;
    work->pos = 0;
    work->symbols.clear();
    work->heap.clear();
    work->unk_pending = false;
    return false;
  }

  void Push(Work* work, int32_t id) const {
    const auto at = static_cast<uint32_t>(work->symbols.size());
    work->symbols.push_back({id, at == 0 ? kEnd : at - 1, kEnd});
    if (at > 0) work->symbols[at - 1].next = at;
  }

  // The text's characters as tokens; unknown ones as bytes or as the token for such.
  Status MakeSymbols(std::string_view word, Work* work, Budget* budget) const {
    const size_t first = work->pos;
    while (work->pos < word.size() && !budget->spent()) {
      const size_t begin = work->pos;
      size_t length, looked_at = 0;
      const int32_t verbatim =
          options_.verbatim.empty() ? ByteTrie::kNone : options_.verbatim.Longest(word, begin, &length, &looked_at);
      budget->Use(static_cast<int64_t>(looked_at));
      if (verbatim != ByteTrie::kNone) {
        if (work->unk_pending) Push(work, unk_);
        work->unk_pending = false;
        Push(work, verbatim);
        work->pos += length;
        continue;
      }
      const char32_t c = DecodeChar(word, &work->pos);
      std::string_view letter = word.substr(begin, work->pos - begin);
      int32_t id;
      if (plain_) {
        id = c < letters_.size() ? letters_[c] : vocabulary_.Find(letter);
      } else {
        std::string& s = work->buffer;
        s.clear();
        if (begin > 0) s += options_.continuing_subword_prefix;
        s += letter;
        if (work->pos == word.size()) s += options_.end_of_word_suffix;
        letter = s;
        id = vocabulary_.Find(letter);
      }
      if (id != Vocabulary::kNone) {
        if (work->unk_pending) Push(work, unk_);
        work->unk_pending = false;
        Push(work, id);
      } else if (options_.byte_fallback && bytes_.Has(letter)) {
        for (const char b : letter) Push(work, bytes_.id(b));
      } else if (!options_.unk_token.empty()) {
        if (unk_ == Vocabulary::kNone)
          return Status::BadModel("a character is not in the vocabulary, and neither is the token for such, " +
                                  Quoted(options_.unk_token));
        if (work->unk_pending && !options_.fuse_unk) Push(work, unk_);
        work->unk_pending = true;
      }
      budget->Use(4);
    }
    budget->Use(static_cast<int64_t>(work->pos - first));
    if (work->pos == word.size() && work->unk_pending) Push(work, unk_);
    return Status();
  }

  void MergeShort(std::vector<Symbol>* symbols, Budget* budget) const {
    std::array<int32_t, kShortWord> ids;
    std::array<const MergeTable::Rule*, kShortWord> rules;  // with the next one; nullptr: none
    size_t n = symbols->size();
    for (size_t i = 0; i < n; ++i) ids[i] = (*symbols)[i].id;
    for (size_t i = 0; i + 1 < n; ++i) rules[i] = merges_.Find(ids[i], ids[i + 1]);
    while (n > 1) {
      size_t best = n;
      for (size_t i = 0; i + 1 < n; ++i)
        if (rules[i] != nullptr && (best == n || rules[i]->rank < rules[best]->rank)) best = i;
      if (best == n) break;
      ids[best] = rules[best]->result;
      std::copy(ids.begin() + best + 2, ids.begin() + n, ids.begin() + best + 1);
      std::copy(rules.begin() + best + 1, rules.begin() + n - 1, rules.begin() + best);
      --n;
      if (best > 0) rules[best - 1] = merges_.Find(ids[best - 1], ids[best]);
      if (best + 1 < n) rules[best] = merges_.Find(ids[best], ids[best + 1]);
      budget->Use(8);
    }
    symbols->resize(n);
    for (size_t i = 0; i < n; ++i) (*symbols)[i] = {ids[i], kEnd, kEnd};
  }

  void Consider(Work* work, uint32_t pos) const {
    const Symbol& s = work->symbols[pos];
    if (s.next == kEnd) return;
    const MergeTable::Rule* rule = merges_.Find(s.id, work->symbols[s.next].id);
    if (rule == nullptr) return;
    work->heap.push_back({rule->rank, pos, rule->result});
    std::push_heap(work->heap.begin(), work->heap.end());
  }

  // False: the budget is spent.
  bool MergeLong(Work* work, Budget* budget) const {
    std::vector<Symbol>& symbols = work->symbols;
    for (; work->pos < symbols.size(); ++work->pos) {
      if (budget->spent()) return false;
      Consider(work, static_cast<uint32_t>(work->pos));
      budget->Use(8);
    }
    while (!work->heap.empty()) {
      if (budget->spent()) return false;
      budget->Use(24);
      std::pop_heap(work->heap.begin(), work->heap.end());
      const Candidate top = work->heap.back();
      work->heap.pop_back();
      Symbol& left = symbols[top.pos];
      if (left.gone || left.next == kEnd) continue;
      // The pair may have become another since.
      const MergeTable::Rule* rule = merges_.Find(left.id, symbols[left.next].id);
      if (rule == nullptr || rule->result != top.result) continue;
      Symbol& right = symbols[left.next];
      left.id = top.result;
      left.next = right.next;
      right.gone = true;
      if (left.next != kEnd) symbols[left.next].previous = top.pos;
      if (left.previous != kEnd) Consider(work, left.previous);
      Consider(work, top.pos);
    }
    return true;
  }

  void Finish(std::string_view word, Work* work, std::vector<int32_t>* ids) const {
    const size_t before = ids->size();
    for (const Symbol& s : work->symbols)
      if (!s.gone) ids->push_back(s.id);
    if (work->cacheable) work->cache.Put(work->slot, word, ids->data() + before, ids->size() - before);
    if (work->symbols.capacity() > 64 * 1024) {
      work->symbols = {};
      work->heap = {};
    }
    work->phase = Phase::kIdle;
  }

  const MergeTable merges_;
  const BpeOptions options_;
  const ByteTokens bytes_;
  const bool plain_;
  const int32_t unk_;
  std::array<int32_t, 0x250> letters_;  // tokens of single characters: Latin, and all letters of bytes
};

}  // namespace

Status NewBpe(Vocabulary vocabulary, const std::vector<Merge>& merges, const BpeOptions& options,
              std::unique_ptr<Model>* out) {
  MergeTable table(merges.size());
  for (const Merge& merge : merges)
    if (!table.Add(merge))
      return Status::BadModel("the ids of the merges are such that no table can hold them");
  *out = std::make_unique<Bpe>(std::move(vocabulary), std::move(table), options);
  return Status();
}

}  // namespace mosaic::text
