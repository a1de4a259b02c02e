#include "core/cache/retention.h"

#include <algorithm>
#include <cmath>

namespace mosaic {
namespace {

// Two decayed counts differ by more than chance: by five standard deviations of Poisson counts. So
// many since requests change: of the estimates that differ by two to four, too many are outdated.
bool Differ(double a, double b) { return a - b > 5 * std::sqrt(a + b); }

}  // namespace

bool DecideRetention(PageClass* classes, size_t n, uint64_t pool_pages, uint32_t* order) noexcept {
  for (size_t i = 0; i < n; ++i) {
    order[i] = static_cast<uint32_t>(i);
    classes[i].keep = 0;
  }
  std::sort(order, order + n, [&](uint32_t a, uint32_t b) {
    return classes[a].weight != classes[b].weight ? classes[a].weight > classes[b].weight : a < b;
  });
  double room = kKeptPart * static_cast<double>(pool_pages);
  double busiest = 0, left_pages = 0, left_weight = 0;
  bool full = false;
  for (size_t i = 0; i < n; ++i) {
    PageClass& c = classes[order[i]];
    if (c.pages == 0) continue;
    busiest = std::max(busiest, c.weight);
    const double kept = full ? 0 : std::min<double>(room, c.pages);
    c.keep = static_cast<uint32_t>(kept / c.pages * kKeepAll);
    room -= kept;
    full = full || kept < c.pages;
    left_pages += c.pages - kept;
    left_weight += (c.pages - kept) * c.weight;
  }
  return left_pages > 0 && Differ(busiest, left_weight / left_pages);
}

uint32_t SteerUsage(uint32_t usage, bool keep, int64_t* credit) noexcept {
  if (!keep) {
    *credit += usage * kTaken;
    return 0;
  }
  if (usage >= kMaxUsage || *credit < kGiven) return usage;
  const int64_t given = std::min<int64_t>(kMaxUsage - usage, *credit / kGiven);
  *credit -= given * kGiven;
  return usage + static_cast<uint32_t>(given);
}

}  // namespace mosaic
