// Gemm and MatMul against Eigen, with weights streamed, materialised and computed.
#include <Eigen/Core>

#include "op/op_call.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

RowMatrix Matrix(const std::vector<float>& v, int64_t rows, int64_t cols) {
  return Eigen::Map<const FloatMatrix>(v.data(), rows, cols).cast<double>();
}

void ExpectNear(const Array& got, const RowMatrix& want, double tolerance) {
  ASSERT_EQ(got.view().size(), want.size());
  for (int64_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(got.data<float>()[i], want.data()[i], tolerance) << "element " << i;
  }
}

// How a weight is stored.
enum class Kept { kStrip, kOtherWay, kRow, kInput };

int AddWeight(GraphBuilder* g, Kept kept, int64_t k, int64_t m, bool transposed,
              const std::vector<float>& w, int height, std::vector<Array>* inputs) {
  const Shape shape = transposed ? Shape{m, k} : Shape{k, m};
  switch (kept) {
    case Kept::kStrip:
      return g->Constant(g->store.AddStrip("w", k, m, w, transposed, height));
    case Kept::kOtherWay: {  // cut for a product with its transpose: cannot be streamed
      return g->Constant(g->store.AddStrip("w", m, k, w, !transposed, height));
    }
    case Kept::kRow:
      return g->Constant(g->store.AddRow("w", shape, shape[0], MOSAIC_FLOAT, w.data(), height));
    case Kept::kInput:
      inputs->push_back(Floats(shape, w));
      return g->Input("w", MOSAIC_FLOAT, shape);
  }
  return -1;
}

TEST(Gemm, RandomShapesAgreeWithEigenHoweverTheWeightIsKept) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  auto pick = [&](int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(rng);
  };
  for (int round = 0; round < 60; ++round) {
    const int64_t n = pick(1, 20), k = pick(1, 300), m = pick(1, 70);
    const bool ta = pick(0, 1) != 0, tb = pick(0, 1) != 0;
    const float alpha = pick(0, 1) ? 1.0f : 0.5f, beta = pick(0, 1) ? 1.0f : -2.0f;
    const std::vector<Shape> c_shapes = {{}, {m}, {1, m}, {n, 1}, {n, m}, {1}};
    const Shape c_shape = c_shapes[static_cast<size_t>(pick(0, 5))];
    const int height = round % 3 == 0 ? 126 : round % 3 == 1 ? 63 : 31;
    const auto a = RandomFloats(&rng, n * k), w = RandomFloats(&rng, k * m);
    const auto c = RandomFloats(&rng, NumElements(c_shape));
    SCOPED_TRACE("n " + std::to_string(n) + " k " + std::to_string(k) + " m " + std::to_string(m) +
                 " ta " + std::to_string(ta) + " tb " + std::to_string(tb));

    RowMatrix am = ta ? RowMatrix(Matrix(a, k, n).transpose()) : Matrix(a, n, k);
    RowMatrix wm = tb ? RowMatrix(Matrix(w, m, k).transpose()) : Matrix(w, k, m);
    RowMatrix want = alpha * (am * wm);
    const int64_t crows = c_shape.size() == 2 ? c_shape[0] : 1;
    const int64_t ccols = c_shape.empty() ? 1 : c_shape.back();
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < m; ++j) {
        want(i, j) +=
            beta * c[static_cast<size_t>((crows == 1 ? 0 : i * ccols) + (ccols == 1 ? 0 : j))];
      }
    }
    Array first;
    for (Kept kept : {Kept::kStrip, Kept::kOtherWay, Kept::kRow, Kept::kInput}) {
      GraphBuilder g;
      std::vector<Array> inputs = {Floats(ta ? Shape{k, n} : Shape{n, k}, a)};
      const int x = g.Input("a", MOSAIC_FLOAT, inputs[0].shape);
      const int weight = AddWeight(&g, kept, k, m, tb, w, height, &inputs);
      const int addend = g.Constant(g.store.AddRow("c", c_shape, 1, MOSAIC_FLOAT, c.data()));
      g.Output(g.Call(
          "Gemm", {x, weight, addend},
          {{"alpha", alpha}, {"beta", beta}, {"transA", int64_t{ta}}, {"transB", int64_t{tb}}}));
      const auto model = g.Load();
      ASSERT_EQ(model->main().steps[0].streams[1], kept == Kept::kStrip ? 0 : -1);
      const Array got = MustRun(g, *model, inputs)[0];
      ASSERT_EQ(got.shape, (Shape{n, m}));
      ExpectNear(got, want, 1e-4);
      if (kept == Kept::kStrip) first = got;
      EXPECT_TRUE(got == first) << "other bits where kept in way " << static_cast<int>(kept);
    }
  }
}

