// Products with a table of bytes that is dequantised and transposed: one step that reads the table
// in place, near what the nodes compute one by one; what is not the pattern stays.
#include "core/pass/fuse_tables.h"

#include <cmath>
#include <cstring>

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kRows = 75, kWidth = 700, kItems = 5;

struct Case {
  const char* name;
  bool turned_first;
  int dtype;
  bool each;  // a scale and a zero point for each row of the table
  bool zero = true, watched = false, fused = true;
};

// As of a decoder: the table is gathered, too.
int Build(const Case& c, GraphBuilder* g, std::vector<uint8_t>* stored,
          std::vector<double>* table) {
  std::mt19937 rng(11);
  std::vector<uint8_t>& bytes = *stored;
  std::vector<uint8_t> zeros(kRows);
  bytes.resize(kRows * kWidth);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(rng());
  for (uint8_t& b : zeros) b = static_cast<uint8_t>(rng() % 100);
  std::vector<float> scales(kRows);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01F + 0.001F * static_cast<float>(i);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const size_t row = c.each ? i / kWidth : 0;
    const int q = c.dtype == MOSAIC_INT8 ? static_cast<int8_t>(bytes[i]) : bytes[i];
    table->push_back((q - (c.zero ? zeros[row] : 0)) * static_cast<double>(scales[row]));
  }
  const Shape each = c.each ? Shape{kRows} : Shape{};
  const int t =
      g->Constant(g->store.AddRow("t", {kRows, kWidth}, kRows, c.dtype, bytes.data(), 63));
  const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth});
  const int ids = g->Input("ids", MOSAIC_INT64, {kSymbolic, 1});
  std::vector<int> how = {g->Constant(g->store.AddInline("s", each, MOSAIC_FLOAT, scales.data()))};
  if (c.zero) how.push_back(g->Constant(g->store.AddInline("z", each, c.dtype, zeros.data())));
  const auto dequantise = [&](int v, int64_t axis) {
    std::vector<int> inputs = {v};
    inputs.insert(inputs.end(), how.begin(), how.end());
    return g->Call("DequantizeLinear", inputs, {{"axis", axis}});
  };
  const auto turn = [&](int v) {
    return g->Call("Transpose", {v}, {{"perm", std::vector<int64_t>{1, 0}}});
  };
  g->Output(g->Call("Gather", {t, ids}));
  const int64_t axis = c.turned_first ? 1 : 0;  // that of the table's rows
  const int w = c.turned_first ? dequantise(turn(t), axis) : turn(dequantise(t, axis));
  g->Output(g->Call("MatMul", {x, w}));
  if (c.watched) g->Output(w);
  return t;
}

void ExpectProducts(const std::vector<float>& x, const std::vector<double>& table, const Array& y) {
  ASSERT_EQ(y.shape, (Shape{kItems, kRows}));
  for (int64_t i = 0; i < kItems * kRows; ++i) {
    double sum = 0, of = 0;
    for (int64_t k = 0; k < kWidth; ++k) {
      const double product = static_cast<double>(x[static_cast<size_t>(i / kRows * kWidth + k)]) *
                             table[static_cast<size_t>(i % kRows * kWidth + k)];
      sum += product, of += std::fabs(product);
    }
    ASSERT_NEAR(static_cast<double>(y.data<float>()[i]), sum, 4e-6 * of) << i;
  }
}

