// Every way ONNX has to write down elements.
#include "core/import/tensor_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The tensor is read by a Gather (so it is kept as rows) and found again as "t".
std::string Holding(const std::string& tensor) {
  ModelBuilder b;
  b.Input("ids", {kN}, MOSAIC_INT64).Output("y", {kN});
  return b.Initializer(tensor).Node("Gather", {"t", "ids"}, {"y"}).Build();
}

Message Head(int dtype, int64_t n) { return TensorHead("t", dtype, {n}); }

template <typename T>
void ExpectElements(const std::string& tensor, const std::vector<T>& expected) {
  const std::string bytes = Holding(tensor);
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message() << r.status.detail();
  EXPECT_EQ(r.Elements<T>("t"), expected);
}

std::vector<int64_t> Integers(size_t n, int64_t low, int64_t high) {
  std::vector<int64_t> v(n);
  for (size_t i = 0; i < n; ++i) {
    v[i] = low + static_cast<int64_t>((i * 7919) % static_cast<uint64_t>(high - low + 1));
  }
  return v;
}

TEST(TensorData, FloatField) {
  const std::vector<float> v = Numbers(20000);
  Message unpacked = Head(MOSAIC_FLOAT, 20000), mixed = unpacked;
  for (float x : v) unpacked.Float(4, x);
  // Packed, unpacked, packed again: protobuf allows it.
  mixed.Floats(4, {v.begin(), v.begin() + 5000});
  for (size_t i = 5000; i < 9000; ++i) mixed.Float(4, v[i]);
  mixed.Floats(4, {v.begin() + 9000, v.end()});
  ExpectElements(Head(MOSAIC_FLOAT, 20000).Floats(4, v).str(), v);
  ExpectElements(unpacked.str(), v);
  ExpectElements(mixed.str(), v);
}

template <typename T>
void CheckIntegerField(int dtype, uint32_t field, int64_t low, int64_t high) {
  SCOPED_TRACE(DTypeName(dtype));
  for (size_t n : {size_t{3}, size_t{50000}}) {  // inline, and several runs of varints
    const std::vector<int64_t> v = Integers(n, low, high);
    std::vector<T> expected(v.size());
    for (size_t i = 0; i < v.size(); ++i) expected[i] = static_cast<T>(v[i]);
    const int64_t count = static_cast<int64_t>(n);
    Message unpacked = Head(dtype, count), mixed = unpacked;
    for (int64_t x : v) unpacked.Int(field, x);
    mixed.Ints(field, {v.begin(), v.begin() + 1});
    for (size_t i = 1; i < n; ++i) mixed.Int(field, v[i]);
    ExpectElements(Head(dtype, count).Ints(field, v).str(), expected);
    ExpectElements(unpacked.str(), expected);
    ExpectElements(mixed.str(), expected);
    ExpectElements(RawTensor("t", dtype, {count}, Raw(expected)), expected);
  }
}

TEST(TensorData, IntegerFields) {
  CheckIntegerField<int8_t>(MOSAIC_INT8, 5, -128, 127);
  CheckIntegerField<uint8_t>(MOSAIC_UINT8, 5, 0, 255);
  CheckIntegerField<int16_t>(MOSAIC_INT16, 5, -32768, 32767);
  CheckIntegerField<uint16_t>(MOSAIC_UINT16, 5, 0, 65535);
  CheckIntegerField<int32_t>(MOSAIC_INT32, 5, INT32_MIN, INT32_MAX);
  CheckIntegerField<int64_t>(MOSAIC_INT64, 7, -(int64_t{1} << 60), int64_t{1} << 60);
  CheckIntegerField<uint32_t>(MOSAIC_UINT32, 11, 0, UINT32_MAX);
  CheckIntegerField<uint64_t>(MOSAIC_UINT64, 11, 0, int64_t{1} << 62);
}

TEST(TensorData, BoolIsZeroOrOne) {
  ExpectElements<uint8_t>(Head(MOSAIC_BOOL, 3).Ints(5, {0, 1, 1}).str(), {0, 1, 1});
  ExpectElements<uint8_t>(RawTensor("t", MOSAIC_BOOL, {3}, std::string("\0\2\1", 3)), {0, 1, 1});
  ExpectElements<uint8_t>(RawTensor("t", MOSAIC_BOOL, {300}, std::string(300, '\7')),
                          std::vector<uint8_t>(300, 1));
}

