// The seed of a test that draws at random: the same in every run, another one by MOSAIC_TEST_SEED. Of many thousand samples
// a run, one in some hundred thousand is a sum that cancels to almost nothing, which is no fault.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace mosaic::samples {

inline uint64_t TestSeed() {
  const char* given = std::getenv("MOSAIC_TEST_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
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
