// Gather: along any axis, from blocks and from ordinary arrays.
#include "core/block/blocking.h"
#include "core/tensor/convert.h"
#include "op/op_call.h"

namespace mosaic {
namespace {

// Gathers from a stored table, units in ranges of "step", each with exactly the blocks it names.
std::vector<float> FromBlocks(const Shape& shape, const std::vector<float>& table, int dtype,
                              int height, const Tensor& indices, int64_t step) {
  OpCall gather("Gather");
  gather.Outputs(1);
  EXPECT_TRUE(gather.In(Tensor::Borrow(dtype, shape, nullptr)).In(indices).Make().ok());
  StreamedWeight weight;
  weight.blocking = PlanRow(MOSAIC_FLOAT, shape[0], NumElements(shape) / shape[0], height);
  weight.dtype = dtype;
  weight.shape = shape;
  Call call;
  call.inputs = {Tensor(), indices};
  call.weights = {&weight, nullptr};
  call.facts = {Fact::Of(dtype, DimsOf(shape)), Fact::OfTensor(indices)};
  std::vector<Fact> facts;
  bool deferred = false;
  EXPECT_TRUE(InferOp(gather.op(), call.facts, 1, "", &facts, &deferred).ok());
  EXPECT_TRUE(StartCall(gather.op(), facts, {true}, &call).ok());
  call.outputs[0] = gather.arena()->New(dtype, call.outputs[0].shape());
  std::vector<char> scratch(static_cast<size_t>(call.scratch_bytes) + 1);
  call.scratch = scratch.data();
  for (size_t p = 0; p < call.phases.size(); ++p) {
    for (int64_t at = 0; at < call.phases[p].units; at += step) {
      const int64_t end = std::min(at + step, call.phases[p].units);
      std::vector<int32_t> wanted;
      if (call.phases[p].stream >= 0)
        gather.op().Blocks(call, static_cast<int>(p), at, end, &wanted);
      EXPECT_LE(static_cast<int64_t>(wanted.size()), step);
      std::vector<std::vector<char>> payloads;
      std::vector<const void*> blocks;
      for (int32_t i : wanted) {
        payloads.emplace_back(weight.blocking.payload_bytes());
        PackBlock(weight.blocking, i / weight.blocking.col_blocks(),
                  i % weight.blocking.col_blocks(), table.data(), 0, weight.blocking.cols, 1,
                  payloads.back().data());
      }
      for (const auto& p2 : payloads) blocks.push_back(p2.data());
      call.blocks = blocks.data();
      EXPECT_TRUE(gather.op().Run(call, static_cast<int>(p), at, end).ok());
    }
  }
  const Tensor y = ToFloat32(call.outputs[0], gather.arena());
  return std::vector<float>(y.data<float>(), y.data<float>() + y.size());
}

TEST(Gather, FromBlocksEqualsDefinition) {
  // Rows of one block, of several rows, of several panels; a table of higher rank.
  const std::vector<Shape> tables = {{500, 3}, {40, 100}, {9, 5000}, {30, 4, 5}, {700}};
  for (const Shape& shape : tables) {
    SCOPED_TRACE(ShapeString(shape));
    const int64_t rows = shape[0], row = NumElements(shape) / rows;
    std::vector<float> table(static_cast<size_t>(NumElements(shape)));
    for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(i % 1021);
    OpCall memory("Gather");
    Tensor indices = memory.arena()->New(MOSAIC_INT64, {6, 10});
    for (int64_t i = 0; i < 60; ++i)
      indices.mutable_data<int64_t>()[i] = i * 7919 % (2 * rows) - rows;
    std::vector<float> want;
    for (int64_t i = 0; i < 60; ++i) {
      const int64_t at = (indices.data<int64_t>()[i] + rows) % rows;
      want.insert(want.end(), table.begin() + at * row, table.begin() + (at + 1) * row);
    }
    for (int64_t step : {1, 7, 1000}) {
      EXPECT_EQ(FromBlocks(shape, table, MOSAIC_FLOAT, 31, indices, step), want);
    }
    EXPECT_EQ(FromBlocks(shape, table, MOSAIC_DOUBLE, 126, indices, 5), want);
    ASSERT_OK(memory.In(shape, table).In(indices).Run());
    EXPECT_EQ(memory.values(), want);
  }
}

TEST(Gather, LongRowsAreCut) {
  const int64_t row = 100000;
  std::vector<int32_t> table(static_cast<size_t>(3 * row));
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<int32_t>(i);
  OpCall call("Gather");
  ASSERT_OK(call.In<int32_t>({3, row}, table).In<int32_t>({2}, {2, 0}).Run());
  for (int64_t i = 0; i < row; ++i) {
    ASSERT_EQ(call.output().data<int32_t>()[i], 2 * row + i);
    ASSERT_EQ(call.output().data<int32_t>()[row + i], i);
  }
  // A unit copies at most some 64 KB.
  Call started;
  started.inputs = {Tensor::Borrow(MOSAIC_INT32, {3, row}, nullptr),
                    Tensor::Borrow(MOSAIC_INT32, {2}, nullptr)};
  started.weights = {nullptr, nullptr};
  started.outputs = {Tensor::Borrow(MOSAIC_INT32, {2, row}, nullptr)};
  ASSERT_OK(call.op().Start(started));
  EXPECT_EQ(started.phases[1].units, 2 * 7);
}

TEST(Gather, EveryAxisAndIntegerType) {
  std::vector<int32_t> elements(2 * 3 * 4);
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<int32_t>(i);
  for (int64_t axis : {0, 1, 2, -1, -3}) {
    OpCall call("Gather");
    ASSERT_OK(
        call.Int("axis", axis).In<int32_t>({2, 3, 4}, elements).In<int32_t>({2}, {1, -2}).Run());
    const size_t at = static_cast<size_t>(axis < 0 ? axis + 3 : axis);
    Shape shape = {2, 3, 4};
    const int64_t size = shape[at];
    shape[at] = 2;
    ASSERT_EQ(call.shape(), shape);
    size_t i = 0;
    const auto got = call.values<int32_t>();
    for (int64_t x = 0; x < shape[0]; ++x) {
      for (int64_t y = 0; y < shape[1]; ++y) {
        for (int64_t z = 0; z < shape[2]; ++z, ++i) {
          int64_t p[3] = {x, y, z};
          p[at] = p[at] == 0 ? 1 : size - 2;
          EXPECT_EQ(got[i], p[0] * 12 + p[1] * 4 + p[2]) << axis;
        }
      }
    }
  }
}

TEST(Gather, NothingToGather) {
  OpCall call("Gather");
  ASSERT_OK(call.In({3, 2}, {1}).In<int64_t>({0}, {0}).Run());
  EXPECT_EQ(call.shape(), (Shape{0, 2}));
}

TEST(Gather, IndexOutOfRangeNamesIndexAndSize) {
  for (int64_t index : {int64_t{10}, int64_t{-11}, INT64_MIN, INT64_MAX}) {
    OpCall call("Gather");
    EXPECT_REFUSED(call.In({10, 2}, {1}).In<int64_t>({1}, {index}).Run(), MOSAIC_E_INVALID,
                   "index " + std::to_string(index) + " is out of range for axis 0 of size 10");
  }
  EXPECT_REFUSED(OpCall("Gather").In({2}, {1}).In({1}, {0}).Run(), MOSAIC_E_UNSUPPORTED,
                 "indices of type float32");
}

}  // namespace
}  // namespace mosaic
