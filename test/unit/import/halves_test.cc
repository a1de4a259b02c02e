// Files of 16-bit floats: stored in 16 bits, to the bit.
#include <gtest/gtest.h>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using namespace onnx_test;  // NOLINT: the helpers of these tests

std::string Bits(size_t n, int first = 0) {
  std::vector<uint16_t> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<uint16_t>(first + static_cast<int>(i) * 37);
  return Raw(v);
}

// A product, a table, a vector and a convolution's kernels.
std::string File(int dtype) {
  ModelBuilder b;
  b.Input("x", {kN, 40}, dtype).Input("ids", {kN}, MOSAIC_INT64).Input("p", {kN, 4, 5, 5}, dtype);
  b.Output("y", {kN, 30}, dtype).Output("g", {kN, 8}, dtype).Output("z", {kN, 16, 3, 3}, dtype);
  b.Initializer(RawTensor("w", dtype, {40, 30}, Bits(1200)));
  b.Initializer(RawTensor("turned", dtype, {30, 40}, Bits(1200, 5)));
  b.Initializer(RawTensor("bias", dtype, {200}, Bits(200, 9)));
  b.Initializer(RawTensor("table", dtype, {50, 8}, Bits(400, 11)));
  b.Initializer(RawTensor("kernels", dtype, {16, 4, 3, 3}, Bits(576, 13)));
  b.Node("MatMul", {"x", "w"}, {"h"}).Node("Gemm", {"x", "turned"}, {"i"}, {IntAttr("transB", 1)});
  b.Node("ReduceMax", {"bias"}, {"j"}, {IntAttr("keepdims", 0)})
      .Node("Sum", {"h", "i", "j"}, {"y"});
  b.Node("Gather", {"table", "ids"}, {"g"}).Node("Conv", {"p", "kernels"}, {"z"});
  return b.Build();
}

TEST(Halves, StayInSixteenBits) {
  for (int dtype : {MOSAIC_FLOAT16, MOSAIC_BFLOAT16}) {
    const std::string bytes = File(dtype);
    const Imported r = Import(bytes);
    ASSERT_TRUE(r.status.ok()) << r.status.message();
    // Products of bfloat16 would round activations, kernels of convolutions are read as float32.
    const int strip = dtype == MOSAIC_FLOAT16 ? dtype : MOSAIC_FLOAT;
    EXPECT_EQ(r.Desc("w").stored_dtype, strip);
    EXPECT_EQ(r.Desc("turned").stored_dtype, strip);
    EXPECT_EQ(r.Desc("kernels").stored_dtype, MOSAIC_FLOAT);
    EXPECT_EQ(r.Desc("table").stored_dtype, dtype);
    EXPECT_EQ(r.Desc("bias").stored_dtype, dtype);
    EXPECT_EQ(r.Dense("table"), Bits(400, 11));
    EXPECT_EQ(r.Dense("bias"), Bits(200, 9));
    if (strip == dtype) {
      EXPECT_EQ(r.Dense("w"), Bits(1200));
      EXPECT_EQ(r.Dense("turned"), Bits(1200, 5));
    }
  }
}

// What is asked for stays so.
TEST(Halves, AreRoundedWhereThatIsAskedFor) {
  const std::string bytes = File(MOSAIC_FLOAT16);
  const Imported r = Import(bytes, 126, {}, MOSAIC_BFLOAT16);
  ASSERT_TRUE(r.status.ok());
  EXPECT_EQ(r.Desc("w").stored_dtype, MOSAIC_BFLOAT16);
  EXPECT_EQ(r.Desc("table").stored_dtype, MOSAIC_BFLOAT16);
  EXPECT_EQ(r.Desc("bias").stored_dtype, MOSAIC_FLOAT16);
}

}  // namespace
}  // namespace mosaic
