// Model::Load trusts nothing: every field of a tensor's row may be damaged.
#include "core/plan/model.h"

#include <functional>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

GraphBuilder Small() {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 200});
  const int w = g.Constant(g.store.AddStrip("w", 200, 20, std::vector<float>(4000, 1)));
  const std::vector<float> b(20, 1);
  const int rows = g.Constant(g.store.AddRow("b", {20}, 20, MOSAIC_FLOAT, b.data()));
  const int inl = g.Constant(g.store.AddInline("i", {20}, MOSAIC_FLOAT, b.data()));
  g.Output(g.Call("Add", {g.Call("Gemm", {x, w, rows}), inl}));
  return g;
}

Status LoadWith(const GraphBuilder& g, const std::vector<MosaicTensorDesc>& descs) {
  std::unique_ptr<Model> model;
  return Model::Load("m", EncodeGraph(g.graph), descs.data(), static_cast<int>(descs.size()),
                     &model);
}

TEST(Model, DamagedTensorsAreCorruptAndNamed) {
  const GraphBuilder g = Small();
  ASSERT_TRUE(LoadWith(g, g.store.descs()).ok());
  using Damage = std::function<void(MosaicTensorDesc*)>;
  const std::vector<std::pair<int, Damage>> damages = {
      {0, [](auto* d) { d->rows = 199; }},
      {0, [](auto* d) { d->cols = -1; }},
      {0, [](auto* d) { d->rows = 0; }},
      {0, [](auto* d) { std::swap(d->rows, d->cols); }},
      {0, [](auto* d) { d->transposed = true; }},
      {0, [](auto* d) { d->block_rows = 0; }},
      {0, [](auto* d) { d->block_rows = -5; }},
      {0, [](auto* d) { d->block_rows = 127; }},
      {0, [](auto* d) { d->block_rows = 50; }},
      {0, [](auto* d) { d->block_cols = 8; }},
      {0, [](auto* d) { d->nblocks = 5; }},
      {0, [](auto* d) { d->stored_dtype = MOSAIC_INT32; }},
      {0, [](auto* d) { d->stored_dtype = 99; }},
      {0, [](auto* d) { d->dtype = 0; }},
      {0, [](auto* d) { d->dtype = MOSAIC_INT32; }},
      {0, [](auto* d) { d->ndim = 1; }},
      {0, [](auto* d) { d->ndim = 9; }},
      {0, [](auto* d) { d->ndim = -1; }},
      {0, [](auto* d) { d->dims[0] = -200; }},
      {0, [](auto* d) { d->dims[0] = d->dims[1] = int64_t{1} << 40; }},
      {0, [](auto* d) { d->layout = 7; }},
      {1, [](auto* d) { d->block_cols = 0; }},
      {1,
       [](auto* d) {
         d->block_rows = 2000000000;
         d->block_cols = 2000000000;
       }},
      {1, [](auto* d) { d->cols = 2; }},
      {2, [](auto* d) { d->value_bytes = 79; }},
      {2, [](auto* d) { d->value = nullptr; }},
      {2, [](auto* d) { d->dims[0] = int64_t{1} << 60; }},
  };
  int i = 0;
  for (const auto& [tensor, damage] : damages) {
    std::vector<MosaicTensorDesc> descs = g.store.descs();
    MosaicTensorDesc* d = &descs[static_cast<size_t>(tensor)];
    damage(d);
    const Status status = LoadWith(g, descs);
    EXPECT_EQ(status.code(), MOSAIC_E_CORRUPT) << "damage " << i;
    EXPECT_EQ(status.message().find("model \"m\": tensor \"" + std::string(d->name) + "\": "), 0u)
        << status.message();
    ++i;
  }
}

TEST(Model, ValuesMustFitTheirTensors) {
  GraphBuilder g = Small();
  std::vector<MosaicTensorDesc> fewer = g.store.descs();
  fewer.pop_back();
  EXPECT_EQ(LoadWith(g, fewer).code(), MOSAIC_E_CORRUPT);
  for (Value& v : g.graph.values) {
    if (v.tensor == 2) {
      v.has_shape = true;
      v.dims = {21};
      v.dim_names = {""};
    }
  }
  EXPECT_EQ(LoadWith(g, g.store.descs()).code(), MOSAIC_E_CORRUPT);
}

TEST(Model, AllUnsupportedNodesAreNamedAtOnce) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
  g.Output(g.Call("Frobnicate", {g.Call("Relu", {g.Call("Quux", {x})})}));
  const Status status = LoadWith(g, g.store.descs());
  EXPECT_EQ(status.code(), MOSAIC_E_UNSUPPORTED);
  EXPECT_EQ(status.message(),
            "model \"m\": node \"v1\" (Quux): operator is not supported; "
            "node \"v3\" (Frobnicate): operator is not supported");
}

TEST(Model, RandomBytesAreNotAModel) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const GraphBuilder g = Small();
  const std::vector<MosaicTensorDesc> descs = g.store.descs();
  const std::string good = EncodeGraph(g.graph);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 3; ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    if (round % 2) bytes.resize(rng() % bytes.size());
    std::unique_ptr<Model> model;  // may still be a model; must not crash
    (void)Model::Load("m", bytes, descs.data(), 3, &model).ok();
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
