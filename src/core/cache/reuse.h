// How often something is requested, how soon it will be again, and what losing it costs.
//
// Source: Zhou et al., "Serving Deep Learning Models with Deduplication from Relational Databases",
// PVLDB 15(10), 2022: requests of models are taken for Poisson processes, a page is requested at
// the sum of the rates of the models that use it, and evicting it costs its read times the
// probability that it is wanted again within a horizon. docs/cache.md says what of this a clock
// sweep can express.
#pragma once

#include <cstdint>

namespace mosaic {

// 1 - e^(-rate * horizon): of at least one request within the horizon. Rate and horizon in one unit
// of time, both >= 0.
double ReuseProbability(double rate, double horizon);

// read_cost * ReuseProbability(rate, horizon), in the unit of read_cost.
double LossCost(double read_cost, double rate, double horizon);

// A count of requests that halves with every half-life: 1 for each request, when it is made.
struct DecayedCount {
  float weight = 0;
  uint32_t when = 0;  // ticks

  // The weight at a time; times that lie before the last request count as it.
  double At(uint32_t now, double half_life_ticks) const;
  void Add(uint32_t now, double half_life_ticks);
};

// The rate per second at which requests come, where their decayed count has come to rest at weight.
double RatePerSecond(double weight, double half_life_seconds);

}  // namespace mosaic
