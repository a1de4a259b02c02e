// Fused attention on every instruction set, against the definition in double.
#include "core/kernel/attention.h"

#include <algorithm>

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

// A head with rows that lie apart, and its results.
struct Head {
  Head(std::mt19937& rng, int64_t queries, int64_t keys, int64_t depth, int64_t value_depth) {
    std::normal_distribution<float> normal;
    const auto fill = [&](std::vector<float>* x, int64_t rows, int64_t step) {
      x->resize(static_cast<size_t>(rows * step) + 1);
      for (float& e : *x) e = normal(rng);
    };
    a.queries = queries;
    a.keys = keys;
    a.depth = depth;
    a.value_depth = value_depth;
    a.q_step = depth + 3;
    a.k_step = depth + 5;
    a.v_step = value_depth + 1;
    a.out_step = value_depth + 2;
    fill(&q, queries, a.q_step);
    fill(&k, keys, a.k_step);
    fill(&v, keys, a.v_step);
    fill(&mask, queries, keys);
    a.q = q.data();
    a.k = k.data();
    a.v = v.data();
    a.scale = 1 / std::sqrt(static_cast<float>(depth));
  }

  std::vector<float> Run(const std::vector<int64_t>& cuts = {}) {
    std::vector<float> out(static_cast<size_t>(a.queries * a.out_step) + 1, kCanary);
    a.out = out.data();
    std::vector<float> memory(static_cast<size_t>(AttentionPacked::Bytes(a) / 4), kCanary);
    AttentionPacked packed(a, memory.data());
    for (int64_t u = packed.units(); u-- > 0;) PackAttention(a, u, u + 1, &packed);
    int64_t at = 0;
    for (int64_t cut : cuts) {
      RunAttention(a, at, cut, &packed);
      at = cut;
    }
    RunAttention(a, at, a.queries, &packed);
    return out;
  }

  // The first strip, at most, in pieces of keys.
  std::vector<float> RunPieces(int64_t chunk_keys, int64_t more) {
    std::vector<float> out(static_cast<size_t>(a.queries * a.out_step) + 1, kCanary);
    a.out = out.data();
    std::vector<float> memory(static_cast<size_t>(AttentionPacked::Bytes(a) / 4), kCanary);
    AttentionPacked packed(a, memory.data());
    PackAttention(a, 0, packed.units(), &packed);
    const int64_t chunks = (a.keys + chunk_keys - 1) / chunk_keys + more;
    for (int64_t piece = 0; piece < 2 * chunks; ++piece) RunAttentionPiece(a, piece, chunks, chunk_keys, &packed);
    return out;
  }

  std::vector<float> Reference() {
    std::vector<float> out(static_cast<size_t>(a.queries * a.out_step) + 1, kCanary);
    a.out = out.data();
    AttentionReference(a, 0, a.queries);
    return out;
  }

  AttentionArgs a;
  std::vector<float> q, k, v, mask;
};

class AttentionTest : public IsaTest {
 protected:
  Head Random(int64_t queries, int64_t keys) {
    // Every third time values that few queries read where they lie.
    const int64_t value_depth = Uniform(0, 2) == 0 ? 16 * Uniform(1, 4) : Uniform(1, 70);
    Head head(rng_, queries, keys, Uniform(1, 70), value_depth);
    switch (Uniform(0, 4)) {
      case 0:
        head.a.causal = true;
        head.a.causal_offset = Uniform(-2, 40);
        break;
      case 1:
        head.a.mask = head.mask.data();
        head.a.mask_step = Uniform(0, 1) * keys;
        break;
      case 2:
        head.a.softcap = 1.5f;
        break;
      default:
        break;
    }
    return head;
  }
};

TEST_P(AttentionTest, IsTheDefinition) {
  for (int i = 0; i < 150; ++i) {
    Head head = Random(Uniform(0, 40), i < 40 ? i : Uniform(0, 200));
    const std::vector<float> y = head.Run(), want = head.Reference();
    for (size_t at = 0; at < y.size(); ++at) {
      ASSERT_NEAR(y[at], want[at], 3e-6) << "seed " << seed_;  // of values of size 1
    }
  }
}

TEST_P(AttentionTest, AQueryDependsOnItselfOnly) {
  for (int i = 0; i < 60; ++i) {
    Head head = Random(Uniform(1, 40), Uniform(1, 100));
    const std::vector<float> whole = head.Run();
    std::vector<int64_t> cuts;
    for (int64_t at = 0; at < head.a.queries; at += Uniform(1, 15)) cuts.push_back(at);
    ASSERT_TRUE(SameBits(head.Run(cuts), whole)) << "seed " << seed_;
    // Alone, as a head of one query.
    const int64_t query = Uniform(0, head.a.queries - 1);
    Head one = head;
    one.a.q = one.q.data() + query * one.a.q_step;
    one.a.k = one.k.data();
    one.a.v = one.v.data();
    if (one.a.mask) one.a.mask = one.mask.data() + query * one.a.mask_step;
    one.a.causal_offset += query;
    one.a.queries = 1;
    const std::vector<float> alone = one.Run();
    for (int64_t c = 0; c < head.a.value_depth; ++c) {
      ASSERT_TRUE(SameBits(alone[static_cast<size_t>(c)],
                           whole[static_cast<size_t>(query * head.a.out_step + c)]))
          << "seed " << seed_;
    }
  }
}

