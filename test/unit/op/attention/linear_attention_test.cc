// LinearAttention: the four rules against the definition in float64, states of an earlier call,
// what does not fit.
#include <cmath>

#include "op/op_call.h"

namespace mosaic {
namespace {

constexpr int64_t kBatch = 2, kLength = 5, kHeads = 2, kGroup = 3, kKeys = 4, kValues = 70;

std::vector<float> Random(std::mt19937* rng, int64_t n, float low, float high) {
  std::uniform_real_distribution<float> real(low, high);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = real(*rng);
  return v;
}

struct Inputs {
  std::vector<float> q, k, v, past, decay, beta;
  bool decay_of_keys, beta_of_heads;
};

Inputs Draw(bool decay_of_keys, bool beta_of_heads) {
  std::mt19937 rng(4);
  const int64_t places = kBatch * kLength;
  return {Random(&rng, places * kHeads * kGroup * kKeys, -1, 1),
          Random(&rng, places * kHeads * kKeys, -0.6F, 0.6F),
          Random(&rng, places * kHeads * kValues, -1, 1),
          Random(&rng, kBatch * kHeads * kKeys * kValues, -1, 1),
          Random(&rng, places * kHeads * (decay_of_keys ? kKeys : 1), -1, 0),
          Random(&rng, places * (beta_of_heads ? kHeads : 1), 0, 1),
          decay_of_keys,
          beta_of_heads};
}

double At(const std::vector<float>& v, int64_t i) {
  return static_cast<double>(v[static_cast<size_t>(i)]);
}

// One column of one state, position by position.
void Expect(const Inputs& in, bool gated, bool delta, double scale, int64_t b, int64_t h, int64_t j,
            const std::vector<float>& y, const std::vector<float>& present) {
  double state[kKeys];
  for (int64_t i = 0; i < kKeys; ++i)
    state[i] = At(in.past, ((b * kHeads + h) * kKeys + i) * kValues + j);
  for (int64_t t = 0; t < kLength; ++t) {
    const int64_t place = b * kLength + t, head = place * kHeads + h;
    double change = At(in.v, head * kValues + j), seen = 0;
    for (int64_t i = 0; i < kKeys; ++i) {
      if (gated) state[i] *= std::exp(At(in.decay, in.decay_of_keys ? head * kKeys + i : head));
      seen += state[i] * At(in.k, head * kKeys + i);
    }
    if (delta) change = At(in.beta, in.beta_of_heads ? head : place) * (change - seen);
    for (int64_t i = 0; i < kKeys; ++i) state[i] += At(in.k, head * kKeys + i) * change;
    for (int64_t g = 0; g < kGroup; ++g) {
      const int64_t query = place * kHeads * kGroup + h * kGroup + g;
      double sum = 0;
      for (int64_t i = 0; i < kKeys; ++i) sum += At(in.q, query * kKeys + i) * state[i];
      ASSERT_NEAR(At(y, query * kValues + j), scale * sum, 1e-5);
    }
  }
  for (int64_t i = 0; i < kKeys; ++i) {
    ASSERT_NEAR(At(present, ((b * kHeads + h) * kKeys + i) * kValues + j), state[i], 1e-5);
  }
}

void ExpectRule(const char* rule, bool gated, bool delta, bool wide, float scale) {
  SCOPED_TRACE(rule);
  const Inputs in = Draw(wide, wide);
  OpCall call("LinearAttention");
  call.String("update_rule", rule).Int("q_num_heads", kHeads * kGroup).Int("kv_num_heads", kHeads);
  if (scale != 0) call.Float("scale", scale);
  call.In({kBatch, kLength, kHeads * kGroup * kKeys}, in.q)
      .In({kBatch, kLength, kHeads * kKeys}, in.k);
  call.In({kBatch, kLength, kHeads * kValues}, in.v).In({kBatch, kHeads, kKeys, kValues}, in.past);
  if (gated) {
    call.In({kBatch, kLength, kHeads * (wide ? kKeys : 1)}, in.decay);
  } else {
    call.Omitted();
  }
  if (delta) call.In({kBatch, kLength, wide ? kHeads : 1}, in.beta);
  ASSERT_OK(call.Outputs(2).Run());
  const std::vector<float> y = call.values(), present = call.values(1);
  const double factor = scale != 0 ? static_cast<double>(scale) : 1 / std::sqrt(double{kKeys});
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t h = 0; h < kHeads; ++h) {
      for (int64_t j = 0; j < kValues; ++j) Expect(in, gated, delta, factor, b, h, j, y, present);
    }
  }
}

TEST(LinearAttention, FourRules) {
  ExpectRule("linear", false, false, false, 0);
  ExpectRule("gated", true, false, true, 0.3F);
  ExpectRule("gated", true, false, false, 0);
  ExpectRule("delta", false, true, false, 0);
  ExpectRule("gated_delta", true, true, true, 0);
  ExpectRule("gated_delta", true, true, false, 2);
}

struct Plain : OpCall {
  explicit Plain(int64_t queries = 2, int64_t heads = 1, const char* rule = "linear")
      : OpCall("LinearAttention") {
    String("update_rule", rule).Int("q_num_heads", queries).Int("kv_num_heads", heads);
  }
};

TEST(LinearAttention, WithoutAPastTheStateIsZero) {
  Plain call(1);
  call.In({1, 1, 2}, {1, 2}).In({1, 1, 2}, {3, 4}).In({1, 1, 1}, {5});
  ASSERT_OK(call.Float("scale", 1).Outputs(2).Run());
  EXPECT_THAT(call.values(), ::testing::ElementsAre(55));
  EXPECT_THAT(call.values(1), ::testing::ElementsAre(15, 20));
  EXPECT_EQ(call.shape(1), (Shape{1, 1, 2, 1}));
}

TEST(LinearAttention, Refusals) {
  EXPECT_REFUSED(Plain(3, 2).In({1, 1, 6}, {1}).In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "q_num_heads 3 is no multiple of kv_num_heads 2");
  EXPECT_REFUSED(Plain(1, 0).In({1, 1, 6}, {1}).In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "no multiple");
  EXPECT_REFUSED(Plain(1 << 17).In({1, 1, 6}, {1}).In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_LIMIT, "q_num_heads is 131072");
  EXPECT_REFUSED(
      Plain(2, 1, "other").In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).Run(),
      MOSAIC_E_UNSUPPORTED, "update_rule other");
  EXPECT_REFUSED(
      Plain(2, 1, "gated").In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "decay is missing");
  EXPECT_REFUSED(
      Plain(2, 1, "delta").In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "beta is missing");
  EXPECT_REFUSED(Plain().In({1, 1, 5}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "has not 2 heads");
  EXPECT_REFUSED(Plain().In({1, 1, 4}, {1}).In({1, 1, 3}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(Plain().In({1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "is not [batch, length");
  EXPECT_REFUSED(
      Plain().In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2, 3}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "past_state has shape [1, 1, 2, 3], should have [1, 1, 2, 2]");
  EXPECT_REFUSED(Plain()
                     .In<double>({1, 1, 4}, {1})
                     .In<double>({1, 1, 2}, {1})
                     .In<double>({1, 1, 2}, {1})
                     .Run(),
                 MOSAIC_E_UNSUPPORTED, "an input");
}

}  // namespace
}  // namespace mosaic
