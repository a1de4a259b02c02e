// What holds for every operator of the registry, with nodes, shapes and elements at random (op/samples): results are
// those of the definition on every instruction set, the same bits however the work is cut, whatever else is in the
// batch, and near them however weights are stored.
//
// MOSAIC_TEST_SEED repeats a run.
#include <gtest/gtest.h>

#include "kernel/isa_test.h"
#include "op/samples/call.h"
#include "op/samples/compare.h"
#include "op/samples/seed.h"

namespace mosaic {
namespace {

using namespace samples;  // NOLINT: all of it

constexpr int kSamples = 6;        // of each operator
TEST(OperatorProperties, EachOperatorHasAGeneratorOrAReason) {
  for (const OpDef* def : AllOps()) {
    EXPECT_TRUE((FindGenerator(*def) != nullptr) != (WhyNone(*def) != nullptr)) << def->domain << "." << def->op_type;
  }
  for (const Generator& g : Generators()) EXPECT_NE(FindOp(g.domain, g.op_type), nullptr) << g.op_type;
}

// A sample under one instruction set: cut in any way the same bits, and near the reference.
void CheckOn(Isa isa, const Generator& g, const Sample& s, const std::vector<Tensor>& inputs, const Status& expected,
             const std::vector<Tensor>& reference, const std::vector<double>* want) {
  const WithIsa with(isa);
  SCOPED_TRACE(IsaName(isa));
  Arena arena;
  std::vector<Tensor> at_once, by_unit;
  const Status status = RunSample(s, inputs, &arena, &at_once);
  ASSERT_EQ(status.code(), expected.code()) << status.message();
  if (!status.ok()) return;
  ASSERT_TRUE(RunSample(s, inputs, &arena, &by_unit, OneUnit).ok());
  std::vector<double> slack;
  if (g.slack != nullptr) g.slack(s.node, inputs, reference, &slack);
  for (size_t o = 0; o < s.outputs; ++o) {
    EXPECT_TRUE(SameElements(at_once[o], by_unit[o])) << "output " << o << " depends on how units are grouped";
    if (o == 0 && want != nullptr) {
      EXPECT_EQ(Differs(at_once[o], *want, g.ulps, ReachOfSums(inputs), slack), "");
    } else {
      EXPECT_EQ(Differs(at_once[o], reference[o], g.ulps, ReachOfSums(inputs), o == 0 ? slack : std::vector<double>()), "") << "output " << o;
    }
  }
}

TEST(OperatorProperties, EveryInstructionSetAndEveryCut) {
  const uint64_t seed = TestSeed();
  for (const Generator& g : Generators()) {
    SCOPED_TRACE(g.op_type);
    const int failures = Failures();
    int accepted = 0;
    for (int k = 0; k < kSamples; ++k) {
      Draw d(seed + static_cast<uint64_t>(k), k % 2 == 0 ? 300 : 40);
      const Sample s = DrawSample(g, d);
      SCOPED_TRACE(DescribeSample(s));
      Arena arena;
      // Half of them have NaN, infinities and extremes, where they do not depend on the order of a sum.
      const bool special = g.oracle == nullptr && g.ulps < kOfLargest && k >= kSamples / 2;
      const std::vector<Tensor> inputs = MakeInputs(s, &arena, seed, special);
      std::vector<Tensor> reference;
      Status expected;
      {
        const WithIsa with(Isa::kReference);
        expected = RunSample(s, inputs, &arena, &reference);
      }
      std::vector<double> want;
      if (expected.ok() && g.oracle != nullptr) g.oracle(s.node, inputs, reference, &want);
      for (Isa isa : UsableIsas()) CheckOn(isa, g, s, inputs, expected, reference, want.empty() ? nullptr : &want);
      if (g.oracle == nullptr || want.empty()) CheckOn(Isa::kReference, g, s, inputs, expected, reference, nullptr);
      accepted += expected.ok();
      if (!expected.ok()) std::printf("refused: %s: %s\n", DescribeSample(s).c_str(), expected.message().c_str());
      if (Failures() > failures) break;
    }
    EXPECT_TRUE(Failures() > failures || accepted >= kSamples / 2) << "refuses most of what its generator draws";
  }
}

}  // namespace
}  // namespace mosaic