TEST_P(AttentionTest, PiecesOfKeysAreTheWhole) {
  for (int i = 0; i < 100; ++i) {
    Head head = Random(Uniform(1, kAttentionStrip), Uniform(0, 200));
    if (Uniform(0, 3) == 0) {
      for (float& m : head.mask) m = Uniform(0, 1) != 0 ? -kInf : m;
      (Uniform(0, 1) != 0 ? head.a.masked_is_zero : head.a.nan_is_zero) = true;
    }
    const std::vector<float> whole = head.Run();
    ASSERT_TRUE(SameBits(head.RunPieces(16 * Uniform(1, 5), Uniform(head.a.keys == 0 ? 1 : 0, 2)), whole)) << "seed " << seed_;
  }
}

// Keys that are not seen are as if they were not there, whatever their numbers.
TEST_P(AttentionTest, UnseenKeysDoNotMatter) {
  Head head(rng_, 30, 50, 16, 20);
  head.a.causal = true;
  head.a.causal_offset = 7;
  const std::vector<float> clean = head.Run();
  for (int64_t j = 37; j < 50; ++j) {  // query 29 sees 37
    for (int64_t h = 0; h < 16; ++h) head.k[static_cast<size_t>(j * head.a.k_step + h)] = kNaN;
    for (int64_t c = 0; c < 20; ++c) head.v[static_cast<size_t>(j * head.a.v_step + c)] = kInf;
  }
  ASSERT_TRUE(SameBits(head.Run(), clean));
  head.a.keys = 37;
  ASSERT_TRUE(SameBits(head.Run(), clean));
  // The last key that query 21 sees, and 20 does not.
  head.v[static_cast<size_t>(28 * head.a.v_step)] = kNaN;
  const std::vector<float> y = head.Run();
  for (int64_t i = 0; i < 30; ++i) {
    EXPECT_EQ(std::isnan(y[static_cast<size_t>(i * head.a.out_step)]), i + 7 >= 28) << i;
  }
}

TEST_P(AttentionTest, MasksAndQueriesWithoutKeys) {
  Head head(rng_, 3, 20, 8, 4);
  std::fill(head.mask.begin(), head.mask.end(), 0.0f);
  for (size_t j = 20; j < 40; ++j) head.mask[j] = -kInf;  // all of query 1
  for (size_t j = 45; j < 60; ++j) head.mask[j] = -kInf;  // query 2 sees five
  head.a.mask = head.mask.data();
  head.a.mask_step = 20;
  const std::vector<float> y = head.Run();
  EXPECT_TRUE(std::isnan(y[static_cast<size_t>(head.a.out_step)]));
  head.a.mask = nullptr;
  head.a.keys = 5;
  const std::vector<float> five = head.Run();
  for (size_t c = 0; c < 4; ++c) {
    const size_t at = static_cast<size_t>(2 * head.a.out_step) + c;
    EXPECT_NEAR(y[at], five[at], 1e-6);
  }
  head.a.keys = 0;
  for (size_t c = 0; c < 4; ++c) EXPECT_EQ(head.Run()[c], 0);
  head.a.keys = 20;
  head.a.causal = true;
  head.a.causal_offset = -1;  // query 0 sees none, query 1 one
  const std::vector<float> causal = head.Run();
  EXPECT_EQ(causal[0], 0);
  EXPECT_EQ(causal[static_cast<size_t>(head.a.out_step)], head.v[0]);
}

TEST_P(AttentionTest, RowsWithoutASoftmaxAreZeroWhereAsked) {
  Head head = Random(15, 37);
  for (size_t j = 0; j < 37; ++j) head.mask[2 * 37 + j] = -INFINITY;
  head.mask[5 * 37 + 20] = NAN;
  head.a.mask = head.mask.data();
  head.a.mask_step = 37;
  head.a.causal = false;
  head.a.softcap = 0;
  const std::vector<float> nan = head.Run();
  head.a.masked_is_zero = true;
  const std::vector<float> zero = head.Run(), want = head.Reference();
  for (int64_t i = 0; i < 15; ++i) {
    const size_t at = static_cast<size_t>(i * head.a.out_step);
    EXPECT_EQ(std::isnan(nan[at]), i == 2 || i == 5);
    if (i != 5) {
      EXPECT_NEAR(zero[at], want[at], 1e-5);
    }
    if (i == 2) {
      EXPECT_EQ(zero[at], 0);
    }
    EXPECT_EQ(std::isnan(zero[at]), i == 5);
  }
  head.a.nan_is_zero = true;
  const std::vector<float> none = head.Run();
  EXPECT_EQ(none[static_cast<size_t>(5 * head.a.out_step)], 0);
  EXPECT_EQ(head.Reference()[static_cast<size_t>(5 * head.a.out_step)], 0);
}

TEST_P(AttentionTest, ScratchIsReused) {
  std::vector<float> memory(1 << 16, kCanary);
  for (int i = 0; i < 20; ++i) {
    Head head = Random(Uniform(1, 20), Uniform(1, 60));
    const std::vector<float> want = head.Run();
    std::vector<float> out(want.size(), kCanary);
    head.a.out = out.data();
    ASSERT_LE(AttentionPacked::Bytes(head.a), int64_t{4} << 16);
    AttentionPacked packed(head.a, memory.data());
    PackAttention(head.a, 0, packed.units(), &packed);
    RunAttention(head.a, 0, head.a.queries, &packed);
    ASSERT_TRUE(SameBits(out, want));
  }
}

TEST(AttentionBits, InstructionSetsThatFuseAgree) {
  if (!IsaSupported(Isa::kAvx512)) return;  // only one of them is here
  std::mt19937 rng(11);
  for (bool causal : {false, true}) {
    Head head(rng, 29, 77, 24, 40);
    head.a.causal = causal;
    std::vector<float> a, b;
    {
      WithIsa isa(Isa::kAvx2);
      a = head.Run();
    }
    WithIsa isa(Isa::kAvx512);
    b = head.Run();
    EXPECT_TRUE(SameBits(a, b));
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
