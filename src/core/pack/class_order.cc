#include "core/pack/class_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mosaic {
namespace {

constexpr int kHashRounds = 3;
constexpr double kMeanRate = 1 << 20;
constexpr double kIdleRate = 1 << 10;

// The finaliser of splitmix64.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Integers, so that sums do not depend on their order.
std::vector<int64_t> FixedRates(const std::vector<double>& rates) {
  // The mean of the scaled rates, so that the sum cannot overflow.
  const double top = rates.empty() ? 0 : *std::max_element(rates.begin(), rates.end());
  double mean = 0;
  for (double r : rates) mean += top > 0 ? r / top / static_cast<double>(rates.size()) : 0;
  std::vector<int64_t> fixed;
  fixed.reserve(rates.size());
  for (double r : rates) {
    const double scaled = mean > 0 ? r / top / mean * kMeanRate : kMeanRate;
    fixed.push_back(static_cast<int64_t>(std::llround(std::max(scaled, kIdleRate))));
  }
  return fixed;
}

}  // namespace

ClassOrder::ClassOrder(SharingClasses classes, const std::vector<double>& rates)
    : in_(std::move(classes)), rate_(FixedRates(rates)) {
  class_hash_.resize(in_.classes());
  for (int64_t r : rate_) model_hash_.push_back(Mix(static_cast<uint64_t>(r)));
  next_hash_ = model_hash_;
  order_.resize(in_.classes());
  std::iota(order_.begin(), order_.end(), 0u);
  models_.resize(rate_.size());
  std::iota(models_.begin(), models_.end(), 0u);
}

// Refines the hashes of classes by those of their models, and the other way round.
bool ClassOrder::HashRounds(Budget* budget) {
  for (; round_ < kHashRounds; round_++) {
    const auto hash_class = [this](size_t c) {
      uint64_t h = Mix(in_.count[c] * 0x100000001b3u + in_.size[c]);
      for (size_t i = in_.begin[c]; i < in_.begin[c + 1]; i++) {
        h += Mix(model_hash_[in_.members[i]]);
      }
      class_hash_[c] = Mix(h);
      for (size_t i = in_.begin[c]; i < in_.begin[c + 1]; i++) {
        next_hash_[in_.members[i]] += class_hash_[c];
      }
      return static_cast<int64_t>(in_.models_of(c)) * 2 + 4;
    };
    if (!RunSlice(&cursor_, in_.classes(), budget, hash_class)) return false;
    cursor_ = 0;
    for (uint64_t& h : next_hash_) h = Mix(h);
    model_hash_ = next_hash_;
  }
  return true;
}

bool ClassOrder::MoreMass(uint32_t a, uint32_t b) const {
  const uint64_t mass_a = uint64_t{in_.count[a]} * in_.size[a] * in_.models_of(a);
  const uint64_t mass_b = uint64_t{in_.count[b]} * in_.size[b] * in_.models_of(b);
  return mass_a != mass_b ? mass_a > mass_b : class_hash_[a] < class_hash_[b];
}

// The classes of each model, by descending mass.
bool ClassOrder::ListClassesOfModels(Budget* budget) {
  if (list_begin_.empty()) {
    list_begin_.assign(rate_.size() + 2, 0);
    for (uint32_t m : in_.members) list_begin_[m + 2]++;
    std::partial_sum(list_begin_.begin(), list_begin_.end(), list_begin_.begin());
    lists_.resize(in_.members.size());
  }
  // list_begin_[m + 1] runs from the begin of m's list to its end.
  return RunSlice(&cursor_, order_.size(), budget, [this](size_t place) {
    const uint32_t c = order_[place];
    for (size_t i = in_.begin[c]; i < in_.begin[c + 1]; i++) {
      lists_[list_begin_[in_.members[i] + 1]++] = static_cast<uint32_t>(place);
    }
    return static_cast<int64_t>(in_.models_of(c)) * 2 + 2;
  });
}

