// Gather: along any axis, from blocks and from ordinary tensors.
#include "infer/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

TEST(Gather, StreamedEqualsDefinitionForAnyLimit) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  // Rows of one block, of several rows, of several panels; a table of higher rank.
  const std::vector<Shape> tables = {{500, 3}, {40, 100}, {9, 5000}, {30, 4, 5}, {700}};
  for (const Shape& shape : tables) {
    SCOPED_TRACE(ShapeString(shape));
    const int64_t rows = shape[0], row = NumElements(shape) / rows;
    const auto table = RandomFloats(&rng, NumElements(shape));
    std::vector<int64_t> indices;
    for (int i = 0; i < 60; ++i) {
      indices.push_back(std::uniform_int_distribution<int64_t>(-rows, rows - 1)(rng));
    }
    GraphBuilder g;
    const int data = g.Constant(g.store.AddRow("t", shape, rows, MOSAIC_FLOAT, table.data(), 31));
    g.Output(g.Call("Gather", {data, g.Input("i", MOSAIC_INT64, {6, 10})}));
    const auto model = g.Load();
    ASSERT_EQ(model->streamed[0], 0);
    for (int max_blocks : {1, 2, 7, 1000}) {
      RunLog log;
      const Array got =
          MustRun(g, *model, {Array(MOSAIC_INT64, {6, 10}, indices)}, 1, max_blocks, &log)[0];
      EXPECT_LE(log.largest_request, max_blocks);
      Shape want_shape = {6, 10};
      want_shape.insert(want_shape.end(), shape.begin() + 1, shape.end());
      ASSERT_EQ(got.shape, want_shape);
      for (int64_t i = 0; i < 60; ++i) {
        const int64_t at = indices[static_cast<size_t>(i)];
        ASSERT_EQ(0, std::memcmp(got.data<float>() + i * row,
                                 table.data() + (at < 0 ? at + rows : at) * row,
                                 static_cast<size_t>(row) * 4));
      }
    }
  }
}

TEST(Gather, EveryAxisAndIntegerType) {
  std::vector<int32_t> elements(2 * 3 * 4);
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<int32_t>(i);
  for (int64_t axis : {0, 1, 2, -1, -3}) {
    GraphBuilder g;
    const int data = g.Constant(g.store.AddRow("t", {2, 3, 4}, 24, MOSAIC_INT32, elements.data()));
    g.Output(g.Call("Gather", {data, g.Input("i", MOSAIC_INT32, {2})}, {{"axis", axis}}));
    const Array got =
        MustRun(g, *g.Load(), {Array(MOSAIC_INT32, {2}, std::vector<int32_t>{1, -2})})[0];
    const size_t at = static_cast<size_t>(axis < 0 ? axis + 3 : axis);
    Shape shape = {2, 3, 4};
    const int64_t size = shape[at];
    shape[at] = 2;
    ASSERT_EQ(got.shape, shape);
    int64_t i = 0;
    for (int64_t x = 0; x < shape[0]; ++x) {
      for (int64_t y = 0; y < shape[1]; ++y) {
        for (int64_t z = 0; z < shape[2]; ++z, ++i) {
          int64_t p[3] = {x, y, z};
          p[at] = p[at] == 0 ? 1 : size - 2;
          EXPECT_EQ(got.data<int32_t>()[i], p[0] * 12 + p[1] * 4 + p[2]) << axis;
        }
      }
    }
  }
}

TEST(Gather, TableStoredAsFloat32SeenAsDouble) {
  GraphBuilder g;
  const std::vector<float> table = {1, 2, 3, 4, 5, 6};
  const int data =
      g.Constant(g.store.AddRow("t", {3, 2}, 3, MOSAIC_DOUBLE, table.data(), 126, MOSAIC_FLOAT));
  g.Output(g.Call("Gather", {data, g.Input("i", MOSAIC_INT64, {kSymbolic})}));
  const auto model = g.Load();
  EXPECT_TRUE(MustRun(g, *model, {Array(MOSAIC_INT64, {2}, std::vector<int64_t>{2, 0})})[0] ==
              Array(MOSAIC_DOUBLE, {2, 2}, std::vector<double>{5, 6, 1, 2}));
  // No index at all: an empty result, and no block is asked for.
  RunLog log;
  Array none(MOSAIC_INT64, {0}, std::vector<int64_t>{});
  EXPECT_EQ(MustRun(g, *model, {none}, 1, 5, &log)[0].shape, (Shape{0, 2}));
  EXPECT_EQ(log.requests, 0);
}

TEST(Gather, IndexOutOfRangeNamesNodeIndexAndSize) {
  GraphBuilder g;
  const std::vector<float> table(20, 1);
  const int data = g.Constant(g.store.AddRow("t", {10, 2}, 10, MOSAIC_FLOAT, table.data()));
  g.Output(g.Call("Gather", {data, g.Input("i", MOSAIC_INT64, {1})}));
  const auto model = g.Load();
  Executor executor(*model, 4);
  std::vector<Array> out;
  for (int64_t index : {int64_t{10}, int64_t{-11}, INT64_MIN, INT64_MAX}) {
    const Status status = Predict(
        &executor, g.store, {Array(MOSAIC_INT64, {1}, std::vector<int64_t>{index})}, 1, 1, &out);
    EXPECT_EQ(status.code(), MOSAIC_E_INVALID);
    EXPECT_EQ(status.message(), "model \"m\": node \"v2\" (Gather): index " +
                                    std::to_string(index) +
                                    " is out of range for axis 0 of size 10");
  }
  // The executor goes on after an error.
  EXPECT_TRUE(
      Predict(&executor, g.store, {Array(MOSAIC_INT64, {1}, std::vector<int64_t>{9})}, 1, 1, &out)
          .ok());
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
