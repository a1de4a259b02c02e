// The seed of a test that draws at random: MOSAIC_TEST_SEED repeats a run.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace mosaic::samples {

inline uint64_t TestSeed() {
  const char* given = std::getenv("MOSAIC_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

// How many expectations of the running test failed so far.
inline int Failures() {
  const ::testing::TestResult& result = *::testing::UnitTest::GetInstance()->current_test_info()->result();
  int n = 0;
  for (int i = 0; i < result.total_part_count(); ++i) n += result.GetTestPartResult(i).failed();
  return n;
}

}  // namespace mosaic::samples