// In blocks every float is float32; inline values keep their type and bytes.
// float64 becomes float32; types of 16 bits stay as they are.
TEST(TensorData, FloatTypes) {
  std::vector<double> d(300);
  std::vector<uint16_t> half(300), brain(300);
  std::vector<float> f(300);
  Message doubles = Head(MOSAIC_DOUBLE, 300);
  for (size_t i = 0; i < 300; ++i) {
    f[i] = static_cast<float>(i) - 100;  // exact in all of them up to 256
    d[i] = f[i];
    half[i] = FloatToFloat16(f[i]);
    brain[i] = FloatToBFloat16(f[i]);
    doubles.Double(10, d[i]);
  }
  ExpectElements(RawTensor("t", MOSAIC_DOUBLE, {300}, Raw(d)), f);
  ExpectElements(doubles.str(), f);
  ExpectElements(RawTensor("t", MOSAIC_FLOAT16, {300}, Raw(half)), half);
  ExpectElements(RawTensor("t", MOSAIC_BFLOAT16, {300}, Raw(brain)), brain);
  std::vector<int64_t> wide(half.begin(), half.end());
  ExpectElements(Head(MOSAIC_FLOAT16, 300).Ints(5, wide).str(), half);

  const std::vector<double> few = {0.1, -1e300};
  ExpectElements(RawTensor("t", MOSAIC_DOUBLE, {2}, Raw(few)), few);
  const std::string bytes = Holding(RawTensor("t", MOSAIC_DOUBLE, {300}, Raw(d)));
  const Imported r = Import(bytes);
  EXPECT_EQ(r.Desc("t").dtype, MOSAIC_DOUBLE);
  EXPECT_EQ(r.Desc("t").stored_dtype, MOSAIC_FLOAT);
  for (const int dtype : {MOSAIC_FLOAT16, MOSAIC_BFLOAT16}) {
    const std::string held = Holding(RawTensor("t", dtype, {300}, Raw(half)));
    EXPECT_EQ(Import(held).Desc("t").stored_dtype, dtype);
  }
}

TEST(TensorData, BFloat16IsRoundedToNearestEvenAndStaysFinite) {
  std::vector<float> v = {1.00390625f,  // halfway between 1 and 1.0078125: to even
                          1.01171875f,  // halfway: to even, upwards
                          1.0039064f,   // just above the half
                          -0.0f,
                          1e-40f,         // subnormal
                          3.4028235e38f,  // the largest float
                          -3.4028235e38f, INFINITY, -INFINITY};
  const std::vector<float> want = {1.0f,          1.015625f,      1.0078125f, -0.0f,    9.1835e-41f,
                                   3.3895314e38f, -3.3895314e38f, INFINITY,   -INFINITY};
  v.push_back(NAN);
  std::mt19937 rng(1);
  while (v.size() < 5000) {  // all magnitudes
    const uint32_t bits = static_cast<uint32_t>(rng());
    float f;
    std::memcpy(&f, &bits, sizeof f);
    if (std::isfinite(f) && std::fabs(f) > 1.2e-38f) v.push_back(f);
  }
  const TensorData data = DataInMemory(MOSAIC_FLOAT, Raw(v));
  std::vector<uint16_t> half(v.size());
  ASSERT_TRUE(ElementReader(data, MOSAIC_BFLOAT16).Read(0, data.count(), half.data()).ok());
  for (size_t i = 0; i < v.size(); ++i) {
    const float got = BFloat16ToFloat(half[i]);
    if (i < want.size()) {
      EXPECT_FLOAT_EQ(got, want[i]);
      EXPECT_EQ(std::signbit(got), std::signbit(want[i]));
    } else if (std::isnan(v[i])) {
      EXPECT_TRUE(std::isnan(got));
    } else {
      ASSERT_LE(std::fabs(double{got} - double{v[i]}), 0x1p-8 * std::fabs(double{v[i]})) << v[i];
    }
  }
  // Other types are rounded through float32; bfloat16 is taken as it is.
  const std::vector<double> d = {0.1, 1e300};
  const TensorData doubles = DataInMemory(MOSAIC_DOUBLE, Raw(d));
  ASSERT_TRUE(ElementReader(doubles, MOSAIC_BFLOAT16).Read(0, 2, half.data()).ok());
  EXPECT_EQ(half[0], FloatToBFloat16(0.1f));
  EXPECT_EQ(half[1], 0x7f80);  // infinite as a float32 already
  const std::vector<uint16_t> brain = {0x3f81, 0x7fc1};
  const TensorData same = DataInMemory(MOSAIC_BFLOAT16, Raw(brain));
  ASSERT_TRUE(ElementReader(same, MOSAIC_BFLOAT16).Read(0, 2, half.data()).ok());
  EXPECT_EQ(half[0], brain[0]);
  EXPECT_EQ(half[1], brain[1]);
}

TEST(TensorData, InlineBelow256Bytes) {
  const std::string below = Holding(FloatTensor("t", {63}, Numbers(63)));
  const std::string at = Holding(FloatTensor("t", {64}, Numbers(64)));
  EXPECT_EQ(Import(below).Desc("t").layout, MOSAIC_LAYOUT_INLINE);
  EXPECT_EQ(Import(at).Desc("t").layout, MOSAIC_LAYOUT_ROW);
  const std::string empty = Holding(FloatTensor("t", {0, 7}, {}));
  const Imported r = Import(empty);
  ASSERT_TRUE(r.status.ok()) << r.status.message();
  EXPECT_EQ(r.Desc("t").value_bytes, 0u);
}

