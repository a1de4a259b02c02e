#include "core/plan/binding.h"

#include "gtest/gtest.h"

namespace mosaic {
namespace {

Value Input(std::vector<int64_t> dims, std::vector<std::string> names = {}) {
  Value v;
  v.name = "x";
  v.has_shape = true;
  v.dims = dims;
  v.dim_names = names.empty() ? std::vector<std::string>(dims.size()) : names;
  return v;
}

// "[2, 3]", or "batch [2, 3]", or the error's message.
std::string Bound(const Value& input, const std::vector<int64_t>& array, bool independent = true) {
  MosaicBinding b;
  const bool counts =
      input.dims.size() >= 2 && (input.dims[0] == kSymbolic || input.dims[0] == 1);
  const Status status = BindArray("m", input, independent && counts ? 0 : -1, array, &b);
  if (!status.ok()) {
    EXPECT_EQ(status.code(), MOSAIC_E_INVALID);
    return status.message();
  }
  EXPECT_EQ(b.batch ? b.dims[0] : 1, b.items);
  return (b.batch ? "batch " : "") + ShapeString(Shape(b.dims, b.dims + b.ndim));
}

TEST(Binding, FlatItemsAndBatches) {
  for (int64_t batch : {kSymbolic, int64_t{1}}) {
    const Value x = Input({batch, 4});
    EXPECT_EQ(Bound(x, {4}), "[1, 4]");
    EXPECT_EQ(Bound(x, {3, 4}), "batch [3, 4]");
    EXPECT_EQ(Bound(x, {1, 4}), "batch [1, 4]");
    EXPECT_EQ(Bound(x, {3}), "model \"m\": input \"x\" takes 4 values, 3 were given");
    EXPECT_EQ(Bound(x, {2, 3}),
              "model \"m\": input \"x\" takes 4 values, an array of shape [2, 3] was given");
    EXPECT_EQ(Bound(x, {0}), "model \"m\": input \"x\" takes 4 values, none were given");
  }
}

TEST(Binding, ImagesAsTheyAreOrFlat) {
  const Value x = Input({kSymbolic, 1, 2, 3});
  EXPECT_EQ(Bound(x, {6}), "[1, 1, 2, 3]");
  EXPECT_EQ(Bound(x, {1, 2, 3}), "[1, 1, 2, 3]");
  EXPECT_EQ(Bound(x, {5, 1, 2, 3}), "batch [5, 1, 2, 3]");
  EXPECT_EQ(Bound(x, {5, 6}), "batch [5, 1, 2, 3]");
  EXPECT_EQ(Bound(x, {5, 2, 3}),
            "model \"m\": input \"x\" takes 6 values, an array of shape [5, 2, 3] was given");
}

// Where a model mixes items, an array is all of its input.
TEST(Binding, NoBatchesOfAModelThatMixesItems) {
  const Value x = Input({kSymbolic, 4});
  EXPECT_EQ(Bound(x, {4}, false), "[1, 4]");
  EXPECT_EQ(Bound(x, {3, 4}, false), "[3, 4]");
  EXPECT_EQ(Bound(Input({kSymbolic, kSymbolic, 3}), {2, 4, 3}, false), "[2, 4, 3]");
}

// An axis of items that is not the first is where an item leaves it out.
TEST(Binding, ItemsAlongAnotherAxis) {
  const Value x = Input({kSymbolic, kSymbolic, 3}, {"T", "N", ""});
  MosaicBinding b;
  ASSERT_TRUE(BindArray("m", x, 1, {5, 3}, &b).ok());
  EXPECT_EQ(ShapeString(Shape(b.dims, b.dims + b.ndim)), "[5, 1, 3]");
  EXPECT_EQ(b.left_out, 1);
  ASSERT_TRUE(BindArray("m", x, 1, {5, 2, 3}, &b).ok());
  EXPECT_TRUE(b.batch);
  EXPECT_EQ(b.items, 2);
}

// A vector of one number for each item.
TEST(Binding, VectorsOfItems) {
  MosaicBinding b;
  ASSERT_TRUE(BindArray("m", Input({kSymbolic}, {"N"}), 0, {5}, &b).ok());
  EXPECT_TRUE(b.batch);
  EXPECT_EQ(b.items, 5);
  ASSERT_TRUE(BindArray("m", Input({kSymbolic}, {"N"}), 0, {1}, &b).ok());
  EXPECT_FALSE(b.batch);  // the number of one item
  EXPECT_EQ(b.left_out, 0);
}

TEST(Binding, SymbolicLengths) {
  const Value tokens = Input({kSymbolic, kSymbolic});
  EXPECT_EQ(Bound(tokens, {7}), "[1, 7]");
  EXPECT_EQ(Bound(tokens, {2, 7}), "batch [2, 7]");
  EXPECT_EQ(Bound(tokens, {0}),
            "model \"m\": input \"x\" takes one or more values, none were given");
  const Value series = Input({kSymbolic, kSymbolic, 3}, {"N", "T", ""});
  EXPECT_EQ(Bound(series, {12}), "[1, 4, 3]");
  EXPECT_EQ(Bound(series, {4, 3}), "[1, 4, 3]");  // an item rather than a batch of flat ones
  EXPECT_EQ(Bound(series, {5, 6}), "batch [5, 2, 3]");
  EXPECT_EQ(Bound(series, {2, 4, 3}), "batch [2, 4, 3]");
  EXPECT_EQ(Bound(series, {4}),
            "model \"m\": input \"x\" takes a multiple of 3 values, 4 were given");
  const Value image = Input({kSymbolic, 1, kSymbolic, kSymbolic}, {"N", "", "H", "W"});
  EXPECT_EQ(Bound(image, {6}),
            "model \"m\": input \"x\" takes arrays of shape [1, H, W], 6 were given");
  EXPECT_EQ(Bound(image, {1, 2, 3}), "[1, 1, 2, 3]");
}

TEST(Binding, InputsWithoutABatchDimension) {
  EXPECT_EQ(Bound(Input({3}), {3}), "[3]");
  EXPECT_EQ(Bound(Input({kSymbolic}), {9}), "[9]");
  EXPECT_EQ(Bound(Input({}), {1}), "[]");
  EXPECT_EQ(Bound(Input({}), {2}), "model \"m\": input \"x\" takes 1 value, 2 were given");
  EXPECT_EQ(Bound(Input({2, 3}), {2, 3}), "[2, 3]");
  EXPECT_EQ(Bound(Input({2, 3}), {6}), "[2, 3]");
  EXPECT_EQ(Bound(Input({2, 3}), {4, 6}),
            "model \"m\": input \"x\" takes 6 values, an array of shape [4, 6] was given");
  const int64_t huge = int64_t{1} << 40;
  EXPECT_NE(Bound(Input({huge, huge}), {5}).find("takes arrays of shape"), std::string::npos);
}

}  // namespace
}  // namespace mosaic