TEST(Gemm, AnyLimitOnBlocksGivesTheSameBits) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  // 1100 rows: three row chunks, and k chunks, as 1100 / 3 x 1500 floats exceed the cache bound.
  const int64_t n = 1100, k = 1500, m = 100;
  GraphBuilder g;
  const int x = g.Input("a", MOSAIC_FLOAT, {kSymbolic, k});
  const int w = g.Constant(g.store.AddStrip("w", k, m, RandomFloats(&rng, k * m)));
  const auto bias = RandomFloats(&rng, m);
  const int b = g.Constant(g.store.AddRow("b", {m}, m, MOSAIC_FLOAT, bias.data(), 31));
  g.Output(g.Call("Gemm", {x, w, b}));
  const auto model = g.Load();
  const Array a = Floats({n, k}, RandomFloats(&rng, n * k));
  const Array want = MustRun(g, *model, {a})[0];
  for (int max_blocks : {1, 2, 7, 64}) {
    RunLog log;
    EXPECT_TRUE(MustRun(g, *model, {a}, 1, max_blocks, &log)[0] == want) << max_blocks;
    EXPECT_LE(log.largest_request, max_blocks);
  }
  // Rows alone: the grouping of rows does not matter either.
  for (int64_t i : {int64_t{0}, int64_t{511}, n - 1}) {
    EXPECT_TRUE(MustRun(g, *model, {a.item(i)}, 1, 3)[0] == want.item(i)) << i;
  }
}

TEST(Gemm, ARequestIsOfWholeGroupsOfStrips) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t k = 1260, m = 640;  // 10 blocks a strip, 40 strips
  GraphBuilder g;
  const int x = g.Input("a", MOSAIC_FLOAT, {kSymbolic, k});
  const int w = g.Constant(g.store.AddStrip("w", k, m, RandomFloats(&rng, k * m)));
  g.Output(g.Call("MatMul", {x, w}));
  const auto model = g.Load();
  const Array a = Floats({1, k}, RandomFloats(&rng, k));
  // The first request is sized by estimates; later ones, by measurements, are no larger.
  for (auto [max_blocks, largest] :
       {std::pair{7, 5}, {15, 10}, {79, 40}, {80, 80}, {100, 80}, {250, 240}, {399, 320}}) {
    RunLog log;
    MustRun(g, *model, {a}, 1, max_blocks, &log);
    EXPECT_EQ(log.largest_request, largest) << max_blocks;
  }
}

TEST(Gemm, OtherTypesAreComputedInFloat32) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t n = 3, k = 140, m = 20;
  const auto a = RandomFloats(&rng, n * k), w = RandomFloats(&rng, k * m),
             c = RandomFloats(&rng, m);
  for (int dtype : {MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_BFLOAT16}) {
    auto as_type = [&](const std::vector<float>& v) {
      std::vector<char> out(v.size() * static_cast<size_t>(DTypeSize(dtype)));
      ConvertElements(MOSAIC_FLOAT, v.data(), dtype, out.data(), static_cast<int64_t>(v.size()));
      return out;
    };
    auto back = [&](const Array& t) {
      std::vector<float> out(static_cast<size_t>(t.view().size()));
      ConvertElements(dtype, t.bytes.data(), MOSAIC_FLOAT, out.data(), t.view().size());
      return out;
    };
    GraphBuilder g;
    const int x = g.Input("a", dtype, {n, k});
    const int weight = g.Constant(g.store.AddStrip("w", k, m, w, false, 126, dtype));
    const int bias = g.Constant(g.store.AddRow("c", {m}, m, dtype, c.data(), 126, MOSAIC_FLOAT));
    g.Output(g.Call("Gemm", {x, weight, bias}));
    const Array got = MustRun(g, *g.Load(), {Array(dtype, {n, k}, as_type(a))})[0];
    ASSERT_EQ(got.dtype, dtype);
    const auto exact_a = back(Array(dtype, {n, k}, as_type(a)));
    const auto exact_c = back(Array(dtype, {m}, as_type(c)));
    RowMatrix want = Matrix(exact_a, n, k) * Matrix(w, k, m);
    want.rowwise() += Matrix(exact_c, 1, m).row(0);
    const double tolerance = dtype == MOSAIC_DOUBLE ? 1e-4 : dtype == MOSAIC_FLOAT16 ? 0.02 : 0.1;
    ExpectNear(Floats({n, m}, back(got)), want, tolerance);
  }
}

