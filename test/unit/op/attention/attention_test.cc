// Attention of ONNX and of com.microsoft: values of ONNX Runtime 1.30 for com.microsoft's, a plain
// computation in double for the others; what is refused; items.
#include <cmath>
#include <functional>
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

// The values of all these cases, in steps of 1 / d.
std::vector<float> Seq(int64_t n, int64_t m = 7, float d = 4) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<float>((i * m) % 11 - 5) / d);
  return v;
}
OpCall& Add(OpCall& c, const Shape& shape, int64_t m = 7, float d = 4) {
  return c.In(shape, Seq(std::max<int64_t>(NumElements(shape), 1), m, d));
}
struct MultiHead : OpCall {
  MultiHead() : OpCall("MultiHeadAttention", kMicrosoftDomain) { Int("num_heads", 2); }
};

#define EXPECT_FLOATS(call, index, ...) \
  EXPECT_THAT((call).values(index), Pointwise(FloatNear(2e-5F), std::vector<float>{__VA_ARGS__}))

// ---- against doubles ----

struct Problem {
  int64_t batch = 2, heads = 2, kv_heads = 1, rows = 14, keys = 21, depth = 5, value_depth = 3;
};

// Softmax of rows of scores that `hide` does not take away, times values.
std::vector<float> Expected(const Problem& p, double scale,
                            const std::function<double(int64_t, int64_t, int64_t, int64_t)>& mask) {
  const std::vector<float> q = Seq(p.batch * p.heads * p.rows * p.depth);
  const std::vector<float> k = Seq(p.batch * p.kv_heads * p.keys * p.depth, 5);
  const std::vector<float> v = Seq(p.batch * p.kv_heads * p.keys * p.value_depth, 3);
  std::vector<float> out;
  for (int64_t bh = 0; bh < p.batch * p.heads; ++bh) {
    const int64_t b = bh / p.heads, h = bh % p.heads,
                  kv = b * p.kv_heads + h / (p.heads / p.kv_heads);
    for (int64_t i = 0; i < p.rows; ++i) {
      std::vector<double> e(static_cast<size_t>(p.keys));
      double sum = 0;
      for (int64_t j = 0; j < p.keys; ++j) {
        double s = 0;
        for (int64_t d = 0; d < p.depth; ++d) {
          s += static_cast<double>(q[static_cast<size_t>((bh * p.rows + i) * p.depth + d)]) *
               static_cast<double>(k[static_cast<size_t>((kv * p.keys + j) * p.depth + d)]);
        }
        sum += e[static_cast<size_t>(j)] = std::exp(s * scale + mask(b, h, i, j));
      }
      for (int64_t d = 0; d < p.value_depth; ++d) {
        double y = 0;
        for (int64_t j = 0; j < p.keys; ++j) {
          y += e[static_cast<size_t>(j)] *
               static_cast<double>(v[static_cast<size_t>((kv * p.keys + j) * p.value_depth + d)]);
        }
        out.push_back(static_cast<float>(sum == 0 ? 0 : y / sum));
      }
    }
  }
  return out;
}

