#include "core/pack/improve.h"

#include <algorithm>
#include <numeric>

namespace mosaic {
namespace {

constexpr int64_t kTrialWork = 40;
constexpr size_t kNothing = SIZE_MAX;
constexpr size_t kMinTrials = 20000, kTrialsPerPiece = 128;
constexpr int64_t kMaxWork = int64_t{1} << 27;  // reached with tens of thousands of classes

}  // namespace

PageImprover::PageImprover(const OrderedClasses& classes, std::vector<MixedPage> pages)
    : classes_(classes), pages_(std::move(pages)), best_(pages_), models_(classes) {
  home_.assign(classes.classes(), 0);
  user_begin_.assign(classes.rate.size() + 1, 0);
  size_t pieces = 0;
  std::vector<bool> present(classes.classes());
  for (uint32_t p = 0; p < pages_.size(); p++) {
    page_cost_.push_back(CostOf(pages_[p], kNothing, nullptr));
    cost_ += page_cost_.back();
    pieces += pages_[p].pieces.size();
    for (const Piece& piece : pages_[p].pieces) {
      home_[piece.cls] = p;
      present[piece.cls] = true;
    }
  }
  best_cost_ = cost_;
  for (uint32_t pass = 0; pass < 2; pass++) {
    for (uint32_t c = 0; c < classes.classes(); c++) {
      if (!present[c]) continue;
      for (size_t i = classes.begin[c]; i < classes.begin[c + 1]; i++) {
        const uint32_t m = classes.members[i];
        if (pass == 0) {
          user_begin_[m + 1]++;
        } else {
          users_[user_begin_[m]++] = c;
        }
      }
    }
    if (pass == 0) {
      std::partial_sum(user_begin_.begin(), user_begin_.end(), user_begin_.begin());
      users_.resize(user_begin_.back());
    }
  }
  // The second pass has moved every begin to the next one's.
  user_begin_.insert(user_begin_.begin(), 0);
  user_begin_.pop_back();
  const int64_t total = std::accumulate(classes.rate.begin(), classes.rate.end(), int64_t{0});
  if (pages_.size() < 2 || total == 0) return;
  const size_t wanted = std::max(kMinTrials, pieces * kTrialsPerPiece);
  // A trial looks at the model sets of two pages.
  int64_t work = 0;
  for (const MixedPage& page : pages_) {
    for (const Piece& p : page.pieces) work += static_cast<int64_t>(classes.models_of(p.cls)) + 2;
  }
  const int64_t per_trial = 2 * work / static_cast<int64_t>(pages_.size()) + kTrialWork;
  trials_ = std::min(wanted, static_cast<size_t>(kMaxWork / per_trial));
  // With few trials there is no time to climb back: start lower.
  start_threshold_ =
      static_cast<int64_t>(static_cast<double>(total) / static_cast<double>(classes.rate.size()) *
                           static_cast<double>(trials_) / static_cast<double>(wanted));
}

// xorshift64* by Marsaglia and Vigna.
uint32_t PageImprover::Random(size_t below) {
  random_ ^= random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  const uint64_t high = (random_ * 0x2545f4914f6cdd1du) >> 32;
  return static_cast<uint32_t>((high * below) >> 32);
}

// A page that holds, or held, a class that has a model in common with cls; now and then any page.
uint32_t PageImprover::RelatedPage(uint32_t page, uint32_t cls) {
  const size_t models = classes_.models_of(cls);
  if (models > 0 && Random(8) != 0) {
    const uint32_t m = classes_.members[classes_.begin[cls] + Random(models)];
    const size_t first = user_begin_[m];
    const uint32_t other = home_[users_[first + Random(user_begin_[m + 1] - first)]];
    if (other != page) return other;
  }
  return Random(pages_.size());
}

bool PageImprover::Draw(Exchange* x) {
  x->page_a = Random(pages_.size());
  const MixedPage& a = pages_[x->page_a];
  if (a.pieces.empty()) return false;
  x->piece_a = Random(a.pieces.size());
  const Piece pa = a.pieces[x->piece_a];
  x->page_b = RelatedPage(x->page_a, pa.cls);
  const MixedPage& b = pages_[x->page_b];
  if (x->page_a == x->page_b || b.pieces.empty()) return false;
  const uint32_t size_a = classes_.size[pa.cls];
  if (b.free >= size_a && Random(2) == 0) {
    x->piece_b = kNothing;
    x->count_a = std::min(pa.count, b.free / size_a);
    x->count_b = 0;
    return true;
  }
  x->piece_b = Random(b.pieces.size());
  const Piece pb = b.pieces[x->piece_b];
  if (pa.cls == pb.cls) return false;
  const uint32_t size_b = classes_.size[pb.cls];
  // As much as possible of the one for as little as possible of the other.
  x->count_b = pb.count;
  const uint64_t room_b = b.free + uint64_t{pb.count} * size_b;
  x->count_a = static_cast<uint32_t>(std::min<uint64_t>(pa.count, room_b / size_a));
  const uint64_t room_a = a.free + uint64_t{x->count_a} * size_a;
  x->count_b = static_cast<uint32_t>(std::min<uint64_t>(pb.count, room_a / size_b));
  const uint64_t freed = b.free + uint64_t{x->count_b} * size_b;
  return x->count_a > 0 && x->count_b > 0 && uint64_t{x->count_a} * size_a <= freed;
}

// The rates of the models of a page without one of its pieces and with another one.
int64_t PageImprover::CostOf(const MixedPage& page, size_t without, const Piece* with) {
  models_.Clear();
  int64_t cost = with == nullptr ? 0 : models_.Add(with->cls);
  for (size_t i = 0; i < page.pieces.size(); i++) {
    if (i == without) continue;
    cost += models_.Add(page.pieces[i].cls);
    work_ += static_cast<int64_t>(classes_.models_of(page.pieces[i].cls)) + 2;
  }
  return cost;
}

void PageImprover::Take(uint32_t page, size_t piece, uint32_t count) {
  MixedPage& p = pages_[page];
  p.free += count * classes_.size[p.pieces[piece].cls];
  p.pieces[piece].count -= count;
  if (p.pieces[piece].count == 0) {
    p.pieces[piece] = p.pieces.back();
    p.pieces.pop_back();
  }
}

void PageImprover::Put(uint32_t page, uint32_t cls, uint32_t count) {
  MixedPage& p = pages_[page];
  p.free -= count * classes_.size[cls];
  home_[cls] = page;
  for (Piece& piece : p.pieces) {
    if (piece.cls == cls) {
      piece.count += count;
      return;
    }
  }
  p.pieces.push_back({cls, count});
}

int64_t PageImprover::Try(int64_t threshold) {
  work_ = kTrialWork;
  Exchange x;
  if (!Draw(&x)) return work_;
  const MixedPage &a = pages_[x.page_a], &b = pages_[x.page_b];
  const Piece pa = a.pieces[x.piece_a];
  const Piece pb = x.piece_b == kNothing ? Piece{0, 0} : b.pieces[x.piece_b];
  const int64_t cost_a =
      CostOf(a, x.count_a == pa.count ? x.piece_a : kNothing, x.count_b > 0 ? &pb : nullptr);
  const int64_t cost_b =
      CostOf(b, x.count_b > 0 && x.count_b == pb.count ? x.piece_b : kNothing, &pa);
  const int64_t change = cost_a + cost_b - page_cost_[x.page_a] - page_cost_[x.page_b];
  if (change > threshold) return work_;
  cost_ += change;
  page_cost_[x.page_a] = cost_a;
  page_cost_[x.page_b] = cost_b;
  Take(x.page_a, x.piece_a, x.count_a);
  if (x.count_b > 0) Take(x.page_b, x.piece_b, x.count_b);
  Put(x.page_b, pa.cls, x.count_a);
  if (x.count_b > 0) Put(x.page_a, pb.cls, x.count_b);
  return work_;
}

bool PageImprover::Step(Budget* budget) {
  const auto attempt = [this](size_t i) {
    const int64_t left = static_cast<int64_t>(trials_ - i);
    const int64_t threshold = start_threshold_ * left / static_cast<int64_t>(trials_);
    return Try(threshold);
  };
  if (!RunSlice(&trial_, trials_, budget, attempt)) return false;
  if (cost_ < best_cost_) {
    best_cost_ = cost_;
    best_ = std::move(pages_);
  }
  const auto empty = [](const MixedPage& p) { return p.pieces.empty(); };
  best_.erase(std::remove_if(best_.begin(), best_.end(), empty), best_.end());
  return true;
}

}  // namespace mosaic
