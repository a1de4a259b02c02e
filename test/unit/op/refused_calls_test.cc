// Arrays and attributes that do not fit each other, of operators that once read beyond them: refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::HasSubstr;

void ExpectRefused(OpCall& call, const std::string& message) {
  const Status status = call.Run();
  EXPECT_EQ(status.code(), MOSAIC_E_BAD_MODEL) << message;
  EXPECT_THAT(status.message(), HasSubstr(message));
}

// ---- recurrence: X [2, 3, 5], hidden 4 ----

struct Lstm {
  using Sizes = std::vector<int64_t>;
  Sizes w{1, 16, 5}, r{1, 16, 4}, b{1, 32}, h{1, 3, 4}, c{1, 3, 4}, p{1, 12}, lengths{3};
  const char* direction = "forward";
  Status Run() {
    OpCall call("LSTM");
    call.String("direction", direction).Int("hidden_size", 4);
    call.In({2, 3, 5}, {0.5F}).In(Of(w), {0.25F}).In(Of(r), {0.5F}).In(Of(b), {1});
    call.In<int32_t>(Of(lengths), {2}).In(Of(h), {0}).In(Of(c), {0}).In(Of(p), {0.5F});
    return call.Run();
  }
  static Shape Of(const Sizes& sizes) {
    Shape shape;
    shape.assign(sizes.begin(), sizes.end());
    return shape;
  }
};

TEST(RefusedCalls, OfRecurrence) {
  EXPECT_TRUE(Lstm().Run().ok());
  const std::vector<std::pair<Lstm::Sizes Lstm::*, Lstm::Sizes>> wrong = {
      {&Lstm::w, {2, 16, 5}}, {&Lstm::w, {1, 16, 4}}, {&Lstm::w, {1, 12, 5}}, {&Lstm::r, {1, 16, 3}}, {&Lstm::b, {1, 31}},
      {&Lstm::b, {1, 3}},     {&Lstm::b, {32}},       {&Lstm::h, {1, 2, 4}},  {&Lstm::h, {2, 3, 4}},  {&Lstm::c, {1, 3, 3}},
      {&Lstm::p, {1, 3}},     {&Lstm::p, {2, 12}},    {&Lstm::lengths, {2}},
  };
  for (const auto& [field, shape] : wrong) {
    Lstm l;
    l.*field = shape;
    EXPECT_EQ(l.Run().code(), MOSAIC_E_BAD_MODEL) << ShapeString(Lstm::Of(shape));
  }
  Lstm both;
  both.direction = "bidirectional";
  EXPECT_EQ(both.Run().code(), MOSAIC_E_BAD_MODEL);
}

TEST(RefusedCalls, OfRecurrenceWithAnotherType) {
  OpCall call("RNN");
  call.In({1, 1, 2}, {1}).In({1, 3, 2}, {1}).In({1, 3, 3}, {1}).In<int8_t>({1, 6}, {1});
  ExpectRefused(call, "different types");
}

TEST(RefusedCalls, OfKernelsWithoutElements) {
  OpCall call("Conv");
  call.Int("group", 2).Ints("pads", {1, 0, 1, 0}).In({3, 2, 3, 1}, {1}).In({2, 1, 0, 1}, {1});
  ExpectRefused(call, "a window of shape [0, 1] has no elements");
}

// ---- scales ----

TEST(RefusedCalls, OfBlockedScales) {
  for (const Shape& scale : std::vector<Shape>{{1, 2}, {4, 1}, {4, 3}, {5, 2}}) {
    OpCall q("QuantizeLinear");
    q.Int("axis", 1).Int("block_size", 16).In({4, 32}, {1}).In(scale, {1});
    ExpectRefused(q, "does not fit an input");
    OpCall d("DequantizeLinear");
    d.Int("axis", 1).Int("block_size", 16).In<int8_t>({4, 32}, {1}).In(scale, {1});
    ExpectRefused(d, "does not fit an input");
  }
  OpCall items("QuantizeLinear");
  items.Int("axis", 1).Int("block_size", 16);
  EXPECT_INFERRED(items, "[N, 32]", kMixed, ItemsFact({Dim::Symbol("N"), 32}, 0), SharedFact({1, 2}));
}

TEST(RefusedCalls, OfBlocksOfLessThanOneElement) {
  for (int64_t block : {int64_t{-1}, int64_t{-2}, std::numeric_limits<int64_t>::min()}) {
    for (const char* op : {"QuantizeLinear", "DequantizeLinear"}) {
      OpCall call(op);
      call.Int("block_size", block);
      if (op[0] == 'Q') {
        call.In({4, 32}, {1});
      } else {
        call.In<int8_t>({4, 32}, {1});
      }
      ExpectRefused(call.In({4, 32}, {1}), "block_size is " + std::to_string(block));
    }
  }
}