OpCall& AddHeads(OpCall& c, const Problem& p) {
  Add(c, {p.batch, p.heads, p.rows, p.depth});
  Add(c, {p.batch, p.kv_heads, p.keys, p.depth}, 5);
  return Add(c, {p.batch, p.kv_heads, p.keys, p.value_depth}, 3);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Attention, MasksWindowsAndLengthsAgainstDoubles) {
  const Problem p;
  const double scale = 1 / std::sqrt(5.0);
  OpCall bias("Attention"), keep("Attention"), window("Attention"), lengths("Attention");
  const std::vector<float> mask = Seq(2 * 14 * 21, 6);
  AddHeads(bias, p).In({2, 14, 21}, mask);
  ASSERT_OK(bias.Run());
  EXPECT_THAT(
      bias.values(),
      Pointwise(FloatNear(2e-5F), Expected(p, scale, [&](auto, auto h, auto i, auto j) {
                  return static_cast<double>(mask[static_cast<size_t>((h * 14 + i) * 21 + j)]);
                })));
  // Of the first 9 keys only; query 3 sees none.
  std::vector<bool> seen;
  for (int64_t i = 0; i < 14 * 9; ++i) seen.push_back(i / 9 != 3 && i % 4 != 1);
  AddHeads(keep, p).Float("scale", 0.5F).In<Bool>({14, 9}, seen);
  ASSERT_OK(keep.Run());
  EXPECT_THAT(keep.values(),
              Pointwise(FloatNear(2e-5F), Expected(p, 0.5, [&](auto, auto, auto i, auto j) {
                          return j < 9 && seen[static_cast<size_t>(i * 9 + j)] ? 0 : -kInfinity;
                        })));
  AddHeads(window, p).Int("left_window_size", 3).Int("right_window_size", 1);
  ASSERT_OK(window.Run());
  EXPECT_THAT(window.values(),
              Pointwise(FloatNear(2e-5F), Expected(p, scale, [&](auto, auto, auto i, auto j) {
                          return j >= i - 3 && j <= i + 1 ? 0 : -kInfinity;
                        })));
  AddHeads(lengths, p).Omitted().Omitted().Omitted().Int("is_causal", 1).In<int64_t>({2}, {12, 21});
  ASSERT_OK(lengths.Run());
  EXPECT_THAT(lengths.values(),
              Pointwise(FloatNear(2e-5F), Expected(p, scale, [&](auto b, auto, auto i, auto j) {
                          const int64_t n = b == 0 ? 12 : 21;
                          return j < n && j <= i + n - 14 ? 0 : -kInfinity;
                        })));
}

// More keys than one unit takes: some keys at a time.
TEST(Attention, ManyKeysAgainstDoubles) {
  Problem p;
  p.rows = 2;
  p.keys = 9000;
  p.depth = p.value_depth = 512;
  const double scale = 1 / std::sqrt(512.0);
  const std::vector<float> mask = Seq(2 * 9000, 6);
  OpCall causal("Attention"), masked("Attention");
  AddHeads(causal, p).Int("is_causal", 1).Omitted().Omitted().Omitted().In<int64_t>({2}, {4500, 9000});
  ASSERT_OK(causal.Run());
  EXPECT_THAT(causal.values(), Pointwise(FloatNear(1e-4F), Expected(p, scale, [&](auto b, auto, auto i, auto j) {
                                           const int64_t n = b == 0 ? 4500 : 9000;
                                           return j < n && j <= i + n - 2 ? 0 : -kInfinity;
                                         })));
  AddHeads(masked, p).In({2, 9000}, mask).Int("right_window_size", 8200).Outputs(4).Int("qk_matmul_output_mode", 3);
  ASSERT_OK(masked.Run());
  const auto hidden = [&](auto, auto, auto i, auto j) {
    return j > i + 8200 ? -kInfinity : static_cast<double>(mask[static_cast<size_t>(i * 9000 + j)]);
  };
  EXPECT_THAT(masked.values(), Pointwise(FloatNear(1e-4F), Expected(p, scale, hidden)));
  // Each row of weights is a distribution, and gives the row of the result.
  const std::vector<float> weights = masked.values(3), v = Seq(2 * 9000 * 512, 3);
  for (size_t row = 0; row < 8; ++row) {
    double sum = 0, first = 0;
    for (size_t j = 0; j < 9000; ++j) {
      const double w = static_cast<double>(weights[row * 9000 + j]);
      sum += w;
      first += w * static_cast<double>(v[(row / 4 * 9000 + j) * 512]);
    }
    EXPECT_NEAR(sum, 1, 1e-4);
    EXPECT_NEAR(first, masked.values()[row * 512], 1e-4);
  }
}