TEST(Gemm, IntegersAreExactAndWrapAround) {
  GraphBuilder g;
  const int a = g.Input("a", MOSAIC_INT32, {2, 2}), b = g.Input("b", MOSAIC_INT32, {2, 3});
  const int c = g.Input("c", MOSAIC_INT32, {3});
  g.Output(g.Call("Gemm", {a, b, c}));
  const auto out =
      MustRun(g, *g.Load(),
              {Array(MOSAIC_INT32, {2, 2}, std::vector<int32_t>{1, 2, 65536, 4}),
               Array(MOSAIC_INT32, {2, 3}, std::vector<int32_t>{1, -2, 65536, 4, 5, 6}),
               Array(MOSAIC_INT32, {3}, std::vector<int32_t>{10, 20, 30})});
  const std::vector<int32_t> want = {19, 28, 65578, 65562, -131032, 54};
  EXPECT_TRUE(out[0] == Array(MOSAIC_INT32, {2, 3}, want));
}

TEST(Gemm, NanAndInfinityArriveAndPaddingDoesNotMakeThem) {
  const float inf = std::numeric_limits<float>::infinity();
  GraphBuilder g;
  const int64_t k = 3, m = 2;  // 13 columns and no rows of padding
  const int x = g.Input("a", MOSAIC_FLOAT, {kSymbolic, k});
  const int w = g.Constant(g.store.AddStrip("w", k, m, {1, 0, 1, 1, 1, 1}));
  g.Output(g.Call("Gemm", {x, w}));
  const auto out = MustRun(g, *g.Load(), {Floats({2, k}, {inf, 1, 2, 1, 1, 1})})[0];
  EXPECT_EQ(out.data<float>()[0], inf);
  EXPECT_TRUE(std::isnan(out.data<float>()[1]));  // inf * 0
  EXPECT_EQ(out.data<float>()[2], 3);
  EXPECT_EQ(out.data<float>()[3], 2);
}

TEST(Gemm, NoRowsNoColumnsNoSum) {
  for (const auto& [n, k, m] :
       {std::tuple<int64_t, int64_t, int64_t>{0, 3, 2}, {2, 0, 2}, {2, 3, 0}}) {
    GraphBuilder g;
    const int a = g.Input("a", MOSAIC_FLOAT, {n, k}), b = g.Input("b", MOSAIC_FLOAT, {k, m});
    const int c = g.Input("c", MOSAIC_FLOAT, {1});
    g.Output(g.Call("Gemm", {a, b, c}));
    const auto ones = [](int64_t size) { return std::vector<float>(static_cast<size_t>(size), 1); };
    // An empty vector's data may be null: give it an address.
    Array aa = Floats({n, k}, ones(n * k)), bb = Floats({k, m}, ones(k * m));
    const auto out = MustRun(g, *g.Load(), {aa, bb, Floats({1}, {5})})[0];
    EXPECT_EQ(out.shape, (Shape{n, m}));
    for (int64_t i = 0; i < n * m; ++i) EXPECT_EQ(out.data<float>()[i], 5 + static_cast<float>(k));
  }
}

