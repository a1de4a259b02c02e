// Shapes computed by elementwise operators are followed in symbols.
#include "op/op_call.h"

namespace mosaic {
namespace {

const Dim N = Dim::Symbol("N"), L = Dim::Symbol("L");

Fact Sizes(Dims values, int dtype = MOSAIC_INT64) {
  Fact f = Fact::Of(dtype, {static_cast<int64_t>(values.size())});
  f.item_axis = kShared;
  f.ints = std::make_shared<Dims>(std::move(values));
  return f;
}

std::string Followed(OpCall& call, const std::vector<Fact>& facts) {
  const Status s = call.Infer(facts, "N");
  if (!s.ok()) return s.message();
  return call.fact().ints == nullptr ? "nothing" : ShapeString(*call.fact().ints);
}
std::string Followed(const char* op, const std::vector<Fact>& facts) {
  OpCall call(op);
  return Followed(call, facts);
}

TEST(SizeArithmetic, Integers) {
  EXPECT_EQ(Followed("Mul", {Sizes({N, L}), Sizes({12})}), "[12*N, 12*L]");
  EXPECT_EQ(Followed("Div", {Sizes({N * 12, L}), Sizes({4, 3})}), "[3*N, floordiv(L, 3)]");
  EXPECT_EQ(Followed("Sub", {Sizes({N}), Sizes({1})}), "[N + -1]");
  EXPECT_EQ(Followed("Mod", {Sizes({N * 6}), Sizes({3})}), "[0]");
  EXPECT_EQ(Followed("Neg", {Sizes({L})}), "[-1*L]");
  EXPECT_EQ(Followed("Min", {Sizes({L}), Sizes({L}), Sizes({L})}), "[L]");
  EXPECT_EQ(Followed("Max", {Sizes({L}), Sizes({0})}), "[L]");
  EXPECT_EQ(Followed("Div", {Sizes({L}), Sizes({0})}), "nothing");
}

TEST(SizeArithmetic, CastsAndRounding) {
  const auto cast = [](const Fact& f, int to) {
    OpCall call("Cast");
    call.Int("to", to);
    return Followed(call, {f});
  };
  EXPECT_EQ(cast(Sizes({N}), MOSAIC_INT32), "[N]");
  EXPECT_EQ(cast(Sizes({N}, MOSAIC_INT32), MOSAIC_INT64), "[N]");
  EXPECT_EQ(cast(Sizes({N}), MOSAIC_FLOAT), "[N]");
  EXPECT_EQ(cast(Sizes({N}), MOSAIC_UINT8), "nothing");
  EXPECT_EQ(Followed("Floor", {Sizes({N * 2}, MOSAIC_FLOAT)}), "[2*N]");
  EXPECT_EQ(Followed("Ceil", {Sizes({N * 2}, MOSAIC_FLOAT)}), "[2*N]");
  // A quotient of floats that does not divide is no size.
  EXPECT_EQ(Followed("Div", {Sizes({L * 4}, MOSAIC_FLOAT), Sizes({2}, MOSAIC_FLOAT)}), "[2*L]");
  EXPECT_EQ(Followed("Div", {Sizes({L}, MOSAIC_FLOAT), Sizes({2}, MOSAIC_FLOAT)}), "nothing");
  // A constant of floats.
  OpCall scale("Mul");
  const float two = 2, half = 0.5F;
  const Fact twice = Fact::OfTensor(Tensor::Borrow(MOSAIC_FLOAT, {}, &two));
  EXPECT_EQ(Followed(scale, {Sizes({L}, MOSAIC_FLOAT), twice}), "[2*L]");
  OpCall not_whole("Mul");
  EXPECT_EQ(Followed(not_whole, {Sizes({L}, MOSAIC_FLOAT),
                                 Fact::OfTensor(Tensor::Borrow(MOSAIC_FLOAT, {}, &half))}),
            "nothing");
}

TEST(SizeArithmetic, WhereReplacesTheMinusOneOfAShape) {
  EXPECT_EQ(Followed("Equal", {Sizes({N, -1, 3}), Sizes({-1})}), "[0, 1, 0]");
  EXPECT_EQ(Followed("Equal", {Sizes({N}), Sizes({3})}), "nothing");  // for some N
  EXPECT_EQ(Followed("Where", {Sizes({0, 1, 0}, MOSAIC_BOOL), Sizes({1}), Sizes({N, -1, 3})}),
            "[N, 1, 3]");
  EXPECT_EQ(Followed("Where", {Sizes({L}, MOSAIC_BOOL), Sizes({1}), Sizes({N})}), "nothing");
}

TEST(SizeArithmetic, Clip) {
  Fact low = Sizes({0}), high = Sizes({L});
  low.dims = high.dims = {};
  EXPECT_EQ(Followed("Clip", {Sizes({L, -3}), low, high}), "[L, min(0, L)]");
}

}  // namespace
}  // namespace mosaic
