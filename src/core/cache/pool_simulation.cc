#include "core/cache/pool_simulation.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "core/cache/cache_table.h"
#include "core/cache/clock_sweep.h"
#include "core/cache/retention.h"

namespace mosaic {
namespace {

void Count(const PageRead& read, bool hit, bool counted, HitCount* count) {
  if (!counted || read.model == PageRead::kScan) return;
  if (read.model == PageRead::kOther) {
    ++count->other_reads;
    count->other_hits += hit;
  } else {
    ++count->model_reads;
    count->model_hits += hit;
  }
}

// The table that the database keeps in shared memory, asked as it is there.
class Steering {
 public:
  Steering(const ReadTrace& trace, uint32_t frames, double half_life)
      : trace_(trace),
        frames_(frames),
        half_life_(half_life),
        ring_(std::max(1u, std::min(frames / 8, 2048u))),
        memory_(CacheTable::Bytes(trace.store_pages) / sizeof(Line) + 1),
        table_((CacheTable::Initialize(memory_.data(), trace.store_pages), memory_.data())) {}

  void Request(int32_t model) {
    const std::vector<uint32_t>& pages = trace_.model_pages[static_cast<size_t>(model)];
    int slot = table_.FindModel(model + 1);
    if (slot == CacheTable::kNone) slot = table_.AddModel(model + 1, pages.data(), pages.size());
    table_.CountRequest(slot, ++now_, half_life_);
    table_.Decide(frames_, now_, half_life_);
    larger_ = table_.IsLarger(slot, frames_);
  }

  // Of the running request's model. It is read a window at a time.
  bool larger() const { return larger_; }
  ClockSweep::Ring* RingFor(uint32_t page) {
    return larger_ && !table_.Keeps(page, table_.ClassOf(page)) ? &ring_ : nullptr;
  }

  void Used(uint32_t page, ClockSweep* pool) {
    if (!larger_ && !table_.steering()) return;
    int64_t credit = *table_.credit();
    const bool keep = table_.Keeps(page, table_.ClassOf(page));
    pool->SetUsage(page, SteerUsage(pool->usage(page), keep, &credit));
    *table_.credit() = credit;
  }

 private:
  struct alignas(64) Line {
    char bytes[64];
  };
  const ReadTrace& trace_;
  const uint32_t frames_;
  const double half_life_;
  uint32_t now_ = 0;
  bool larger_ = false;
  ClockSweep::Ring ring_;  // as BAS_BULKWRITE's
  std::vector<Line> memory_;
  CacheTable table_;
};

HitCount RunClock(const ReadTrace& trace, uint32_t frames, size_t skip, Steering* steering) {
  ClockSweep pool(frames, trace.pages);
  HitCount count;
  for (size_t i = 0; i < trace.reads.size(); ++i) {
    const PageRead& read = trace.reads[i];
    bool hit;
    if (read.model == PageRead::kScan) {
      pool.UnpinAll();
      hit = pool.ScanPage(read.page);
    } else {
      if (read.model == PageRead::kOther || read.first || pool.pinned() >= frames / 2)
        pool.UnpinAll();
      if (read.first && steering) steering->Request(read.model);
      const bool steered = steering && read.model >= 0;
      if (steered && steering->larger() && pool.pinned() >= std::max(1u, frames / 32))
        pool.UnpinAll();
      hit = pool.Pin(read.page, steered ? steering->RingFor(read.page) : nullptr);
      if (steered) steering->Used(read.page, &pool);
    }
    Count(read, hit, i >= skip, &count);
  }
  return count;
}

// Evicts by the smallest key; a key of a page may change when it is read.
template <typename KeyOf>
HitCount RunByKey(const ReadTrace& trace, uint32_t frames, size_t skip, KeyOf key_of) {
  std::set<std::pair<int64_t, uint32_t>> order;
  std::vector<int64_t> key(trace.pages);
  std::vector<bool> there(trace.pages);
  HitCount count;
  for (size_t i = 0; i < trace.reads.size(); ++i) {
    const uint32_t page = trace.reads[i].page;
    const bool hit = there[page];
    if (hit) {
      order.erase({key[page], page});
    } else {
      if (order.size() == frames) {
        there[order.begin()->second] = false;
        order.erase(order.begin());
      }
      there[page] = true;
    }
    key[page] = key_of(i);
    order.insert({key[page], page});
    Count(trace.reads[i], hit, i >= skip, &count);
  }
  return count;
}

// Of each page of the store: the number of the set of models that use it; they are listed in *sets.
std::vector<uint32_t> SharingSets(const ReadTrace& trace, std::vector<std::vector<int32_t>>* sets) {
  std::vector<std::vector<int32_t>> users(trace.store_pages);
  for (size_t m = 0; m < trace.model_pages.size(); ++m)
    for (uint32_t page : trace.model_pages[m]) users[page].push_back(static_cast<int32_t>(m));
  std::map<std::vector<int32_t>, uint32_t> numbers;
  std::vector<uint32_t> of(trace.store_pages);
  for (uint32_t page = 0; page < trace.store_pages; ++page) {
    const auto [it, added] = numbers.emplace(users[page], static_cast<uint32_t>(numbers.size()));
    if (added) sets->push_back(users[page]);
    of[page] = it->second;
  }
  return of;
}

// Resident pages by locality set, each set by the time of its last read.
class LocalitySets {
 public:
  LocalitySets(const ReadTrace& trace, double half_life) : half_life_(half_life) {
    of_ = SharingSets(trace, &models_);
    requests_.resize(trace.model_pages.size());
    resident_.resize(models_.size() + 1);
    other_pages_ = trace.pages - trace.store_pages;
  }

