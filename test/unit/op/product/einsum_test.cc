// Einsum against the definition, Det; their refusals and items.
#include <cmath>
#include <map>

#include "core/op/product/einsum_equation.h"
#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const Dim N = Dim::Symbol("N"), L = Dim::Symbol("L");

std::vector<float> Waves(int64_t n, float step) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(std::sin(static_cast<float>(i) * step));
  return v;
}

// The sum over all letters, one place after another.
std::vector<float> Expected(const std::string& equation, const Shape& a, const Shape& b,
                            const std::vector<float>& x, const std::vector<float>& w) {
  EinsumEquation e;
  std::vector<int> ranks = {static_cast<int>(a.size()), static_cast<int>(b.size())};
  EXPECT_TRUE(EinsumEquation::Parse(equation, &e).ok());
  EXPECT_TRUE(e.Expand(ranks).ok());
  std::map<int, int64_t> size, at;
  int64_t places = 1, outputs = 1;
  for (int i : {0, 1}) {
    const Shape& s = i == 0 ? a : b;
    for (size_t d = 0; d < s.size(); ++d) {
      int64_t& n = size[e.operands[static_cast<size_t>(i)][d]];
      n = std::max(n, s[d]);
    }
  }
  for (const auto& [l, n] : size) places *= n;
  for (int l : e.output) outputs *= size[l];
  std::vector<double> sums(static_cast<size_t>(outputs));
  for (int64_t p = 0; p < places; ++p) {
    int64_t rest = p;
    for (const auto& [l, n] : size) at[l] = rest % n, rest /= n;
    const auto offset = [&](const std::vector<int>& labels, const Shape& s) {
      int64_t o = 0;
      for (size_t d = 0; d < labels.size(); ++d) o = o * s[d] + (s[d] == 1 ? 0 : at[labels[d]]);
      return static_cast<size_t>(o);
    };
    Shape y;
    for (int l : e.output) y.push_back(size[l]);
    sums[offset(e.output, y)] += static_cast<double>(x[offset(e.operands[0], a)]) *
                                 static_cast<double>(w[offset(e.operands[1], b)]);
  }
  return std::vector<float>(sums.begin(), sums.end());
}

TEST(Einsum, TwoOperands) {
  const struct {
    const char* equation;
    Shape a, b;
  } cases[] = {
      {"bhqd,bhkd->bhqk", {2, 3, 4, 5}, {2, 3, 6, 5}},
      {"bij, bjk", {2, 3, 40}, {2, 40, 17}},
      {"bhwc,hkc->bhwk", {2, 3, 4, 5}, {3, 6, 5}},
      {"ij,ij->", {30, 40}, {30, 40}},
      {"i,j->ji", {3}, {4}},
      {"...ij,...jk->...ik", {2, 1, 3, 4}, {5, 4, 2}},
      {"...ij,jk", {2, 3, 4}, {4, 2}},
      {"ijk,kj->i", {3, 4, 5}, {5, 4}},
      {"ii,i->i", {4, 4}, {4}},
      {"ij,k->k", {2, 3}, {4}},
      {"bij,bj->bi", {2, 3, 4}, {1, 4}},
      {"ij,kj->ki", {5, 300}, {40, 300}},
      {"aB,Bc", {2, 3}, {3, 2}},
      {"ij,ij->ij", {2, 3}, {2, 3}},
  };
  for (const auto& k : cases) {
    const std::vector<float> x = Waves(NumElements(k.a), 0.7F), w = Waves(NumElements(k.b), 1.3F);
    OpCall call("Einsum");
    ASSERT_OK(call.String("equation", k.equation).In(k.a, x).In(k.b, w).Run());
    EXPECT_THAT(call.values(), Pointwise(FloatNear(1e-4F), Expected(k.equation, k.a, k.b, x, w)))
        << k.equation;
  }
}

TEST(Einsum, OneOperandAndTypes) {
  OpCall trace("Einsum"), turned("Einsum"), integers("Einsum"), wide("Einsum"), large("Einsum");
  ASSERT_OK(trace.String("equation", "...ii->...").In({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}).Run());
  EXPECT_THAT(trace.values(), ElementsAre(5, 13));
  ASSERT_OK(turned.String("equation", "ba").In({2, 3}, {1, 2, 3, 4, 5, 6}).Run());
  EXPECT_THAT(turned.values(), ElementsAre(1, 4, 2, 5, 3, 6));
  ASSERT_OK(integers.String("equation", "ij,jk")
                .In<int64_t>({1, 2}, {int64_t{1} << 62, 3})
                .In<int64_t>({2, 1}, {4, 5})
                .Run());
  EXPECT_THAT(integers.values<int64_t>(), ElementsAre(15));  // wraps
  ASSERT_OK(
      wide.String("equation", "i,i->").In<double>({2}, {1, 1e-12}).In<double>({2}, {1, 1}).Run());
  EXPECT_THAT(wide.values<double>(), ElementsAre(1 + 1e-12));
  ASSERT_OK(large.String("equation", "i->").In<int32_t>({100000}, {3}).Run());  // several units
  EXPECT_THAT(large.values<int32_t>(), ElementsAre(300000));
}

