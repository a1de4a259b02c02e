#include "core/cache/reuse.h"

#include <cmath>

namespace mosaic {

double ReuseProbability(double rate, double horizon) { return -std::expm1(-rate * horizon); }

double LossCost(double read_cost, double rate, double horizon) {
  return read_cost * ReuseProbability(rate, horizon);
}

double DecayedCount::At(uint32_t now, double half_life_ticks) const {
  // The difference is right also where ticks have wrapped around.
  const int32_t elapsed = static_cast<int32_t>(now - when);
  if (elapsed <= 0) return weight;
  return weight * std::exp2(-static_cast<double>(elapsed) / half_life_ticks);
}

void DecayedCount::Add(uint32_t now, double half_life_ticks) {
  const double decayed = At(now, half_life_ticks);
  if (weight == 0 || static_cast<int32_t>(now - when) > 0) when = now;
  weight = static_cast<float>(decayed + 1);
}

double RatePerSecond(double weight, double half_life_seconds) {
  return weight * std::log(2.0) / half_life_seconds;
}

}  // namespace mosaic