  void Request(int32_t model) { requests_[static_cast<size_t>(model)].Add(++now_, half_life_); }

  void Read(uint32_t page, int64_t at) {
    if (IsOther(page)) other_.Add(now_, half_life_);
    resident_[SetOf(page)].insert({at, page});
  }
  void Leave(uint32_t page, int64_t at) { resident_[SetOf(page)].erase({at, page}); }

  uint32_t Victim() const {
    size_t best = resident_.size();
    double least = 0;
    for (size_t s = 0; s < resident_.size(); ++s) {
      if (resident_[s].empty()) continue;
      const double cost = LossCost(1, Rate(s), 1);
      if (best == resident_.size() || cost < least) best = s, least = cost;
    }
    const auto& set = resident_[best];
    return best == models_.size() ? set.begin()->second : set.rbegin()->second;
  }

 private:
  bool IsOther(uint32_t page) const { return page >= of_.size(); }
  size_t SetOf(uint32_t page) const { return IsOther(page) ? models_.size() : of_[page]; }
  // Per request.
  double Rate(size_t s) const {
    double weight = 0;
    if (s == models_.size()) {
      weight = other_.At(now_, half_life_) / other_pages_;
    } else {
      for (int32_t m : models_[s]) weight += requests_[static_cast<size_t>(m)].At(now_, half_life_);
    }
    return RatePerSecond(weight, half_life_);
  }

  const double half_life_;
  std::vector<uint32_t> of_;
  std::vector<std::vector<int32_t>> models_;
  std::vector<DecayedCount> requests_;
  DecayedCount other_;
  double other_pages_ = 0;
  uint32_t now_ = 0;
  std::vector<std::set<std::pair<int64_t, uint32_t>>> resident_;  // the last: other tables
};

}  // namespace

HitCount SimulateClockSweep(const ReadTrace& trace, uint32_t frames, size_t skip) {
  return RunClock(trace, frames, skip, nullptr);
}

HitCount SimulateSteered(const ReadTrace& trace, uint32_t frames, size_t skip, double half_life) {
  Steering steering(trace, frames, half_life);
  return RunClock(trace, frames, skip, &steering);
}

HitCount SimulateLru(const ReadTrace& trace, uint32_t frames, size_t skip) {
  return RunByKey(trace, frames, skip, [](size_t i) { return static_cast<int64_t>(i); });
}

HitCount SimulateMru(const ReadTrace& trace, uint32_t frames, size_t skip) {
  return RunByKey(trace, frames, skip, [](size_t i) { return -static_cast<int64_t>(i); });
}

HitCount SimulateBelady(const ReadTrace& trace, uint32_t frames, size_t skip) {
  std::vector<int64_t> next(trace.reads.size()), last(trace.pages, INT64_MAX);
  for (size_t i = trace.reads.size(); i-- > 0;) {
    next[i] = last[trace.reads[i].page];
    last[trace.reads[i].page] = static_cast<int64_t>(i);
  }
  return RunByKey(trace, frames, skip, [&](size_t i) { return -next[i]; });
}

HitCount SimulateLocalitySets(const ReadTrace& trace, uint32_t frames, size_t skip,
                              double half_life) {
  LocalitySets sets(trace, half_life);
  std::vector<int64_t> at(trace.pages, -1);  // of the last read; -1: not there
  uint32_t used = 0;
  HitCount count;
  for (size_t i = 0; i < trace.reads.size(); ++i) {
    const PageRead& read = trace.reads[i];
    const bool hit = at[read.page] >= 0;
    if (read.first) sets.Request(read.model);
    if (hit) {
      sets.Leave(read.page, at[read.page]);
    } else if (used == frames) {
      const uint32_t victim = sets.Victim();
      sets.Leave(victim, at[victim]);
      at[victim] = -1;
    } else {
      ++used;
    }
    at[read.page] = static_cast<int64_t>(i);
    sets.Read(read.page, at[read.page]);
    Count(read, hit, i >= skip, &count);
  }
  return count;
}

HitCount SimulateBestStatic(const ReadTrace& trace, uint32_t frames, size_t skip) {
  std::vector<uint64_t> reads(trace.pages);
  for (size_t i = skip; i < trace.reads.size(); ++i)
    if (trace.reads[i].model != PageRead::kScan) ++reads[trace.reads[i].page];
  std::vector<uint32_t> order(trace.pages);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return reads[a] > reads[b]; });
  std::vector<bool> kept(trace.pages);
  for (size_t i = 0; i < std::min<size_t>(frames, order.size()); ++i) kept[order[i]] = true;
  HitCount count;
  for (size_t i = 0; i < trace.reads.size(); ++i)
    Count(trace.reads[i], kept[trace.reads[i].page], i >= skip, &count);
  return count;
}

}  // namespace mosaic
