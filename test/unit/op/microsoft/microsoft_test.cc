// com.microsoft: the Gelu family, SkipLayerNormalization and its simplified form.
#include <cmath>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

const std::vector<float> kValues = {-3, -0.5F, 0, 0.25F, 1, 2.5F};

TEST(MicrosoftGelu, Functions) {
  OpCall gelu("Gelu", kMicrosoftDomain), fast("FastGelu", kMicrosoftDomain),
      quick("QuickGelu", kMicrosoftDomain), alpha("QuickGelu", kMicrosoftDomain);
  ASSERT_OK(gelu.In({6}, kValues).Run());
  ASSERT_OK(fast.In({6}, kValues).Run());
  ASSERT_OK(quick.In({6}, kValues).Run());
  ASSERT_OK(alpha.Float("alpha", 1).In({6}, kValues).Run());
  for (size_t i = 0; i < kValues.size(); ++i) {
    const double x = static_cast<double>(kValues[i]);
    EXPECT_NEAR(static_cast<double>(gelu.values()[i]), x * (1 + std::erf(x / std::sqrt(2.0))) / 2,
                3e-7);
    EXPECT_NEAR(static_cast<double>(fast.values()[i]),
                x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2, 3e-7);
    EXPECT_NEAR(static_cast<double>(quick.values()[i]), x / (1 + std::exp(-1.702F * x)), 3e-7);
    EXPECT_NEAR(static_cast<double>(alpha.values()[i]), x / (1 + std::exp(-x)), 3e-7);
  }
}

// A bias that is fused has the bits of an Add before.
TEST(MicrosoftGelu, BiasIsAddedFirst) {
  for (const auto& [biased, plain] :
       {std::pair("BiasGelu", "Gelu"), std::pair("FastGelu", "FastGelu")}) {
    OpCall add("Add"), two(plain, kMicrosoftDomain), one(biased, kMicrosoftDomain);
    ASSERT_OK(add.In({2, 3}, kValues).In({3}, {0.1F, -0.7F, 3}).Run());
    ASSERT_OK(two.In(add.output()).Run());
    ASSERT_OK(one.In({2, 3}, kValues).In({3}, {0.1F, -0.7F, 3}).Run());
    EXPECT_EQ(one.values(), two.values()) << biased;
  }
  EXPECT_REFUSED(OpCall("BiasGelu", kMicrosoftDomain).In({2}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "takes 2 inputs");
  EXPECT_REFUSED(OpCall("BiasGelu", kMicrosoftDomain).In({2}, {1}).In({3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "cannot be broadcast");
}

TEST(SkipLayerNormalization, HasTheBitsOfItsParts) {
  std::vector<float> x(4 * 40), skip(40);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i)) * 3;
  for (size_t i = 0; i < skip.size(); ++i) skip[i] = std::cos(static_cast<float>(i * i));
  const std::vector<float> gamma = {1, 2, 0.5F}, beta = {0.25F, -1}, bias = {3, 4, 5, 6, 7};
  OpCall sum("Add"), biased("Add"), norm("LayerNormalization"), root("RMSNormalization");
  ASSERT_OK(sum.In({2, 2, 40}, x).In({2, 40}, skip).Run());
  ASSERT_OK(biased.In(sum.output()).In({40}, bias).Run());
  ASSERT_OK(norm.Float("epsilon", 1e-12F)
                .Outputs(3)
                .In(biased.output())
                .In({40}, gamma)
                .In({40}, beta)
                .Run());
  ASSERT_OK(root.Float("epsilon", 1e-12F).In(biased.output()).In({40}, gamma).Run());
  for (size_t outputs : {1, 4}) {
    OpCall fused("SkipLayerNormalization", kMicrosoftDomain),
        simplified("SkipSimplifiedLayerNormalization", kMicrosoftDomain);
    ASSERT_OK(fused.Outputs(outputs)
                  .In({2, 2, 40}, x)
                  .In({2, 40}, skip)
                  .In({40}, gamma)
                  .In({40}, beta)
                  .In({40}, bias)
                  .Run());
    EXPECT_EQ(fused.values(), norm.values());
    ASSERT_OK(simplified.Outputs(outputs)
                  .In({2, 2, 40}, x)
                  .In({2, 40}, skip)
                  .In({40}, gamma)
                  .In({40}, bias)
                  .Run());
    EXPECT_EQ(simplified.values(), root.values());
    if (outputs == 1) continue;
    EXPECT_EQ(fused.values(3), biased.values());
    EXPECT_EQ(fused.values(1), norm.values(1));
    EXPECT_EQ(fused.values(2), norm.values(2));
    EXPECT_EQ(fused.shape(1), (Shape{2, 2, 1}));
  }
}

TEST(SkipLayerNormalization, WithoutBiasAndItems) {
  OpCall call("SkipLayerNormalization", kMicrosoftDomain);
  ASSERT_OK(call.Float("epsilon", 0).In({1, 2}, {1, 2}).In({1, 2}, {0, 1}).In({2}, {1, 1}).Run());
  EXPECT_THAT(call.values(), ElementsAre(-1, 1));
  const Dim N = Dim::Symbol("N");
  const auto fact = [](Dims dims, int axis) {
    Fact f = Fact::Of(MOSAIC_FLOAT, std::move(dims));
    f.item_axis = axis;
    return f;
  };
  OpCall items("SkipLayerNormalization", kMicrosoftDomain),
      shared("SkipLayerNormalization", kMicrosoftDomain);
  ASSERT_OK(items.Infer({fact({N, 5, 2}, 0), fact({N, 5, 2}, 0), fact({2}, kShared)}, "N"));
  EXPECT_EQ(items.fact().item_axis, 0);
  ASSERT_OK(shared.Infer({fact({N, 5, 2}, 0), fact({5, 2}, kShared), fact({2}, kShared)}, "N"));
  EXPECT_EQ(shared.fact().item_axis, 0);
}

TEST(SkipLayerNormalization, LongRows) {
  std::vector<float> x(50000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 11);
  OpCall norm("LayerNormalization"), fused("SkipLayerNormalization", kMicrosoftDomain);
  ASSERT_OK(norm.Float("epsilon", 1e-12F).In({1, 50000}, x).In({50000}, {2}).Run());
  ASSERT_OK(fused.In({1, 50000}, x).In({1, 50000}, {0}).In({50000}, {2}).Run());
  EXPECT_EQ(fused.values(), norm.values());
}

TEST(SkipLayerNormalization, Refusals) {
  EXPECT_REFUSED(OpCall("SkipLayerNormalization", kMicrosoftDomain)
                     .In({2, 2}, {1})
                     .In({3, 2}, {1})
                     .In({2}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "shape [3, 2] cannot be added to shape [2, 2]");
  EXPECT_REFUSED(OpCall("SkipLayerNormalization", kMicrosoftDomain)
                     .In({2, 2}, {1})
                     .In({2, 2}, {1})
                     .In({3}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "a parameter of shape [3] does not fit");
  EXPECT_REFUSED(OpCall("SkipLayerNormalization", kMicrosoftDomain)
                     .In({2, 2}, {1})
                     .In<Float16>({2, 2}, {1})
                     .In({2}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "different types");
}

}  // namespace
}  // namespace mosaic
