// CausalConvWithState: sums over earlier positions and the state of an earlier call; in pieces the
// same.
#include "op/op_call.h"

namespace mosaic {
namespace {

using ::testing::ElementsAre;

TEST(CausalConv, SeesEarlierPositionsOnly) {
  OpCall call("CausalConvWithState");
  call.In({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})
      .In({2, 1, 3}, {100, 10, 1, 0, 0, 2})
      .In({2}, {0.5F, 0});
  ASSERT_OK(call.Outputs(2).Run());
  EXPECT_THAT(call.values(), ElementsAre(1.5F, 12.5F, 123.5F, 234.5F, 10, 12, 14, 16));
  EXPECT_EQ(call.shape(1), (Shape{1, 2, 2}));
  EXPECT_THAT(call.values(1), ElementsAre(3, 4, 7, 8));
}

TEST(CausalConv, GoesOnWithTheState) {
  OpCall call("CausalConvWithState");
  call.In({1, 1, 1}, {4}).In({1, 1, 4}, {1000, 100, 10, 1}).Omitted().In({1, 1, 3}, {1, 2, 3});
  ASSERT_OK(call.Outputs(2).Run());
  EXPECT_THAT(call.values(), ElementsAre(1234));
  EXPECT_THAT(call.values(1), ElementsAre(2, 3, 4));
  OpCall none("CausalConvWithState");
  none.In({1, 1, 0}, {}).In({1, 1, 3}, {1, 2, 3}).Omitted().In({1, 1, 2}, {5, 6});
  ASSERT_OK(none.Outputs(2).Run());
  EXPECT_EQ(none.shape(), (Shape{1, 1, 0}));
  EXPECT_THAT(none.values(1), ElementsAre(5, 6));
}

TEST(CausalConv, Silu) {
  OpCall call("CausalConvWithState");
  call.String("activation", "silu").In({1, 1, 2}, {0, 1}).In({1, 1, 1}, {1});
  ASSERT_OK(call.Run());
  EXPECT_FLOAT_EQ(call.values()[0], 0);
  EXPECT_FLOAT_EQ(call.values()[1], 0.7310586F);
}

// The second half with the state of the first: the same bits as at once.
TEST(CausalConv, InPiecesTheSameBits) {
  std::mt19937 rng(3);
  std::uniform_real_distribution<float> real(-1, 1);
  std::vector<float> x(5000), first(3000), second(2000), w(5);
  for (float& v : x) v = real(rng);
  for (float& v : w) v = real(rng);
  std::copy_n(x.begin(), 3000, first.begin());
  std::copy_n(x.begin() + 3000, 2000, second.begin());
  OpCall whole("CausalConvWithState"), begin("CausalConvWithState"), rest("CausalConvWithState");
  ASSERT_OK(whole.In({1, 1, 5000}, x).In({1, 1, 5}, w).Outputs(2).Run());
  ASSERT_OK(begin.In({1, 1, 3000}, first).In({1, 1, 5}, w).Outputs(2).Run());
  rest.In({1, 1, 2000}, second).In({1, 1, 5}, w).Omitted().In({1, 1, 4}, begin.values(1));
  ASSERT_OK(rest.Outputs(2).Run());
  std::vector<float> joined = begin.values(), all = whole.values();
  const std::vector<float> tail = rest.values();
  joined.insert(joined.end(), tail.begin(), tail.end());
  EXPECT_EQ(joined, all);
  EXPECT_EQ(rest.values(1), whole.values(1));
}

TEST(CausalConv, Refusals) {
  OpCall rank("CausalConvWithState"), kernels("CausalConvWithState"), past("CausalConvWithState");
  OpCall bias("CausalConvWithState"), types("CausalConvWithState"), act("CausalConvWithState");
  OpCall long_kernel("CausalConvWithState");
  EXPECT_REFUSED(rank.In({2, 3}, {1}).In({2, 1, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "are not [batch");
  EXPECT_REFUSED(kernels.In({1, 2, 3}, {1}).In({3, 1, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "do not fit");
  EXPECT_REFUSED(past.In({1, 2, 3}, {1}).In({2, 1, 3}, {1}).Omitted().In({1, 2, 3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "past_state has shape [1, 2, 3], should have [1, 2, 2]");
  EXPECT_REFUSED(bias.In({1, 2, 3}, {1}).In({2, 1, 3}, {1}).In({3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "bias does not fit");
  EXPECT_REFUSED(types.In<double>({1, 2, 3}, {1}).In<double>({2, 1, 3}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "an input");
  EXPECT_REFUSED(act.String("activation", "relu").In({1, 2, 3}, {1}).In({2, 1, 3}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "activation relu");
  EXPECT_REFUSED(long_kernel.In({1, 1, 3}, {1}).In({1, 1, 70000}, {1}).Run(), MOSAIC_E_LIMIT,
                 "a kernel has 70000 elements");
}

}  // namespace
}  // namespace mosaic