// Rows that are gathered first, and a mask that is made of what is not float32.
TEST(Attention, ManyKeysInFloat16) {
  Problem p;
  p.batch = p.heads = p.rows = 1;
  p.keys = 9000;
  p.depth = p.value_depth = 512;
  const std::vector<float> q = Seq(512), k = Seq(9000 * 512, 5), v = Seq(9000 * 512, 3);
  std::vector<bool> seen(9000);
  for (size_t j = 0; j < 9000; ++j) seen[j] = j % 3 != 0;
  OpCall half("Attention");
  half.In<Float16>({1, 1, 1, 512}, q).In<Float16>({1, 1, 9000, 512}, k).In<Float16>({1, 1, 9000, 512}, v);
  ASSERT_OK(half.In<Bool>({1, 9000}, seen).Run());
  EXPECT_THAT(half.values<Float16>(), Pointwise(FloatNear(2e-3F), Expected(p, 1 / std::sqrt(512.0), [&](auto, auto, auto, auto j) {
                                                  return seen[static_cast<size_t>(j)] ? 0 : -kInfinity;
                                                })));
}

TEST(Attention, Float16IsComputedInFloat32) {
  const Problem p;
  OpCall half("Attention");
  half.In<Float16>({2, 2, 14, 5}, Seq(280)).In<Float16>({2, 1, 21, 5}, Seq(210, 5));
  ASSERT_OK(half.In<Float16>({2, 1, 21, 3}, Seq(126, 3)).Run());
  EXPECT_THAT(half.values<Float16>(),
              Pointwise(FloatNear(1e-3F),
                        Expected(p, 1 / std::sqrt(5.0), [](auto, auto, auto, auto) { return 0; })));
}

TEST(Attention, NothingToAttend) {
  OpCall none("Attention"), empty("Attention");
  ASSERT_OK(none.In({1, 1, 2, 3}, {1}).In({1, 1, 0, 3}, {1}).In({1, 1, 0, 2}, {1}).Run());
  EXPECT_THAT(none.values(), ElementsAre(0, 0, 0, 0));
  ASSERT_OK(empty.In({1, 0, 2, 3}, {1}).In({1, 0, 4, 3}, {1}).In({1, 0, 4, 2}, {1}).Run());
  EXPECT_EQ(empty.shape(), Shape({1, 0, 2, 2}));
}

TEST(Attention, Refusals) {
  struct Of : OpCall {
    Of(const Shape& q, const Shape& k, const Shape& v) : OpCall("Attention") {
      In(q, {1}).In(k, {1}).In(v, {1});
    }
  };
  EXPECT_REFUSED(Of({1, 2, 3}, {1, 2, 3}, {1, 2, 3}).Infer(), MOSAIC_E_BAD_MODEL, "q_num_heads");
  EXPECT_REFUSED(
      Of({1, 2, 3}, {1, 2, 3}, {1, 2, 3}).Int("q_num_heads", 2).Int("kv_num_heads", 1).Infer(),
      MOSAIC_E_BAD_MODEL, "Q of width 3 are not 2 heads");
  EXPECT_REFUSED(Of({1, 1, 2, 3}, {1, 1, 2, 4}, {1, 1, 2, 4}).Infer(), MOSAIC_E_BAD_MODEL,
                 "do not fit");
  EXPECT_REFUSED(Of({1, 3, 2, 4}, {1, 2, 2, 4}, {1, 2, 2, 4}).Infer(), MOSAIC_E_BAD_MODEL,
                 "3 heads of queries cannot share 2 of keys");
  EXPECT_REFUSED(Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 2, 3}).Infer(), MOSAIC_E_BAD_MODEL,
                 "are not all of 3, or all of 4 dimensions");
  EXPECT_REFUSED(Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).In({2, 5}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "is of more than 2 keys");
  EXPECT_REFUSED(Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).In({3, 2}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "attn_mask of shape [3, 2] does not fit");
  EXPECT_REFUSED(
      Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).Omitted().In({1, 1, 2, 3}, {1}).Make(),
      MOSAIC_E_BAD_MODEL, "one of past_key and past_value only");
  EXPECT_REFUSED(
      Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).Int("qk_matmul_output_mode", 4).Make(),
      MOSAIC_E_BAD_MODEL, "qk_matmul_output_mode is 4");
  EXPECT_REFUSED(Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).Int("left_window_size", -2).Make(),
                 MOSAIC_E_BAD_MODEL, "below -1");
  EXPECT_REFUSED(
      Of({1, 1, 2, 3}, {1, 1, 2, 3}, {1, 1, 2, 3}).Int("softmax_precision", MOSAIC_DOUBLE).Make(),
      MOSAIC_E_UNSUPPORTED, "softmax_precision");
  OpCall doubles("Attention"), length("Attention");
  doubles.In<double>({1, 1, 1, 1}, {1}).In<double>({1, 1, 1, 1}, {1}).In<double>({1, 1, 1, 1}, {1});
  EXPECT_REFUSED(doubles.Infer(), MOSAIC_E_UNSUPPORTED, "float64");
  length.In({1, 1, 2, 3}, {1})
      .In({1, 1, 2, 3}, {1})
      .In({1, 1, 2, 3}, {1})
      .Omitted()
      .Omitted()
      .Omitted();
  EXPECT_REFUSED(length.In<int64_t>({1}, {3}).Run(), MOSAIC_E_INVALID,
                 "nonpad_kv_seqlen 3 is out of range for 2 keys");
}