// Who uses the first class that only one of them uses comes first.
bool ClassOrder::ModelLess(uint32_t a, uint32_t b) const {
  size_t i = list_begin_[a], j = list_begin_[b];
  const size_t i_end = list_begin_[a + 1], j_end = list_begin_[b + 1];
  while (i < i_end && j < j_end && lists_[i] == lists_[j]) i++, j++;
  if (i < i_end && j < j_end) return lists_[i] < lists_[j];
  if (i < i_end || j < j_end) return i < i_end;
  return model_hash_[a] < model_hash_[b];
}

bool ClassOrder::RankMembers(Budget* budget) {
  if (rank_.empty()) {
    rank_.resize(models_.size());
    for (size_t r = 0; r < models_.size(); r++) rank_[models_[r]] = static_cast<uint32_t>(r);
  }
  return RunSlice(&cursor_, in_.classes(), budget, [this](size_t c) {
    for (size_t i = in_.begin[c]; i < in_.begin[c + 1]; i++) in_.members[i] = rank_[in_.members[i]];
    std::sort(in_.members.begin() + in_.begin[c], in_.members.begin() + in_.begin[c + 1]);
    return static_cast<int64_t>(in_.models_of(c)) * 8 + 4;
  });
}

// Lexicographic by member ranks, but a set before its prefixes.
bool ClassOrder::ClassLess(uint32_t a, uint32_t b) const {
  size_t i = in_.begin[a], j = in_.begin[b];
  const size_t i_end = in_.begin[a + 1], j_end = in_.begin[b + 1];
  while (i < i_end && j < j_end && in_.members[i] == in_.members[j]) i++, j++;
  if (i < i_end && j < j_end) return in_.members[i] < in_.members[j];
  if (i < i_end || j < j_end) return i < i_end;
  return in_.size[a] > in_.size[b];  // equal sets differ in size
}

bool ClassOrder::CopyClasses(Budget* budget) {
  if (new_number_.empty()) {
    for (uint32_t m : models_) out_.rate.push_back(rate_[m]);
    out_.members.reserve(in_.members.size());
    new_number_.resize(order_.size());
  }
  return RunSlice(&cursor_, order_.size(), budget, [this](size_t place) {
    const uint32_t c = order_[place];
    int64_t weight = 0;
    for (size_t i = in_.begin[c]; i < in_.begin[c + 1]; i++) {
      out_.members.push_back(in_.members[i]);
      weight += out_.rate[in_.members[i]];
    }
    out_.count.push_back(in_.count[c]);
    out_.size.push_back(in_.size[c]);
    out_.begin.push_back(out_.members.size());
    out_.weight.push_back(weight);
    new_number_[c] = static_cast<uint32_t>(place);
    return static_cast<int64_t>(in_.models_of(c)) * 2 + 8;
  });
}

void ClassOrder::Enter(Stage stage) {
  stage_ = stage;
  cursor_ = 0;
  sort_.reset();
  if (stage == Stage::kMass) {
    sort_.emplace(&order_, [this](uint32_t a, uint32_t b) { return MoreMass(a, b); });
  } else if (stage == Stage::kModels) {
    sort_.emplace(&models_, [this](uint32_t a, uint32_t b) { return ModelLess(a, b); });
  } else if (stage == Stage::kClasses) {
    sort_.emplace(&order_, [this](uint32_t a, uint32_t b) { return ClassLess(a, b); });
  }
}

bool ClassOrder::RunStage(Budget* budget) {
  switch (stage_) {
    case Stage::kHash:
      return HashRounds(budget);
    case Stage::kLists:
      return ListClassesOfModels(budget);
    case Stage::kRanks:
      return RankMembers(budget);
    case Stage::kCopy:
      return CopyClasses(budget);
    case Stage::kMass:
    case Stage::kModels:
    case Stage::kClasses:
      return sort_->Step(budget);
    case Stage::kDone:
      break;
  }
  return true;
}

bool ClassOrder::Step(Budget* budget) {
  while (stage_ != Stage::kDone) {
    if (!RunStage(budget)) return false;
    Enter(static_cast<Stage>(static_cast<int>(stage_) + 1));
  }
  in_ = {};
  lists_ = {};
  return true;
}

}  // namespace mosaic