TEST(FuseTables, ReadsTheTableInPlace) {
  const Case kCases[] = {
      {"Transpose first", true, MOSAIC_UINT8, false},
      {"DequantizeLinear first", false, MOSAIC_INT8, false},
      {"of each row", true, MOSAIC_INT8, true},
      {"of each row, DequantizeLinear first", false, MOSAIC_UINT8, true},
      {"no zero point", true, MOSAIC_UINT8, false, false},
      {"another reader", true, MOSAIC_UINT8, false, true, true, false},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder g;
    std::vector<uint8_t> bytes;
    std::vector<double> table;
    const int t = Build(c, &g, &bytes, &table);
    const auto model = g.Load();
    bool fused = false;
    for (const Step& s : model->main().steps) {
      if (s.node.op_type != "MatMul + DequantizeLinear + Transpose") continue;
      fused = true;
      EXPECT_EQ(s.streams[1], g.graph.values[static_cast<size_t>(t)].tensor);
    }
    EXPECT_EQ(fused, c.fused);
    EXPECT_TRUE(c.watched || model->items.independent) << model->items.reason;
    std::mt19937 rng(3);
    const std::vector<float> x = RandomFloats(&rng, kItems * kWidth);
    const Array all(MOSAIC_FLOAT, {kItems, kWidth}, x);
    const Array ids(MOSAIC_INT64, {kItems, 1}, std::vector<int64_t>{3, 0, 74, 3, 8});
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      SCOPED_TRACE(IsaName(isa));
      RunLog log;
      const std::vector<Array> both = MustRun(g, *model, {all, ids}, kItems, 3, &log);
      const Array& y = both[1];
      for (int64_t i = 0; i < kItems; ++i) {  // the other reader of the table gets its bytes
        EXPECT_EQ(
            0, std::memcmp(both[0].data<uint8_t>() + i * kWidth,
                           &bytes[static_cast<size_t>(ids.data<int64_t>()[i] * kWidth)], kWidth));
      }
      EXPECT_LE(log.largest_request, 3);
      ExpectProducts(x, table, y);
      for (int64_t i = 0; i < kItems && !c.watched; ++i) {
        const Array alone = MustRun(g, *model, {all.item(i), ids.item(i)}, 1, 100)[1];
        EXPECT_TRUE(alone.bytes == y.item(i).bytes) << i;
      }
    }
  }
}

// The axis of the scales is not that of the table's rows: as many by chance.
TEST(FuseTables, LeavesScalesOfTheOtherAxis) {
  for (const int64_t axis : {0, 1}) {
    GraphBuilder g;
    const std::vector<uint8_t> bytes(64 * 64, 7);
    const std::vector<float> scales(64, 0.5F);
    const int t = g.Constant(g.store.AddRow("t", {64, 64}, 64, MOSAIC_UINT8, bytes.data()));
    const int s = g.Constant(g.store.AddRow("s", {64}, 64, MOSAIC_FLOAT, scales.data()));
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 64});
    const int turned = g.Call("Transpose", {t});
    const int w = g.Call("DequantizeLinear", {turned, s}, {{"axis", axis}});
    g.Output(g.Call("MatMul", {x, w}));
    EXPECT_EQ(g.Load()->main().steps.size(), axis == 1 ? 1U : 3U);
  }
}

// As ONNX Runtime's static quantisation writes it; the bias is a constant of float32 by then.
struct Dense {
  const char* name;
  bool each = true, bias = true, watched = false;
  int64_t trans_b = 1;
  float alpha = 1;
  bool fused = true;
};

void BuildDense(const Dense& c, GraphBuilder* g) {
  std::mt19937 rng(13);
  const int64_t n = c.trans_b != 0 ? kRows : kWidth, k = c.trans_b != 0 ? kWidth : kRows;
  std::vector<int8_t> bytes(static_cast<size_t>(n * k));
  for (int8_t& b : bytes) b = static_cast<int8_t>(rng());
  std::vector<float> scales(static_cast<size_t>(c.each ? n : 1)), bias(kRows);
  for (size_t i = 0; i < scales.size(); ++i) scales[i] = 0.01F + 0.001F * static_cast<float>(i);
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = 3 - 0.2F * static_cast<float>(i);
  const int t = g->Constant(g->store.AddRow("t", {n, k}, n, MOSAIC_INT8, bytes.data(), 63));
  const Shape shape = c.each ? Shape{n} : Shape{};
  const int s = g->Constant(g->store.AddInline("s", shape, MOSAIC_FLOAT, scales.data()));
  const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth});
  const int w = g->Call("DequantizeLinear", {t, s}, {{"axis", int64_t{0}}});
  std::vector<int> inputs = {x, w};
  if (c.bias) {
    inputs.push_back(g->Constant(g->store.AddInline("b", {kRows}, MOSAIC_FLOAT, bias.data())));
  }
  g->Output(g->Call("Gemm", inputs, {{"transB", c.trans_b}, {"alpha", c.alpha}}));
  if (c.watched) g->Output(w);
}

