// The third part of op/property_test.cc: calls that are not right. Each ends in a result or in an error that says what is
// wrong with it; what is read or written beyond an array shows under the sanitizers.
#include <gtest/gtest.h>

#include "op/samples/compare.h"
#include "op/samples/seed.h"
#include "op/samples/wrong.h"

namespace mosaic {
namespace {

using namespace samples;  // NOLINT: all of it

constexpr int kSamples = 60;  // of each operator
constexpr int64_t kMemory = int64_t{32} << 20;

TEST(WrongCalls, AreRefusedOrComputed) {
  const uint64_t seed = TestSeed();
  int64_t refused = 0, tried = 0;
  for (const Generator& g : Generators()) {
    for (int k = 0; k < kSamples; ++k) {
      Draw d(seed * 1000 + static_cast<uint64_t>(k), k % 3 == 0 ? 100 : 24);
      Sample s = DrawSample(g, d);
      std::string what = MakeWrong(&s, d);
      if (what.empty()) continue;
      if (d.Flip()) what += ", " + MakeWrong(&s, d);
      SCOPED_TRACE(what + ": " + DescribeSample(s));
      const Status status = RunWrong(s, seed + static_cast<uint64_t>(k), kMemory);
      EXPECT_NE(status.code(), MOSAIC_E_INTERNAL) << status.message();
      ++tried;
      refused += !status.ok();
    }
  }
  EXPECT_GT(refused, tried / 8) << "too few calls are wrong for this test to say much";
}

}  // namespace
}  // namespace mosaic