// A weight matrix whose elements are varints is cut in another order than it is read.
TEST(TensorData, VarintsInAnyOrder) {
  const int64_t m = 40, k = 3000;
  std::vector<int64_t> wide(static_cast<size_t>(m * k));
  std::vector<uint16_t> expected(wide.size());
  for (size_t i = 0; i < wide.size(); ++i) {
    expected[i] = FloatToFloat16(static_cast<float>(i % 2000));
    wide[i] = expected[i];
  }
  ModelBuilder b;
  b.Input("x", {kN, k}).Output("y", {kN, m});
  b.Initializer(TensorHead("w", MOSAIC_FLOAT16, {m, k}).Ints(5, wide).str());
  b.Node("Cast", {"x"}, {"half"}, {IntAttr("to", MOSAIC_FLOAT16)});
  b.Node("Gemm", {"half", "w"}, {"y"}, {IntAttr("transB", 1)});
  const std::string bytes = b.Build();
  const Imported r = Import(bytes);
  ASSERT_TRUE(r.status.ok()) << r.status.message() << r.status.detail();
  EXPECT_EQ(r.Elements<uint16_t>("w"), expected);
}

TEST(TensorData, RandomRanges) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const std::vector<int64_t> v = Integers(100000, -5, 1 << 20);
  std::string bytes;
  TensorData data;
  data.dtype = MOSAIC_INT64;
  data.varint = true;
  for (size_t i = 0; i < v.size(); ++i) {
    if (i % 1000 == 0) data.segments.push_back({static_cast<int64_t>(i), 1000, bytes.size(), 0});
    protozero::add_varint_to_buffer(&bytes, static_cast<uint64_t>(v[i]));
  }
  data.source = std::make_shared<MemorySource>(bytes);
  ElementReader reader(data, MOSAIC_INT64);
  for (int i = 0; i < 200; ++i) {
    const size_t first = rng() % v.size(), n = 1 + rng() % std::min<size_t>(v.size() - first, 5000);
    std::vector<int64_t> out(n);
    ASSERT_TRUE(reader.Read(static_cast<int64_t>(first), static_cast<int64_t>(n), out.data()).ok());
    ASSERT_TRUE(std::equal(out.begin(), out.end(), v.begin() + static_cast<long>(first)));
  }
}

void ExpectBad(const std::string& tensor, const std::string& part) {
  const std::string bytes = Holding(tensor);
  const Status s = Import(bytes).status;
  EXPECT_EQ(s.code(), MOSAIC_E_BAD_MODEL) << part;
  EXPECT_THAT(s.message(), HasSubstr("tensor \"t\""));
  EXPECT_THAT(s.message(), HasSubstr(part));
}

TEST(TensorData, CountsMustAgree) {
  ExpectBad(FloatTensor("t", {3, 4}, Numbers(11)),
            "[3, 4] of float32 needs 12 elements (48 bytes)");
  ExpectBad(FloatTensor("t", {3, 4}, Numbers(13)), "the file has 52 bytes");
  ExpectBad(Head(MOSAIC_FLOAT, 4).Floats(4, Numbers(3)).str(), "the file has 3 elements");
  ExpectBad(Head(MOSAIC_INT64, 2).Ints(7, {1, 2, 3}).str(), "the file has 3 elements");
  ExpectBad(Head(MOSAIC_INT64, 5).str(), "the file has 0 elements");
  ExpectBad(Head(MOSAIC_FLOAT, 1).Bytes(4, "abc").str(), "float_data has 3 bytes");
}

TEST(TensorData, ElementsMustFitTheirType) {
  ExpectBad(Head(MOSAIC_INT8, 2).Ints(5, {1, 128}).str(), "element 1, 128, is not a int8");
  ExpectBad(Head(MOSAIC_UINT8, 1).Ints(5, {-1}).str(), "is not a uint8");
  ExpectBad(Head(MOSAIC_FLOAT16, 1).Ints(5, {65536}).str(), "is not a float16");
  ExpectBad(Head(MOSAIC_UINT32, 1).Ints(11, {int64_t{1} << 32}).str(), "is not a uint32");
  std::vector<int64_t> v(1000, 1);
  v[999] = 1000;  // found only when the blocks are read
  ExpectBad(Head(MOSAIC_INT8, 1000).Ints(5, v).str(), "element 999, 1000, is not a int8");
}

TEST(TensorData, OneSourceOfElements) {
  ExpectBad(Head(MOSAIC_FLOAT, 1).Floats(4, {1}).Bytes(9, "abcd").str(), "given twice");
  ExpectBad(Head(MOSAIC_FLOAT, 1).Floats(4, {1}).Ints(5, {1}).str(), "given twice");
  ExpectBad(Head(MOSAIC_FLOAT, 1).Ints(5, {1}).str(), "are in int32_data, not in float_data");
}

TEST(TensorData, ImpossibleShapes) {
  ExpectBad(FloatTensor("t", {-1}, {}), "negative");
  ExpectBad(FloatTensor("t", {int64_t{1} << 40, int64_t{1} << 40}, {}), "overflows");
  ExpectBad(FloatTensor("t", {int64_t{1} << 40}, {}), "the file has 0 elements");
  ExpectBad(Message().Bytes(8, "t").Int(1, 1).str(), "no element type");
}

}  // namespace
}  // namespace mosaic