TEST(FuseTables, DenseLayersOfBytesHaveTheBitsOfTheirNodes) {
  const Dense kCases[] = {
      {"a scale for each row"},
      {"one scale", false},
      {"no bias", true, false},
      {"not transposed", true, true, false, 0},
      {"a factor", true, true, false, 1, 0.5F, false},
  };
  std::mt19937 rng(3);
  const Array x(MOSAIC_FLOAT, {kItems, kWidth}, RandomFloats(&rng, kItems * kWidth));
  for (Dense c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder fused, plain;
    BuildDense(c, &fused);
    c.watched = true;
    BuildDense(c, &plain);
    const auto model = fused.Load(), apart = plain.Load();
    EXPECT_EQ(model->main().steps.size(), c.fused ? 1U : 2U);
    EXPECT_EQ(apart->main().steps.size(), 2U);
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      SCOPED_TRACE(IsaName(isa));
      const Array y = MustRun(fused, *model, {x}, kItems, 3)[0];
      EXPECT_TRUE(y.bytes == MustRun(plain, *apart, {x}, kItems)[0].bytes);
      for (int64_t i = 0; i < kItems; ++i) {
        EXPECT_TRUE(MustRun(fused, *model, {x.item(i)}, 1)[0].bytes == y.item(i).bytes) << i;
      }
    }
  }
}

// Of quantised models (QDQ): the constant is dequantised for one product, with the bias that
// follows.
struct Quantised {
  const char* name;
  int dtype;
  int64_t axis, block;  // axis -1: one scale
  bool zero = true, gemm = false, turned = false, bias = false;
  int64_t rows = 5, k = 300, n = 90;
};

// dense: nothing becomes one step, since another reader takes what is dequantised.
Array Multiplied(const Quantised& q, bool dense, int max_blocks) {
  std::mt19937 rng(17);
  GraphBuilder g;
  g.graph.opset = 21;
  const Shape shape = q.turned ? Shape{q.n, q.k} : Shape{q.k, q.n};
  Shape scales = {};
  if (q.axis >= 0) scales = {shape[static_cast<size_t>(q.axis)]};
  if (q.block > 0) {
    scales = shape;
    int64_t& along = scales[static_cast<size_t>(q.axis)];
    along = (along + q.block - 1) / q.block;
  }
  const auto draw = [&](int64_t count) {
    std::vector<uint8_t> bytes(static_cast<size_t>(count));
    for (uint8_t& b : bytes) {
      b = static_cast<uint8_t>(rng());
      if (q.dtype == MOSAIC_UINT4) b &= 15U;
      if (q.dtype == MOSAIC_INT4) b = static_cast<uint8_t>(((b & 15U) ^ 8U) - 8U);
    }
    return bytes;
  };
  const std::vector<uint8_t> table = draw(q.k * q.n), zeros = draw(NumElements(scales));
  const std::vector<float> scale = RandomFloats(&rng, NumElements(scales)),
                           bias = RandomFloats(&rng, q.n);
  const auto constant = [&](const Shape& dims, int dtype, const void* elements) {
    return dims.empty() ? g.store.AddInline("c", dims, dtype, elements)
                        : g.store.AddRow("c", dims, NumElements(dims), dtype, elements, 63);
  };
  const int w = constant(shape, q.dtype, table.data()),
            s = constant(scales, MOSAIC_FLOAT, scale.data());
  const int z = q.zero ? constant(scales, q.dtype, zeros.data()) : -1;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, q.k});
  std::vector<int> inputs = {g.Constant(w), g.Constant(s)};
  if (q.zero) inputs.push_back(g.Constant(z));
  const int d = g.Call("DequantizeLinear", inputs, {{"axis", q.axis}, {"block_size", q.block}});
  const int b = g.Constant(g.store.AddInline("b", {q.n}, MOSAIC_FLOAT, bias.data()));
  int y = -1;
  if (q.gemm) {
    y = g.Call("Gemm", q.bias ? std::vector<int>{x, d, b} : std::vector<int>{x, d},
               {{"transB", int64_t{q.turned}}});
  } else {
    const int operand =
        q.turned ? g.Call("Transpose", {d}, {{"perm", std::vector<int64_t>{1, 0}}}) : d;
    y = g.Call("MatMul", {x, operand});
    if (q.bias) y = g.Call("Add", {b, y});
  }
  g.Output(y);
  if (dense) g.Output(d);
  const auto model = g.Load();
  const std::vector<Step>& steps = model->main().steps;
  if (!dense) {
    EXPECT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps[0].streams[1], w);
    if (q.block > 0) {
      EXPECT_EQ(steps[0].streams[2], s);
      EXPECT_EQ(steps[0].streams[3], z);
    }
    EXPECT_TRUE(model->items.independent) << model->items.reason;
  }
  RunLog log;
  Array out = MustRun(g, *model, {Floats({q.rows, q.k}, RandomFloats(&rng, q.rows * q.k))}, q.rows,
                      max_blocks, &log)[0];
  if (!dense) {
    EXPECT_LE(log.largest_request, max_blocks);
  }
  return out;
}