TEST(Einsum, RefusalsAndItems) {
  const auto run = [](const char* equation) {
    return OpCall("Einsum").String("equation", equation).In({2, 3}, {1}).In({4, 2}, {1}).Run();
  };
  EXPECT_REFUSED(run(""), MOSAIC_E_BAD_MODEL, "has 1 operands, the node 2");
  EXPECT_REFUSED(run("ij"), MOSAIC_E_BAD_MODEL, "has 1 operands, the node 2");
  EXPECT_REFUSED(run("i1,jk->i"), MOSAIC_E_BAD_MODEL, "of the equation is none");
  EXPECT_REFUSED(run("ij,jk->il"), MOSAIC_E_BAD_MODEL, "that no operand has");
  EXPECT_REFUSED(run("ij,kl->ii"), MOSAIC_E_BAD_MODEL, "a letter twice");
  EXPECT_REFUSED(run("......ij,kl"), MOSAIC_E_BAD_MODEL, "two ellipses");
  EXPECT_REFUSED(run("ijk,kl"), MOSAIC_E_BAD_MODEL, "operand 0 has 2 dimensions");
  EXPECT_REFUSED(run("ij,jk"), MOSAIC_E_BAD_MODEL, "cannot be broadcast");
  EXPECT_REFUSED(OpCall("Einsum").String("equation", "i").In<Bool>({2}, {true}).Run(),
                 MOSAIC_E_UNSUPPORTED, "of type bool");
  OpCall apart("Einsum"), summed("Einsum"), meet("Einsum"), both("Einsum");
  apart.String("equation", "bld,dk->blk");
  EXPECT_INFERRED(apart, "[N, L, 7]", 0, ItemsFact({N, L, 4}, 0), SharedFact({4, 7}));
  both.String("equation", "bqd,bkd->qbk");
  EXPECT_INFERRED(both, "[5, N, L]", 1, ItemsFact({N, 5, 4}, 0), ItemsFact({N, L, 4}, 0));
  summed.String("equation", "bd->d");
  EXPECT_INFERRED(summed, "[4]", kMixed, ItemsFact({N, 4}, 0));
  meet.String("equation", "bd,bd->bd");
  EXPECT_INFERRED(meet, "[N, 4]", kMixed, ItemsFact({N, 4}, 0), SharedFact({N, 4}));
}

TEST(Det, ValuesAndRefusals) {
  OpCall call("Det"), singular("Det"), large("Det"), items("Det");
  ASSERT_OK(call.In({2, 2, 2}, {0, 1, 2, 3, 4, 7, 2, 6}).Run());
  EXPECT_THAT(call.values(), ElementsAre(-2, 10));
  ASSERT_OK(singular.In({3, 3}, {1, 2, 3, 2, 4, 6, 1, 0, 1}).Run());
  EXPECT_THAT(singular.values(), ElementsAre(FloatNear(0, 1e-6F)));
  // 1 + the sum of u v: the determinant of the unit matrix + u v'.
  std::vector<double> a;
  for (int i = 0; i < 40; ++i) {
    for (int j = 0; j < 40; ++j) a.push_back((i == j) + 0.1 * i * (j + 1) / 40.0);
  }
  double expected = 1;
  for (int i = 0; i < 40; ++i) expected += 0.1 * i * (i + 1) / 40.0;
  ASSERT_OK(large.In<double>({40, 40}, a).Run());
  EXPECT_NEAR(large.values<double>()[0], expected, 1e-9);
  EXPECT_REFUSED(OpCall("Det").In({2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "has no matrices");
  EXPECT_REFUSED(OpCall("Det").In({2, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL, "is not square");
  EXPECT_REFUSED(OpCall("Det").In<int32_t>({1, 1}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "of type int32");
  EXPECT_INFERRED(items, "[N]", 0, ItemsFact({N, 3, 3}, 0));
}

}  // namespace
}  // namespace mosaic