TEST(Attention, ItemsAreKeptApartAlongTheBatch) {
  const auto fact = [](Dims dims, int axis) {
    Fact f = Fact::Of(MOSAIC_FLOAT, std::move(dims));
    f.item_axis = axis;
    return f;
  };
  const Dim n = Dim::Symbol("n"), t = Dim::Symbol("t");
  const Fact x = fact({n, 2, t, 8}, 0);
  OpCall plain("Attention"), mask("Attention"), crossed("Attention"), shared("Attention");
  ASSERT_OK(plain.Infer({x, x, x, fact({t, t}, kShared)}, "n"));
  EXPECT_EQ(plain.fact().item_axis, 0);
  EXPECT_EQ(ShapeString(plain.fact().dims), "[n, 2, t, 8]");
  ASSERT_OK(mask.Infer({x, x, x, fact({n, 1, t, t}, 0)}, "n"));
  EXPECT_EQ(mask.fact().item_axis, 0);
  ASSERT_OK(crossed.Infer({x, x, x, fact({n, t}, 0)}, "n"));  // a mask of queries
  EXPECT_EQ(crossed.fact().item_axis, kMixed);
  ASSERT_OK(shared.Infer({x, x, fact({3, 2, t, 8}, kShared)}, "n"));
  EXPECT_EQ(shared.fact().item_axis, kMixed);
}

// ---- com.microsoft, against ONNX Runtime ----

TEST(MultiHeadAttention, AsOnnxRuntime) {
  MultiHead plain, bias, lengths;
  Add(Add(Add(plain, {2, 2, 4}), {2, 3, 4}, 5), {2, 3, 4}, 3);
  ASSERT_OK(plain.Run());
  EXPECT_FLOATS(plain, 0, -1.16819F, -0.418185F, 0.456316F, 0.519355F, -0.937423F, -0.187423F,
                0.44227F, 0.574602F, -0.235288F, 0.514712F, -0.086972F, -0.665517F, -0.25F, 0.5F,
                0.673371F, -0.834483F);
  Add(Add(Add(Add(bias, {2, 2, 4}), {2, 3, 4}, 5), {2, 3, 4}, 3), {12}, 2);
  ASSERT_OK(bias.In<int32_t>({2, 3}, {1, 1, 0, 1, 0, 0}).Run());
  EXPECT_FLOATS(bias, 0, -1.24499F, 0.00501341F, 1.35852F, -0.141476F, -1.1857F, 0.0642958F,
                1.35313F, -0.14687F, -0.5F, 0.75F, 2, -2.25F, -0.5F, 0.75F, 2, -2.25F);
  Add(Add(Add(lengths, {2, 2, 4}), {2, 3, 4}, 5), {2, 3, 4}, 3).Omitted().In<int32_t>({2}, {2, 1});
  ASSERT_OK(lengths.Float("scale", 0.5F).Run());
  EXPECT_FLOATS(lengths, 0, -1.20555F, -0.455547F, 0.363315F, 1.11332F, -1.09623F, -0.346228F,
                0.359456F, 1.10946F, -0.5F, 0.25F, 1, -1, -0.5F, 0.25F, 1, -1);
}