TEST(RefusedCalls, OfZeroPointsByLength) {
  for (const Shape& zero : std::vector<Shape>{{2}, {0}, {5}}) {
    OpCall call("MatMulInteger");
    call.In<uint8_t>({3, 4}, {1}).In<uint8_t>({4, 32}, {1}).Omitted().In<uint8_t>(zero, {1});
    ExpectRefused(call, "zero points of shape");
  }
  OpCall fits("MatMulInteger");
  fits.In<uint8_t>({3, 4}, {1}).In<uint8_t>({4, 32}, {1}).In<uint8_t>({3}, {1}).In<uint8_t>({32}, {1});
  EXPECT_TRUE(fits.Run().ok());
}

// ---- ai.onnx.ml ----

TEST(RefusedCalls, OfListsOfAnotherType) {
  OpCall linear("LinearRegressor", kMlDomain);
  linear.Ints("coefficients", {1, 2, 3}).In({2, 3}, {1});
  ExpectRefused(linear, "\"coefficients\" is of type int64");
  OpCall svm("SVMRegressor", kMlDomain);
  svm.Ints("coefficients", {1, 2, 3}).Floats("rho", {0}).In({2, 3}, {1});
  ExpectRefused(svm, "\"coefficients\" is of type int64");
  OpCall encoder("LabelEncoder", kMlDomain);
  encoder.Floats("keys_int64s", {1, 2}).Ints("values_int64s", {3, 4}).In<int64_t>({2}, {1});
  ExpectRefused(encoder, "\"keys_int64s\" is of another type");
}

TEST(RefusedCalls, OfClassifiersWithoutClasses) {
  OpCall call("LinearClassifier", kMlDomain);
  call.Floats("coefficients", {1, 2}).Floats("intercepts", {0}).In({2, 2}, {1}).In<int64_t>({0}, {0}).AttributeInput("classlabels_ints").Outputs(2);
  ExpectRefused(call, "there are no classes");
}

TEST(RefusedCalls, OfDefaultsThatAreNoValue) {
  const auto encoder = [](OpCall& call) -> OpCall& {
    return call.Ints("keys_int64s", {1, 2}).Attr("values_strings", std::vector<std::string>{"a", "b"}).In<int64_t>({2}, {1, 9});
  };
  OpCall type("LabelEncoder", kMlDomain), empty("LabelEncoder", kMlDomain), good("LabelEncoder", kMlDomain);
  ExpectRefused(encoder(type).In<int64_t>({1}, {7}).AttributeInput("default_tensor"), "default_tensor is int64");
  ExpectRefused(encoder(empty).Strings({0}, {}).AttributeInput("default_tensor"), "default_tensor is string of shape [0]");
  EXPECT_TRUE(encoder(good).Strings({1}, {"none"}).AttributeInput("default_tensor").Run().ok());
}

// ---- one number where a list is given ----

TEST(RefusedCalls, OfListsForNumbers) {
  for (const Shape& shape : std::vector<Shape>{{0}, {2}, {1, 1}}) {
    OpCall dft("DFT");
    dft.In({1, 8, 1}, {1}).Omitted().In<int64_t>(shape, {1});
    ExpectRefused(dft, "axis must be one element");
    OpCall length("DFT");
    length.In({1, 8, 1}, {1}).In<int64_t>(shape, {4});
    ExpectRefused(length, "dft_length must be one element");
    OpCall stft("STFT");
    stft.In({1, 8, 1}, {1}).In<int64_t>(shape, {2}).Omitted().In<int64_t>({}, {4});
    ExpectRefused(stft, "frame_step must be one element");
    OpCall window("HannWindow");
    window.In<int64_t>(shape, {4});
    ExpectRefused(window, "size must be one element");
    OpCall top("TopK");
    top.In({2, 4}, {1, 2, 3}).In<int64_t>(shape, {1}).Outputs(2);
    ExpectRefused(top, "K must be one element");
  }
  OpCall reshape("Reshape");
  reshape.In({2, 4}, {1}).In<int64_t>({1, 2}, {4, 2});
  ExpectRefused(reshape, "is no list");
}

// ---- items ----

TEST(RefusedCalls, AreNotWhatRowsAloneFit) {
  // Where the batch decides what a mask means, or whether arrays fit, items are not independent.
  const Dim n = Dim::Symbol("N");
  OpCall normalizer("StringNormalizer");
  EXPECT_INFERRED(normalizer, "[N, 3]", kMixed, ItemsFact({n, 3}, 0, MOSAIC_STRING));
  OpCall prelu("PRelu");
  EXPECT_INFERRED(prelu, "[N, 3]", kMixed, SharedFact({1, 3}), ItemsFact({n, 3}, 0));
  OpCall slope("PRelu");
  EXPECT_INFERRED(slope, "[N, 3]", 0, ItemsFact({n, 3}, 0), SharedFact({1, 3}));
  for (int64_t ends : {1, 2, 3}) {
    OpCall attention("Attention", kMicrosoftDomain);
    attention.Int("num_heads", 1).Int("projected", 1);
    EXPECT_INFERRED(attention, "[N, 3, 2]", kMixed, ItemsFact({n, 3, 6}, 0), Fact(), Fact(), SharedFact({ends}, MOSAIC_INT32));
  }
}

}  // namespace
}  // namespace mosaic
