// LinearClassifier, LinearRegressor, SVMClassifier, SVMRegressor. Whole models: test/exports.
#include <cmath>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
const Dim N = Dim::Symbol("N");

OpCall Ml(const char* op_type) { return OpCall(op_type, kMlDomain); }

TEST(LinearRegressor, OneOrSeveralTargets) {
  OpCall one = Ml("LinearRegressor"), two = Ml("LinearRegressor"), items = Ml("LinearRegressor");
  ASSERT_OK(one.Floats("coefficients", {1, 10})
                .Floats("intercepts", {100})
                .In<int64_t>({2, 2}, {1, 2, 3, 4})
                .Run());
  EXPECT_THAT(one.values(), ElementsAre(121, 143));
  ASSERT_OK(two.Floats("coefficients", {1, 10, -1, 0}).Int("targets", 2).In({2}, {1, 2}).Run());
  EXPECT_EQ(two.shape(), (Shape{1, 2}));
  EXPECT_THAT(two.values(), ElementsAre(21, -1));
  items.Floats("coefficients", {1, 10});
  EXPECT_INFERRED(items, "[N, 1]", 0, ItemsFact({N, 2}, 0));
  EXPECT_REFUSED(Ml("LinearRegressor").Floats("coefficients", {1, 2, 3}).In({1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "coefficients and features");
  EXPECT_REFUSED(Ml("LinearRegressor").Int("targets", 0).In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "targets is 0");
}

TEST(LinearClassifier, HighestScore) {
  OpCall three = Ml("LinearClassifier"), binary = Ml("LinearClassifier"),
         single = Ml("LinearClassifier");
  three.Floats("coefficients", {1, 0, 0, 1, -1, -1}).Floats("intercepts", {0, 0, 0}).Outputs(2);
  ASSERT_OK(three.Attr("classlabels_strings", std::vector<std::string>{"a", "b", "c"})
                .In({3, 2}, {2, 1, 1, 2, -3, -4})
                .Run());
  EXPECT_THAT(three.strings(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(three.values(1), ElementsAre(2, 1, -3, 1, 2, -3, -3, -4, 7));
  binary.Floats("coefficients", {1})
      .Floats("intercepts", {0})
      .Outputs(2)
      .String("post_transform", "LOGISTIC");
  ASSERT_OK(binary.Ints("classlabels_ints", {3, 4}).In({2, 1}, {-1, 1}).Run());
  EXPECT_THAT(binary.values<int64_t>(), ElementsAre(3, 4));
  EXPECT_NEAR(binary.values(1)[1], 1 / (1 + std::exp(1.0f)), 1e-6);
  EXPECT_NEAR(binary.values(1)[3], 1 / (1 + std::exp(-1.0f)), 1e-6);
  single.Floats("coefficients", {1}).Floats("intercepts", {0}).Outputs(2);
  ASSERT_OK(single.Ints("classlabels_ints", {3}).In({2, 1}, {-1, 1}).Run());
  EXPECT_THAT(single.values<int64_t>(), ElementsAre(0, 1));
  EXPECT_REFUSED(Ml("LinearClassifier")
                     .Floats("coefficients", {1})
                     .Ints("classlabels_ints", {3, 4})
                     .Outputs(2)
                     .In({1, 1}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "intercepts");
  EXPECT_REFUSED(Ml("LinearClassifier")
                     .Floats("coefficients", {1, 2, 3})
                     .Floats("intercepts", {1, 2, 3})
                     .Ints("classlabels_ints", {3, 4})
                     .Outputs(2)
                     .In({1, 1}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "2 classes and 3 intercepts");
}

TEST(SVMRegressor, KernelsAndOneClass) {
  const auto value = [](const char* kernel) {
    OpCall call = Ml("SVMRegressor");
    call.String("kernel_type", kernel)
        .Floats("kernel_params", {0.5f, 1, 2})
        .Floats("support_vectors", {1, 0, 0, 2});
    const Status status = call.Floats("coefficients", {1, -1})
                              .Floats("rho", {0.25f})
                              .Int("n_supports", 2)
                              .In({1, 2}, {1, 1})
                              .Run();
    EXPECT_TRUE(status.ok()) << status.message();
    return call.values()[0];
  };
  EXPECT_FLOAT_EQ(value("LINEAR"), 1 - 2 + 0.25f);
  EXPECT_FLOAT_EQ(value("POLY"), 1.5f * 1.5f - 2.0f * 2.0f + 0.25f);
  EXPECT_FLOAT_EQ(value("RBF"), std::exp(-0.5f) - std::exp(-1.0f) + 0.25f);
  EXPECT_FLOAT_EQ(value("SIGMOID"), std::tanh(1.5f) - std::tanh(2.0f) + 0.25f);
  OpCall one = Ml("SVMRegressor");
  ASSERT_OK(one.Floats("coefficients", {1})
                .Floats("rho", {-1})
                .Int("one_class", 1)
                .In({3, 1}, {0, 1, 2})
                .Run());
  EXPECT_THAT(one.values(), ElementsAre(-1, -1, 1));
  EXPECT_REFUSED(Ml("SVMRegressor").String("kernel_type", "COSINE").In({1, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "unknown kernel_type");
  EXPECT_REFUSED(Ml("SVMRegressor").String("kernel_type", "RBF").In({1, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "kernel_params");
  EXPECT_REFUSED(Ml("SVMRegressor").Floats("coefficients", {1}).In({1, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "\"rho\" is needed");
  EXPECT_REFUSED(Ml("SVMRegressor").Int("n_supports", -1).In({1, 1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "n_supports is -1");
}

struct Pairs : OpCall {
  explicit Pairs(std::vector<int64_t> counts) : OpCall("SVMClassifier", kMlDomain) {
    OpCall& call = *this;
    call.Floats("kernel_params", {0, 0, 0})
        .Floats("support_vectors", {1, 0, 0, 1})
        .Floats("coefficients", {1, -1});
    call.Floats("rho", {0})
        .Ints("vectors_per_class", counts)
        .Ints("classlabels_ints", {5, 6})
        .Outputs(2);
  }
};

TEST(SVMClassifier, VotesOfPairs) {
  Pairs call({1, 1}), proba({1, 1});
  OpCall linear = Ml("SVMClassifier");
  ASSERT_OK(call.In({2, 2}, {3, 1, 1, 3}).Run());
  EXPECT_THAT(call.values<int64_t>(), ElementsAre(5, 6));
  EXPECT_THAT(call.values(1), ElementsAre(-2, 2, 2, -2));
  ASSERT_OK(proba.Floats("prob_a", {-1}).Floats("prob_b", {0}).In({1, 2}, {3, 1}).Run());
  EXPECT_NEAR(proba.values(1)[0] + proba.values(1)[1], 1, 1e-6);
  EXPECT_NEAR(proba.values(1)[0], 1 / (1 + std::exp(-2.0f)), 1e-2);
  linear.Floats("coefficients", {1, 0, 0, 1, -1, -1})
      .Floats("rho", {0.5f})
      .Ints("classlabels_ints", {5, 6, 7})
      .Outputs(2);
  ASSERT_OK(linear.In({1, 2}, {1, 2}).Run());
  EXPECT_THAT(linear.values<int64_t>(), ElementsAre(6));
  EXPECT_THAT(linear.values(1), ElementsAre(1.5f, 2.5f, -2.5f));
  EXPECT_REFUSED(Pairs({3, 1}).In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "vectors_per_class");
  EXPECT_REFUSED(Pairs({1}).In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "vectors_per_class");
  EXPECT_REFUSED(Pairs({1, 1}).In({1, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "coefficients and support vectors");
  EXPECT_REFUSED(Pairs({1, 1}).Floats("prob_a", {1, 2}).In({1, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "prob_a");
}

}  // namespace
}  // namespace mosaic
