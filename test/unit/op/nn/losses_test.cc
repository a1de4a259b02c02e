// Losses, Dropout, GlobalAveragePool.
#include <cmath>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

TEST(NllLossTest, ReductionsWeightsAndIgnored) {
  const auto call = [](const char* reduction, bool weights) {
    OpCall c("NegativeLogLikelihoodLoss");
    c.String("reduction", reduction).Int("ignore_index", -1);
    c.In({4, 2}, {-1, -2, -3, -4, -5, -6, -7, -8}).In<int64_t>({4}, {0, 1, -1, 1});
    if (weights) c.In({2}, {10, 1});
    const Status s = c.Run();
    EXPECT_TRUE(s.ok()) << s.message();
    return c.values();
  };
  EXPECT_THAT(call("none", false), ElementsAre(1, 4, 0, 8));
  EXPECT_THAT(call("none", true), ElementsAre(10, 4, 0, 8));
  EXPECT_THAT(call("sum", true), ElementsAre(22));
  EXPECT_THAT(call("mean", false), ElementsAre(FloatEq(13.0F / 3)));
  EXPECT_THAT(call("mean", true), ElementsAre(FloatEq(22.0F / 12)));
}

TEST(NllLossTest, Refusals) {
  EXPECT_REFUSED(OpCall("NegativeLogLikelihoodLoss").In({1, 2}, {1}).In<int64_t>({1}, {2}).Run(),
                 MOSAIC_E_INVALID, "target 2 is out of range for 2 classes");
  EXPECT_REFUSED(OpCall("NegativeLogLikelihoodLoss").In({1, 2}, {1}).In<int32_t>({1}, {-1}).Run(),
                 MOSAIC_E_INVALID, "target -1");
  EXPECT_REFUSED(OpCall("NegativeLogLikelihoodLoss").In({1, 2}, {1}).In<int64_t>({2}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "targets of shape [2] do not fit scores of shape [1, 2]");
  EXPECT_REFUSED(
      OpCall("NegativeLogLikelihoodLoss").In({1, 2}, {1}).In<int64_t>({1}, {0}).In({3}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "weights of shape [3] do not fit 2 classes");
  EXPECT_REFUSED(OpCall("NegativeLogLikelihoodLoss")
                     .String("reduction", "max")
                     .In({1, 2}, {1})
                     .In<int64_t>({1}, {0})
                     .Make(),
                 MOSAIC_E_BAD_MODEL, "reduction must be");
}

TEST(SoftmaxCrossEntropyLossTest, LossAndLogProbabilities) {
  OpCall call("SoftmaxCrossEntropyLoss");
  const float l2 = std::log(2.0F), l5 = std::log(5.0F), l8 = std::log(8.0F);
  ASSERT_OK(call.Outputs(2)
                .String("reduction", "none")
                .In({1, 3, 2}, {0, 1, l2, 1, l5, 1})
                .In<int64_t>({1, 2}, {1, 0})
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(FloatEq(l8 - l2), FloatEq(std::log(3.0F))));
  EXPECT_THAT(call.values<float>(1),
              ElementsAre(FloatEq(-l8), FloatEq(-std::log(3.0F)), FloatEq(l2 - l8),
                          FloatEq(-std::log(3.0F)), FloatEq(l5 - l8), FloatEq(-std::log(3.0F))));
  OpCall many("SoftmaxCrossEntropyLoss");
  ASSERT_OK(many.In({1, 100000}, {3}).In<int32_t>({1}, {99999}).Run());
  EXPECT_THAT(many.values(), ElementsAre(FloatEq(std::log(100000.0F))));
}

TEST(DropoutTest, IsTheIdentity) {
  OpCall call("Dropout"), no_ratio("Dropout");
  ASSERT_OK(call.Outputs(2).In({2}, {1, 2}).In({}, {0.5F}).In<Bool>({}, {false}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 2));
  EXPECT_THAT(call.values<Bool>(1), ElementsAre(true, true));
  ASSERT_OK(no_ratio.Outputs(2).In({2}, {1, 2}).In({}, {0}).In<Bool>({}, {true}).Run());
  EXPECT_THAT(no_ratio.values<Bool>(1), ElementsAre(true, true));
  EXPECT_REFUSED(OpCall("Dropout").In({2}, {1}).In({}, {0.5F}).In<Bool>({}, {true}).Run(),
                 MOSAIC_E_UNSUPPORTED, "training_mode");
  EXPECT_REFUSED(OpCall("Dropout").In({2}, {1}).Omitted().In<Bool>({}, {true}).Run(),
                 MOSAIC_E_UNSUPPORTED, "training_mode");
  EXPECT_REFUSED(OpCall("Dropout").In({2}, {1}).Omitted().In<Bool>({2}, {false}).Run(),
                 MOSAIC_E_BAD_MODEL, "one bool");
}

TEST(GlobalAveragePoolTest, MeansOfChannels) {
  OpCall pool("GlobalAveragePool");
  ASSERT_OK(pool.In({1, 2, 1, 2}, {1, 3, 5, 9}).Run());
  EXPECT_EQ(pool.shape(), (Shape{1, 2, 1, 1}));
  EXPECT_THAT(pool.values(), ElementsAre(2, 7));
  EXPECT_REFUSED(OpCall("GlobalAveragePool").In({1, 2, 0}, {1}).Run(), MOSAIC_E_INVALID,
                 "no elements");
  EXPECT_REFUSED(OpCall("GlobalAveragePool").In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "at least 3");
}

}  // namespace
}  // namespace mosaic