TEST(FuseTables, QuantisedProductsAreToTheSameBits) {
  const Quantised kCases[] = {
      {"one scale", MOSAIC_INT8, -1, 0},
      {"no zero point", MOSAIC_UINT8, -1, 0, false},
      {"of each column", MOSAIC_INT8, 1, 0},
      {"of each row", MOSAIC_UINT8, 0, 0},
      {"blocks of k", MOSAIC_INT4, 0, 32},
      {"blocks of columns", MOSAIC_UINT4, 1, 16},
      {"blocks, no zero point", MOSAIC_INT8, 0, 128, false},
      {"bias", MOSAIC_INT8, 1, 0, true, false, false, true},
      {"Gemm", MOSAIC_INT8, 1, 0, true, true, false, true},
      {"Gemm transposed", MOSAIC_UINT8, 0, 0, true, true, true, true},
      {"Gemm transposed, blocks", MOSAIC_INT4, 1, 32, true, true, true, false},
      {"Transpose, blocks, bias", MOSAIC_UINT4, 1, 64, true, false, true, true},
      {"many rows", MOSAIC_INT8, 1, 0, true, false, false, false, 1100, 130, 40},
      {"one column", MOSAIC_INT8, 0, 32, true, false, false, false, 3, 600, 1},
      {"wide", MOSAIC_UINT8, 0, 32, true, false, false, false, 2, 260, 1100},
  };
  for (const Quantised& q : kCases) {
    SCOPED_TRACE(q.name);
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      SCOPED_TRACE(IsaName(isa));
      const Array want = Multiplied(q, true, 1000);
      for (const int max_blocks : {1, 3, 1000})
        EXPECT_TRUE(Multiplied(q, false, max_blocks) == want);
    }
  }
}

// Two products that read what one DequantizeLinear makes both read the table.
TEST(FuseTables, SeveralProductsOfOneTable) {
  GraphBuilder g;
  const std::vector<uint8_t> bytes(64 * 64, 7);
  const float scale = 0.5F;
  const int t = g.Constant(g.store.AddRow("t", {64, 64}, 64 * 64, MOSAIC_UINT8, bytes.data()));
  const int s = g.Constant(g.store.AddInline("s", {}, MOSAIC_FLOAT, &scale));
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 64});
  const int w = g.Call("DequantizeLinear", {t, s});
  g.Output(g.Call("MatMul", {g.Call("MatMul", {x, w}), w}));
  const auto model = g.Load();
  ASSERT_EQ(model->main().steps.size(), 2U);
  for (const Step& step : model->main().steps) EXPECT_GE(step.streams[1], 0);
  const Array y = MustRun(g, *model, {Floats({1, 64}, std::vector<float>(64, 1.0F))})[0];
  EXPECT_EQ(y.data<float>()[5], 3.5F * 64 * 3.5F * 64);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
