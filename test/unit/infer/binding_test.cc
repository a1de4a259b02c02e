#include "core/infer/binding.h"

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
std::string Bound(const Value& input, const std::vector<int64_t>& array) {
  MosaicBinding b;
  const Status status = BindArray("m", input, array, &b);
  if (!status.ok()) {
    EXPECT_EQ(status.code(), MOSAIC_E_INVALID);
    return status.message();
  }
  EXPECT_EQ(b.batch ? b.dims[0] : 1, b.items);
  return (b.batch ? "batch " : "") + ShapeString({b.dims, b.dims + b.ndim});
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
