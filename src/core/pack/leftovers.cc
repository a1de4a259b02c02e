#include "core/pack/leftovers.h"

#include <algorithm>
#include <numeric>

namespace mosaic {
namespace {

constexpr uint32_t kMinWindow = 8, kMaxWindow = 256;
constexpr size_t kMaxCandidates = 1024;

}  // namespace

int64_t ModelSet::Add(size_t c) {
  int64_t added = 0;
  for (size_t i = classes_.begin[c]; i < classes_.begin[c + 1]; i++) {
    const uint32_t m = classes_.members[i];
    if (seen_[m] != now_) added += classes_.rate[m];
    seen_[m] = now_;
  }
  return added;
}

int64_t ModelSet::Overlap(size_t c) const {
  int64_t shared = 0;
  for (size_t i = classes_.begin[c]; i < classes_.begin[c + 1]; i++) {
    const uint32_t m = classes_.members[i];
    if (seen_[m] == now_) shared += classes_.rate[m];
  }
  return shared;
}

LeftoverFiller::LeftoverFiller(const OrderedClasses& classes, const std::vector<uint32_t>& left,
                               const PackOptions& options)
    : classes_(classes), options_(options), left_(left), models_(classes) {
  const uint32_t n = static_cast<uint32_t>(classes.classes());
  prev_.resize(n + 1);
  next_.resize(n + 1);
  own_begin_.assign(classes.rate.size() + 1, 0);
  uint32_t before = n;
  for (uint32_t c = 0; c < n; c++) {
    if (left_[c] == 0) continue;
    seeds_.push_back(c);
    next_[before] = c;
    prev_[c] = before;
    before = c;
    if (classes.models_of(c) == 1) {
      own_.push_back(c);  // in the order of models: such sets are sorted by their only member
      own_begin_[classes.members[classes.begin[c]] + 1]++;
    }
  }
  next_[before] = n;
  prev_[n] = before;
  std::partial_sum(own_begin_.begin(), own_begin_.end(), own_begin_.begin());
  last_ = seeds_.size();
  // Everything is compared with everything while there is little; the product stays bounded.
  const size_t window = (size_t{1} << 21) / (seeds_.size() + 1);
  window_ = static_cast<uint32_t>(std::clamp<size_t>(window, kMinWindow, kMaxWindow));
  sort_.emplace(&seeds_, [this](uint32_t a, uint32_t b) {
    if (classes_.size[a] != classes_.size[b]) return classes_.size[a] > classes_.size[b];
    return classes_.weight[a] > classes_.weight[b];
  });
}

void LeftoverFiller::CollectNeighbours(uint32_t seed) {
  const uint32_t anchor = static_cast<uint32_t>(left_.size());
  candidates_.clear();
  uint32_t down = prev_[seed], up = next_[seed];
  for (uint32_t i = 0; i < window_; i++) {
    if (down != anchor) {
      candidates_.push_back(down);
      down = prev_[down];
    }
    if (up != anchor) {
      candidates_.push_back(up);
      up = next_[up];
    }
  }
  work_ += 2 * window_;
}

// Moves count blocks of the class to the page, and makes candidates of what its models own alone.
void LeftoverFiller::Place(uint32_t cls, uint32_t count) {
  page_.pieces.push_back({cls, count});
  page_.free -= count * classes_.size[cls];
  models_.Add(cls);
  left_[cls] -= count;
  if (left_[cls] == 0) {
    next_[prev_[cls]] = next_[cls];
    prev_[next_[cls]] = prev_[cls];
  }
  for (size_t i = classes_.begin[cls]; i < classes_.begin[cls + 1]; i++) {
    const uint32_t m = classes_.members[i];
    for (uint32_t k = own_begin_[m]; k < own_begin_[m + 1]; k++) {
      if (candidates_.size() >= kMaxCandidates) return;
      if (left_[own_[k]] > 0) candidates_.push_back(own_[k]);
    }
  }
  work_ += static_cast<int64_t>(classes_.models_of(cls)) * 2;
}

// The best class to add to the page, and how much of it; count 0 if nothing is to be added.
Piece LeftoverFiller::Choose() {
  enum Kind { kNothing, kForcedSplit, kApart, kFreeSplit, kShares };
  const bool fill = options_.aim == PackAim::kStorage;
  Kind best_kind = kNothing;
  int64_t best_score = 0;
  Piece best = {0, 0};
  const auto consider = [&](uint32_t c) {
    const uint32_t size = classes_.size[c];
    if (left_[c] == 0 || size > page_.free) return;
    const uint32_t count = std::min(left_[c], page_.free / size);
    const bool whole = count == left_[c];
    const int64_t shared = models_.Overlap(c), added = classes_.weight[c] - shared;
    work_ += static_cast<int64_t>(classes_.models_of(c)) + 4;
    Kind kind = kForcedSplit;
    int64_t score = -added;
    if (whole && shared > 0) {
      kind = kShares;
      score = 4 * shared - added;
    } else if (shared > 8 * added) {
      kind = kFreeSplit;
    } else if (whole) {
      kind = kApart;
    }
    if (!fill && kind < kFreeSplit) return;
    if (kind > best_kind || (kind == best_kind && score > best_score)) {
      best_kind = kind;
      best_score = score;
      best = {c, count};
    }
  };
  for (uint32_t c : candidates_) consider(c);
  if (best_kind < kFreeSplit && first_ < last_) consider(seeds_[last_ - 1]);
  return best;
}

void LeftoverFiller::FillPage(uint32_t seed) {
  page_.free = options_.capacity;
  page_.pieces.clear();
  models_.Clear();
  CollectNeighbours(seed);
  Place(seed, std::min(left_[seed], page_.free / classes_.size[seed]));
  while (page_.free > 0) {
    while (first_ < last_ && left_[seeds_[last_ - 1]] == 0) last_--;
    const Piece piece = Choose();
    if (piece.count == 0) break;
    Place(piece.cls, piece.count);
  }
  page_.pieces.shrink_to_fit();
  pages_.push_back(page_);
}

// Joins the page with an earlier one that shares most with it; else with the fullest that fits.
void LeftoverFiller::Join(uint32_t page) {
  const uint32_t used = options_.capacity - pages_[page].free;
  models_.Clear();
  for (const Piece& p : pages_[page].pieces) models_.Add(p.cls);
  auto best = open_.end();
  int64_t best_shared = -1;
  auto it = open_.upper_bound({options_.capacity - used, UINT32_MAX});
  for (uint32_t i = 0; i < window_ && it != open_.begin(); i++) {
    --it;
    int64_t shared = 0;
    for (const Piece& p : pages_[it->second].pieces) {
      shared += models_.Overlap(p.cls);
      work_ += static_cast<int64_t>(classes_.models_of(p.cls)) + 2;
    }
    if (shared > best_shared) {
      best_shared = shared;
      best = it;
    }
  }
  uint32_t target = page;
  if (best != open_.end()) {
    target = best->second;
    open_.erase(best);
    pages_[target].pieces.insert(pages_[target].pieces.end(), pages_[page].pieces.begin(),
                                 pages_[page].pieces.end());
    pages_[target].free -= used;
    pages_[page] = {options_.capacity, {}};
  }
  if (pages_[target].free > 0) open_.insert({options_.capacity - pages_[target].free, target});
}

bool LeftoverFiller::JoinPages(Budget* budget) {
  if (!join_sort_) {
    for (uint32_t p = 0; p < pages_.size(); p++) {
      if (pages_[p].free > 0) join_order_.push_back(p);
    }
    join_sort_.emplace(&join_order_,
                       [this](uint32_t a, uint32_t b) { return pages_[a].free < pages_[b].free; });
  }
  if (!join_sort_->Step(budget)) return false;
  const auto join = [this](size_t i) {
    work_ = 8;
    Join(join_order_[i]);
    return work_;
  };
  if (!RunSlice(&next_join_, join_order_.size(), budget, join)) return false;
  const auto empty = [](const MixedPage& p) { return p.pieces.empty(); };
  pages_.erase(std::remove_if(pages_.begin(), pages_.end(), empty), pages_.end());
  return true;
}

bool LeftoverFiller::Step(Budget* budget) {
  if (!sort_->Step(budget)) return false;
  while (first_ < last_) {
    const uint32_t seed = seeds_[first_];
    if (left_[seed] == 0) {
      first_++;
      continue;
    }
    if (budget->spent()) return false;
    work_ = 8;
    FillPage(seed);
    budget->Spend(work_);
  }
  return JoinPages(budget);  // for storage only blocks of different sizes leave anything to do
}

}  // namespace mosaic