TEST(MultiHeadAttention, PastAndPresent) {
  MultiHead c;
  Add(Add(Add(c, {2, 2, 4}), {2, 2, 4}, 5), {2, 2, 4}, 3).Omitted().Omitted();
  Add(Add(Add(c, {1, 2, 2, 3}, 4), {2, 2, 1, 2}, 2), {2, 2, 1, 2}, 9);
  ASSERT_OK(c.Int("unidirectional", 1).Outputs(3).Run());
  EXPECT_FLOATS(c, 0, -1.25F, -0.169871F, 0.373267F, 0.506932F, -1.05671F, -0.186315F, 0.299903F,
                0.922471F, -0.623971F, -0.504116F, 0.845622F, -0.86751F, -0.613147F, 0.0342335F,
                0.835135F, -1.00498F);
  EXPECT_FLOATS(c, 1, -1.25F, -0.75F, -1.25F, 0, 1, -0.5F, -0.25F, 0.25F, 1.25F, -0.25F, 0.75F,
                -0.75F, 0.75F, 1.25F, 0.5F, -1, 0, 1.25F, -1, -0.5F, 0.25F, -1.25F, -0.25F, 1);
  EXPECT_FLOATS(c, 2, -1.25F, 1, -1.25F, -0.5F, -1, -0.25F, 0.5F, 0, 0.25F, 1, 0.5F, 1.25F, -0.5F,
                -1, -0.75F, 0, -0.5F, 0.25F, 1.25F, 0.75F, 0.75F, -1.25F, 1, -1);
}

// Heads beside each other, of one input or of two, are the same as of three.
TEST(MultiHeadAttention, PackedInputs) {
  const std::vector<float> q = Seq(16), k = Seq(16, 5), v = Seq(16, 3);
  std::vector<float> qkv, kv;
  for (size_t head = 0; head < 8; ++head) {  // of 2 x 2 rows
    for (const auto* from : {&q, &k, &v}) {
      for (size_t d = 0; d < 2; ++d) {
        qkv.push_back((*from)[2 * head + d]);
        if (from != &q) kv.push_back((*from)[2 * head + d]);
      }
    }
  }
  MultiHead three, one, two;
  ASSERT_OK(three.In({2, 2, 4}, q).In({2, 2, 4}, k).In({2, 2, 4}, v).Run());
  ASSERT_OK(one.In({2, 2, 2, 3, 2}, qkv).Run());
  ASSERT_OK(two.In({2, 2, 4}, q).In({2, 2, 2, 2, 2}, kv).Run());
  EXPECT_EQ(one.values(), three.values());
  EXPECT_EQ(two.values(), three.values());
}