TEST(Gemm, WrongShapesNameNodeAndShapes) {
  GraphBuilder g;
  const int x = g.Input("a", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
  const int w = g.Constant(g.store.AddStrip("w", 4, 2, std::vector<float>(8, 1)));
  g.Output(g.Call("Gemm", {x, w}));
  const auto model = g.Load();
  BatchRun executor(*model, 8);
  std::vector<Array> out;
  const Status status = Predict(&executor, g.store, {Floats({1, 3}, {1, 2, 3})}, 1, 1, &out);
  EXPECT_EQ(status.code(), MOSAIC_E_INVALID);
  EXPECT_NE(
      status.message().find("model \"m\": node \"v2\" (Gemm): shapes [1, 3] and [4, 2] do not fit"),
      std::string::npos)
      << status.message();
}

// numpy's matmul, straight from its definition.
RowMatrix NumpyProduct(const std::vector<float>& a, Shape as, const std::vector<float>& b, Shape bs,
                       Shape* shape) {
  const bool row = as.size() == 1, column = bs.size() == 1;
  if (row) as.insert(as.begin(), 1);
  if (column) bs.push_back(1);
  const size_t rank = std::max(as.size(), bs.size());
  while (as.size() < rank) as.insert(as.begin(), 1);
  while (bs.size() < rank) bs.insert(bs.begin(), 1);
  const int64_t n = as[rank - 2], k = as[rank - 1], m = bs[rank - 1];
  Shape batch;
  for (size_t d = 0; d + 2 < rank; ++d) batch.push_back(std::max(as[d], bs[d]));
  const int64_t products = NumElements(batch);
  RowMatrix all(products * n, m);
  for (int64_t p = 0; p < products; ++p) {
    int64_t rest = p, ai = 0, bi = 0, astride = 1, bstride = 1;
    for (size_t d = batch.size(); d-- > 0;) {
      const int64_t i = rest % batch[d];
      rest /= batch[d];
      ai += (as[d] == 1 ? 0 : i) * astride;
      bi += (bs[d] == 1 ? 0 : i) * bstride;
      astride *= as[d];
      bstride *= bs[d];
    }
    std::vector<float> am(a.begin() + ai * n * k, a.begin() + (ai + 1) * n * k);
    std::vector<float> bm(b.begin() + bi * k * m, b.begin() + (bi + 1) * k * m);
    all.middleRows(p * n, n) = Matrix(am, n, k) * Matrix(bm, k, m);
  }
  *shape = batch;
  if (!row) shape->push_back(n);
  if (!column) shape->push_back(m);
  return all;
}

TEST(MatMul, AllRanksAgreeWithNumpysRule) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const std::vector<std::pair<Shape, Shape>> cases = {
      {{5}, {5}},
      {{5}, {5, 3}},
      {{4, 5}, {5}},
      {{4, 5}, {5, 3}},
      {{2, 4, 5}, {5, 3}},
      {{2, 4, 5}, {2, 5, 3}},
      {{4, 5}, {2, 5, 3}},
      {{2, 1, 4, 5}, {3, 5, 6}},
      {{5}, {2, 5, 3}},
      {{2, 4, 5}, {5}},
      {{2, 4, 5}, {1, 5, 3}},
      {{1, 4, 5}, {3, 2, 5, 7}},
      {{600, 130}, {130, 33}},
      {{2, 3, 4, 130}, {2, 3, 130, 40}},
      {{4, 4100}, {4100, 20}},
  };
  for (const auto& [as, bs] : cases) {
    SCOPED_TRACE(ShapeString(as) + " x " + ShapeString(bs));
    const auto a = RandomFloats(&rng, NumElements(as)), b = RandomFloats(&rng, NumElements(bs));
    Shape shape;
    const RowMatrix want = NumpyProduct(a, as, b, bs, &shape);
    GraphBuilder g;
    g.Output(g.Call("MatMul", {g.Input("a", MOSAIC_FLOAT, as), g.Input("b", MOSAIC_FLOAT, bs)}));
    const Array got = MustRun(g, *g.Load(), {Floats(as, a), Floats(bs, b)})[0];
    EXPECT_EQ(got.shape, shape);
    ExpectNear(got, want, 1e-3);
    if (bs.size() != 2) continue;
    // The same from blocks: the same bits, for any limit.
    GraphBuilder s;
    const int x = s.Input("a", MOSAIC_FLOAT, as);
    s.Output(s.Call("MatMul", {x, s.Constant(s.store.AddStrip("b", bs[0], bs[1], b, false, 63))}));
    const auto model = s.Load();
    ASSERT_EQ(model->main().steps[0].streams[1], 0);
    for (int max_blocks : {1, 5, 1000}) {
      EXPECT_TRUE(MustRun(s, *model, {Floats(as, a)}, 1, max_blocks)[0] == got) << max_blocks;
    }
  }
}

