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
      {"not transposed", true, true, false, 0, 1, false},
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

}  // namespace
}  // namespace testing
}  // namespace mosaic
