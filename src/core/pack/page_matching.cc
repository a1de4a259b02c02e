#include "core/pack/page_matching.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/pack/mix.h"

namespace mosaic {

PageSurvey::PageSurvey(const std::vector<uint32_t>* page_of, PageSequence* out)
    : page_of_(*page_of), out_(out), sort_(&out->blocks, [page_of](uint32_t a, uint32_t b) {
        return (*page_of)[a] < (*page_of)[b];
      }) {
  out_->blocks.resize(page_of_.size());
  std::iota(out_->blocks.begin(), out_->blocks.end(), 0u);
}

bool PageSurvey::Step(Budget* budget) {
  if (!sorted_ && !sort_.Step(budget)) return false;
  sorted_ = true;
  return RunSlice(&cursor_, out_->blocks.size(), budget, [this](size_t i) {
    const uint32_t page = page_of_[out_->blocks[i]];
    if (out_->page.empty() || out_->page.back() != page) {
      out_->page.push_back(page);
      out_->begin.push_back(static_cast<uint32_t>(i));
    }
    out_->begin.back() = static_cast<uint32_t>(i + 1);
    return int64_t{4};
  });
}

PageMatcher::PageMatcher(const std::vector<uint32_t>* kind, const PageSequence* existing,
                         Packing packing, PageSequence* out)
    : kind_(*kind), existing_(*existing), out_(out) {
  out_->begin = std::move(packing.page_begin);
  out_->blocks = std::move(packing.blocks);
  out_->page.assign(out_->begin.size() - 1, PageSequence::kNowhere);
  hash_.resize(existing_.pages());
  by_hash_.resize(existing_.pages());
  std::iota(by_hash_.begin(), by_hash_.end(), 0u);
  kept_.resize(kind_.size());
}

// The kinds of some blocks, sorted, and a hash of them.
uint64_t PageMatcher::KindsOf(const uint32_t* begin, const uint32_t* end,
                              std::vector<uint32_t>* kinds) const {
  uint64_t hash = 0;
  kinds->clear();
  for (const uint32_t* b = begin; b != end; ++b) {
    kinds->push_back(kind_[*b]);
    hash += Mix64(kind_[*b] + uint64_t{1});
  }
  std::sort(kinds->begin(), kinds->end());
  return hash;
}

int64_t PageMatcher::Hash(size_t p) {
  const uint32_t* blocks = existing_.blocks.data();
  hash_[p] = KindsOf(blocks + existing_.begin[p], blocks + existing_.begin[p + 1], &kinds_);
  return 8 * static_cast<int64_t>(kinds_.size());
}

// Looks for an existing page with the kinds of page p of the packing, and takes its blocks.
int64_t PageMatcher::Match(size_t p) {
  uint32_t* const begin = out_->blocks.data() + out_->begin[p];
  uint32_t* const end = out_->blocks.data() + out_->begin[p + 1];
  const uint64_t hash = KindsOf(begin, end, &kinds_);
  const int64_t cost = 16 * static_cast<int64_t>(kinds_.size());
  const auto next = next_.find(hash);
  if (next == next_.end()) return cost;
  if (next->second == by_hash_.size() || hash_[by_hash_[next->second]] != hash) return cost;
  const uint32_t candidate = by_hash_[next->second];
  const uint32_t* blocks = existing_.blocks.data();
  KindsOf(blocks + existing_.begin[candidate], blocks + existing_.begin[candidate + 1], &other_);
  if (other_ != kinds_) return cost;
  next->second++;
  std::copy(blocks + existing_.begin[candidate], blocks + existing_.begin[candidate + 1], begin);
  for (const uint32_t* b = begin; b != end; ++b) kept_[*b] = true;
  out_->page[p] = existing_.page[candidate];
  return cost;
}

void PageMatcher::StartPools() {
  const uint32_t kinds = kind_.empty() ? 0 : *std::max_element(kind_.begin(), kind_.end()) + 1;
  pool_next_.assign(kinds + 1, 0);
  for (uint32_t k : kind_) pool_next_[k + 1]++;
  std::partial_sum(pool_next_.begin(), pool_next_.end(), pool_next_.begin());
  std::vector<uint32_t> end = pool_next_;
  pool_.resize(kind_.size());
  for (uint32_t b = 0; b < kind_.size(); b++) {
    if (!kept_[b]) pool_[end[kind_[b]]++] = b;
  }
}

// Gives page p of the packing the next blocks of its kinds, unless it is an existing one.
int64_t PageMatcher::Fill(size_t p) {
  uint32_t* const begin = out_->blocks.data() + out_->begin[p];
  uint32_t* const end = out_->blocks.data() + out_->begin[p + 1];
  if (out_->page[p] == PageSequence::kNowhere) {
    for (uint32_t* b = begin; b != end; ++b) *b = pool_[pool_next_[kind_[*b]]++];
    std::sort(begin, end);
  }
  return 8 * (end - begin);
}

bool PageMatcher::Step(Budget* budget) {
  if (stage_ == Stage::kHash) {
    if (!RunSlice(&cursor_, hash_.size(), budget, [this](size_t p) { return Hash(p); }))
      return false;
    sort_.emplace(&by_hash_, [this](uint32_t a, uint32_t b) {
      if (hash_[a] != hash_[b]) return hash_[a] < hash_[b];
      return existing_.blocks[existing_.begin[a]] < existing_.blocks[existing_.begin[b]];
    });
    stage_ = Stage::kSort;
  }
  if (stage_ == Stage::kSort) {
    if (!sort_->Step(budget)) return false;
    for (uint32_t i = 0; i < by_hash_.size(); i++) next_.emplace(hash_[by_hash_[i]], i);
    cursor_ = 0;
    stage_ = Stage::kMatch;
  }
  if (stage_ == Stage::kMatch) {
    if (!RunSlice(&cursor_, out_->pages(), budget, [this](size_t p) { return Match(p); }))
      return false;
    StartPools();
    cursor_ = 0;
    stage_ = Stage::kFill;
  }
  if (stage_ == Stage::kFill) {
    if (!RunSlice(&cursor_, out_->pages(), budget, [this](size_t p) { return Fill(p); }))
      return false;
    stage_ = Stage::kDone;
  }
  return true;
}

}  // namespace mosaic