TEST(FusedMatMul, TransposedStacksMeetAStoredMatrix) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t stack = 3, n = 5, k = 70, m = 90;
  const auto a = RandomFloats(&rng, stack * k * n), b = RandomFloats(&rng, k * m);
  RowMatrix want(stack * n, m);
  for (int64_t i = 0; i < stack; ++i) {
    const std::vector<float> one(a.begin() + i * k * n, a.begin() + (i + 1) * k * n);
    want.middleRows(i * n, n) = 0.5 * Matrix(one, k, n).transpose() * Matrix(b, k, m);
  }
  for (Kept kept : {Kept::kStrip, Kept::kRow, Kept::kInput}) {
    GraphBuilder g;
    std::vector<Array> inputs = {Floats({stack, k, n}, a)};
    const int x = g.Input("a", MOSAIC_FLOAT, inputs[0].shape);
    const int w = AddWeight(&g, kept, k, m, false, b, 63, &inputs);
    g.Output(g.Call("FusedMatMul", {x, w}, {{"transA", int64_t{1}}, {"alpha", 0.5F}}));
    g.graph.nodes[0].domain = kMicrosoftDomain;
    g.graph.domains = {{kMicrosoftDomain, 1}};
    const auto model = g.Load();
    ASSERT_EQ(model->main().steps[0].streams[1], kept == Kept::kStrip ? 0 : -1);
    for (int max_blocks : {1, 5, 1000}) ExpectNear(MustRun(g, *model, inputs, 1, max_blocks)[0], want, 1e-3);
  }
}

TEST(MatMul, IntegersAndRefusals) {
  GraphBuilder g;
  g.Output(g.Call("MatMul",
                  {g.Input("a", MOSAIC_INT64, {2, 1, 2}), g.Input("b", MOSAIC_INT64, {2, 70})}));
  std::vector<int64_t> b(140, 2);
  b[69] = 5;
  const auto out = MustRun(g, *g.Load(),
                           {Array(MOSAIC_INT64, {2, 1, 2}, std::vector<int64_t>{1, 2, 3, 4}),
                            Array(MOSAIC_INT64, {2, 70}, b)})[0];
  ASSERT_EQ(out.shape, (Shape{2, 1, 70}));
  EXPECT_EQ(out.data<int64_t>()[0], 6);
  EXPECT_EQ(out.data<int64_t>()[69], 9);
  EXPECT_EQ(out.data<int64_t>()[70 + 69], 23);

  for (const auto& [as, bs] :
       {std::pair<Shape, Shape>{{}, {2}}, {{2, 3}, {2, 3}}, {{2, 1, 2}, {3, 2, 1}}}) {
    GraphBuilder w;
    w.Output(w.Call("MatMul", {w.Input("a", MOSAIC_FLOAT, as), w.Input("b", MOSAIC_FLOAT, bs)}));
    std::unique_ptr<Model> model;
    EXPECT_EQ(w.TryLoad(&model).code(), MOSAIC_E_BAD_MODEL);
  }
}

// As ONNX Runtime has it: a vector stays a row on the left and a column on the right.
TEST(FusedMatMul, VectorsAreNotTransposed) {
  OpCall left("FusedMatMul", kMicrosoftDomain), right("FusedMatMul", kMicrosoftDomain);
  ASSERT_OK(
      left.Int("transA", 1).Int("transB", 1).In({2}, {1, 2}).In({3, 2}, {1, 2, 3, 4, 5, 6}).Run());
  EXPECT_EQ(left.shape(), (Shape{3}));
  EXPECT_THAT(left.values(), ::testing::ElementsAre(5, 11, 17));
  ASSERT_OK(
      right.Int("transA", 1).Int("transB", 1).In({2, 3}, {1, 2, 3, 4, 5, 6}).In({2}, {1, 2}).Run());
  EXPECT_EQ(right.shape(), (Shape{3}));
  EXPECT_THAT(right.values(), ::testing::ElementsAre(9, 12, 15));
  OpCall both("FusedMatMul", kMicrosoftDomain), far("FusedMatMul", kMicrosoftDomain);
  ASSERT_OK(both.Int("transA", 1).Int("transB", 1).In({3}, {1, 2, 3}).In({3}, {4, 5, 6}).Run());
  EXPECT_THAT(both.values(), ::testing::ElementsAre(32));
  EXPECT_REFUSED(far.Int("transA", 1).Int("transB", 1).In({12}, {1}).In({12, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit (transA 0, transB 1)");
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