TEST(MultiHeadAttention, Refusals) {
  struct Of : MultiHead {
    Of(const Shape& k, const Shape& v) { In({2, 2, 4}, {1}).In(k, {1}).In(v, {1}); }
  };
  EXPECT_REFUSED(OpCall("MultiHeadAttention", kMicrosoftDomain).In({1, 1, 1}, {1}).Make(),
                 MOSAIC_E_BAD_MODEL, "num_heads");
  EXPECT_REFUSED(Of({2, 3, 6}, {2, 3, 4}).Infer(), MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(Of({2, 3, 4}, {2, 2, 4}).Infer(), MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(Of({2, 3, 4}, {2, 3, 4}).In({11}, {1}).Infer(), MOSAIC_E_BAD_MODEL,
                 "a bias of shape [11]");
  EXPECT_REFUSED(Of({2, 3, 4}, {2, 3, 4}).Omitted().In<int32_t>({2, 2}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "a mask of shape [2, 2]");
  EXPECT_REFUSED(Of({2, 3, 4}, {2, 3, 4}).Omitted().In<int32_t>({2, 1, 3, 3}, {1}).Infer(),
                 MOSAIC_E_UNSUPPORTED, "a mask of 4 dimensions");
  EXPECT_REFUSED(Of({2, 2, 3, 2}, {2, 2, 3, 2}).In({12}, {1}).Infer(), MOSAIC_E_UNSUPPORTED,
                 "4 dimensions");
}

struct GroupQuery : OpCall {
  GroupQuery(int64_t heads, int64_t kv_heads) : OpCall("GroupQueryAttention", kMicrosoftDomain) {
    Int("num_heads", heads).Int("kv_num_heads", kv_heads);
  }
};

TEST(GroupQueryAttention, FirstRowsWithWindowAndCap) {
  GroupQuery c(2, 1);
  Add(c, {1, 3, 32}).Omitted().Omitted().Omitted().Omitted();
  c.In<int32_t>({1}, {2}).In<int32_t>({}, {3}).Int("local_window_size", 2).Float("softcap", 1.5F);
  ASSERT_OK(c.Outputs(3).Run());
  const std::vector<float> y = c.values();
  EXPECT_THAT(
      std::vector<float>(y.begin() + 16, y.begin() + 24),
      Pointwise(FloatNear(2e-5F), std::vector<float>{-0.20021F, 0.725368F, 0.54979F, -0.45021F,
                                                     0.475368F, 0.29979F, -0.70021F, 0.225368F}));
  EXPECT_THAT(std::vector<float>(y.begin() + 40, y.end()),
              Pointwise(FloatNear(2e-5F),
                        std::vector<float>{-0.932069F, 0.318325F, -0.182069F, 1.06832F, 0.0683249F,
                                           -0.432069F, 0.818325F, -0.181675F}));
  EXPECT_EQ(c.shape(1), Shape({1, 1, 3, 8}));
}

// Each of the batch at its own place of the cache.
TEST(GroupQueryAttention, RotatesAndAppends) {
  const std::vector<float> want[] = {
      {-1.137279F, -0.628934F, 0.177815F, -0.429981F, -0.442547F, 0.827641F, 0.052212F},
      {-1.118681F, -0.554802F, 0.355334F, -0.571189F, -0.436653F, 0.809959F, 0.109533F}};
  const std::vector<float> appended[] = {{-0.75F, -0.6F, -0.25F, 0.3F, -1.5F, -0.25F, 0.1F, -1},
                                         {-0.75F, 0, -1.15F, -0.55F, -1.1F, 0.35F, 0.2F, -0.35F}};
  for (size_t interleaved : {0, 1}) {
    GroupQuery c(2, 1);
    Add(Add(Add(c, {2, 1, 32}), {2, 1, 16}, 5), {2, 1, 16}, 3);
    Add(Add(c, {2, 1, 3, 16}, 2), {2, 1, 3, 16}, 9);
    c.In<int32_t>({2}, {3, 1}).In<int32_t>({1}, {4});
    Add(Add(c, {6, 8}, 4, 5), {6, 8}, 8, 5).Int("do_rotary", 1);
    ASSERT_OK(c.Int("rotary_interleaved", static_cast<int64_t>(interleaved)).Outputs(3).Run());
    const std::vector<float> y = c.values(), k = c.values(1);
    EXPECT_THAT((std::vector<float>{y[0], y[5], y[17], y[31], y[32], y[40], y[63]}),
                Pointwise(FloatNear(2e-5F), want[interleaved]));
    EXPECT_EQ(c.shape(1), Shape({2, 1, 4, 16}));
    EXPECT_THAT((std::vector<float>{k[48], k[49], k[50], k[51], k[80], k[81], k[82], k[83]}),
                Pointwise(FloatNear(2e-5F), appended[interleaved]));
  }
}
TEST(GroupQueryAttention, Refusals) {
  struct Of : GroupQuery {
    Of(int32_t last, int32_t total) : GroupQuery(2, 1) {
      In({1, 1, 4}, {1}).In({1, 1, 2}, {1}).In({1, 1, 2}, {1}).In({1, 1, 3, 2}, {1});
      In({1, 1, 3, 2}, {1}).In<int32_t>({1}, {last}).In<int32_t>({}, {total}).Outputs(3);
    }
  };
  EXPECT_REFUSED(Of(4, 4).Run(), MOSAIC_E_INVALID, "seqlens_k 4 does not fit");
  EXPECT_REFUSED(Of(-1, 4).Run(), MOSAIC_E_INVALID, "seqlens_k -1 does not fit");
  EXPECT_REFUSED(Of(3, 4).Int("smooth_softmax", 1).Make(), MOSAIC_E_UNSUPPORTED, "smooth_softmax");
  EXPECT_REFUSED(Of(3, 4).Int("do_rotary", 1).Make(), MOSAIC_E_BAD_MODEL, "cos_cache");
  EXPECT_REFUSED(GroupQuery(3, 2).In({1}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "3 heads of queries cannot share 2");
  EXPECT_REFUSED(Of(3, 4).In({2, 1}, {1}).In({2, 1}, {1}).Int("do_rotary", 1).Run(),
                 MOSAIC_E_INVALID, "position 3 is out of range for 2");
}

TEST(RotaryEmbedding, AsOnnxRuntime) {
  OpCall c("RotaryEmbedding", kMicrosoftDomain);
  std::vector<float> cosines, sines;
  for (int i = 0; i < 12; ++i) {
    const double angle = (i / 2 * 4 + i % 2) * 0.3;
    cosines.push_back(static_cast<float>(std::cos(angle)));
    sines.push_back(static_cast<float>(std::sin(angle)));
  }
  Add(c, {1, 2, 8}).In<int64_t>({1}, {1}).In({6, 2}, cosines).In({6, 2}, sines);
  ASSERT_OK(c.Run());
  EXPECT_FLOATS(c, 0, 0.0130723F, -1.2115F, -1.34623F, 0.587169F, -0.84145F, -0.0530529F, 0.595368F,
                -0.748121F, 0.90626F, -0.143829F, -0.491115F, 1.45063F, -1.21303F, 0.345191F,
                -0.584011F, -0.439708F);
}

TEST(RotaryEmbedding, Refusals) {
  struct Of : OpCall {
    Of(const Shape& x, const Shape& cosines, const std::vector<int64_t>& at)
        : OpCall("RotaryEmbedding") {
      In(x, {1}).In(cosines, {1}).In(cosines, {1});
      In<int64_t>({1, static_cast<int64_t>(at.size())}, at);
    }
  };
  EXPECT_REFUSED(Of({1, 2, 2, 4}, {3, 2}, {1, 3}).Run(), MOSAIC_E_INVALID,
                 "position 3 is out of range for 3");
  EXPECT_REFUSED(Of({1, 2, 2, 4}, {3, 2}, {-1, 0}).Run(), MOSAIC_E_INVALID,
                 "position -1 is out of range");
  EXPECT_REFUSED(Of({1, 2, 8}, {3, 2}, {0, 1}).Infer(), MOSAIC_E_BAD_MODEL, "num_heads is needed");
  EXPECT_REFUSED(Of({1, 2, 2, 4}, {3, 3}, {0, 1}).Infer(), MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(Of({1, 2, 2, 4}, {3, 2}, {0, 1, 2}).Infer(), MOSAIC_E_BAD_MODEL,
                 "position_ids of shape");
  EXPECT_REFUSED(Of({1, 2, 2, 4}, {3, 2}, {0, 1}).Int("rotary_embedding_dim", 3).Make(),
                 MOSAIC_E_BAD_MODEL, "rotary_embedding_dim is 3");
  OpCall packed("RotaryEmbedding", kMicrosoftDomain);
  packed.In({1}, {1}).In<int64_t>({1}, {0}).In({1}, {1}).In({1}, {1});
  EXPECT_REFUSED(packed.Int("is_packed_batching", 1).Make(), MOSAIC_E_UNSUPPORTED,
                 "is_packed_batching");
}

TEST(Attention, HugeWindowsHideNothing) {
  OpCall call("Attention");
  call.Int("right_window_size", INT64_MAX).Int("left_window_size", INT64_MAX);
  ASSERT_OK(call.In({1, 1, 2, 2}, {1}).In({1, 1, 2, 2}, {1}).In({1, 1, 2, 2}, {1, 2, 3, 4}).Run());
  for (float v : call.values()) EXPECT_GT(v, 1);
}

}  // namespace
}  // namespace mosaic
