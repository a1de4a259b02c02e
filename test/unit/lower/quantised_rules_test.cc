// com.microsoft's quantised operators, against what ONNX Runtime 1.30 gives.
#include "lower/lowered_model.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

class QuantisedTest : public testing::Test {
 protected:
  int Bytes(const Shape& shape, int64_t m = 37) {  // 0, m, 2 m, ... as uint8
    std::vector<uint8_t> v;
    for (int64_t i = 0; i < NumElements(shape); ++i) v.push_back(static_cast<uint8_t>(i * m % 256));
    return m_.Input<uint8_t>(MOSAIC_UINT8, shape, v);
  }
  int Signed(const Shape& shape, int64_t m = 37) {  // -127 to 127
    std::vector<int8_t> v;
    for (int64_t i = 0; i < NumElements(shape); ++i)
      v.push_back(static_cast<int8_t>(i * m % 255 - 127));
    return m_.Input<int8_t>(MOSAIC_INT8, shape, v);
  }
  int Scale(float v) { return m_.Input<float>(MOSAIC_FLOAT, {}, {v}); }
  int Scales(const std::vector<float>& v) {
    return m_.Input<float>(MOSAIC_FLOAT, {static_cast<int64_t>(v.size())}, v);
  }
  int Zero(uint8_t v) { return m_.Input<uint8_t>(MOSAIC_UINT8, {}, {v}); }
  int SignedZero(int8_t v) { return m_.Input<int8_t>(MOSAIC_INT8, {}, {v}); }

  Status Run(const char* op, std::vector<int> inputs, std::vector<Attribute> attributes = {}) {
    m_.node().domain = "com.microsoft";
    m_.node().op_type = op;
    m_.node().inputs = std::move(inputs);
    m_.node().attributes = std::move(attributes);
    y_ = m_.Value();
    m_.node().outputs = {y_};
    return m_.Run();
  }
  template <typename T>
  void Expect(const std::vector<T>& want, const Status& s) {
    ASSERT_TRUE(s.ok()) << s.message();
    if constexpr (std::is_same_v<T, float>) {
      EXPECT_THAT(m_.Values<float>(y_), Pointwise(FloatNear(2e-5F), want));
    } else {
      EXPECT_EQ(m_.Values<T>(y_), want);
    }
  }
  static void Refused(const Status& s, MosaicCode code, const char* text) {
    EXPECT_EQ(s.code(), code);
    EXPECT_THAT(s.message(), HasSubstr(text));
  }

  LoweredModel m_;
  int y_ = -1;
};

TEST_F(QuantisedTest, Add) {
  Expect<uint8_t>({32, 120, 208, 69, 157, 245},
                  Run("QLinearAdd", {Bytes({2, 3}), Scale(0.02F), Zero(100), Bytes({3}, 91),
                                     Scale(0.05F), Zero(30), Scale(0.06F), Zero(90)}));
}

TEST_F(QuantisedTest, MulOfSigned) {
  Expect<int8_t>({127, 82, -85, 70, -19, 49},
                 Run("QLinearMul", {Signed({2, 3}), Scale(0.02F), SignedZero(10), Signed({3}, 91),
                                    Scale(0.05F), SignedZero(3), Scale(0.043F), SignedZero(-9)}));
}

// Without a zero point of its own the result has the type of the input.
TEST_F(QuantisedTest, NoZeroPoints) {
  Expect<int8_t>({-127, -90, -53}, Run("QLinearMul", {Signed({3}), Scale(1), -1,
                                                      m_.Input<int8_t>(MOSAIC_INT8, {}, {1}),
                                                      Scale(1), -1, Scale(1)}));
}

TEST_F(QuantisedTest, Sigmoid) {
  Expect<uint8_t>(
      {0, 3, 16, 77, 187, 242},
      Run("QLinearSigmoid", {Bytes({6}), Scale(0.05F), Zero(128), Scale(1 / 256.0F), Zero(0)}));
}

TEST_F(QuantisedTest, LeakyRelu) {
  Expect<uint8_t>(
      {44, 49, 53, 58, 85, 131},
      Run("QLinearLeakyRelu", {Bytes({6}), Scale(0.05F), Zero(128), Scale(0.04F), Zero(60)},
          {{"alpha", 0.1F}}));
}

TEST_F(QuantisedTest, GlobalAveragePool) {
  Expect<uint8_t>({16, 26}, Run("QLinearGlobalAveragePool", {Bytes({1, 2, 2, 3}), Scale(0.05F),
                                                             Zero(128), Scale(0.04F), Zero(60)}));
}

TEST_F(QuantisedTest, ChannelsLast) {
  Refused(Run("QLinearGlobalAveragePool",
              {Bytes({1, 2, 2, 3}), Scale(0.05F), Zero(128), Scale(0.04F), Zero(60)},
              {{"channels_last", int64_t{1}}}),
          MOSAIC_E_UNSUPPORTED, "channels_last");
}

TEST_F(QuantisedTest, Concat) {
  Expect<uint8_t>({0, 0, 55, 100, 146}, Run("QLinearConcat",
                                            {Scale(0.04F), Zero(60), Bytes({1, 2}), Scale(0.05F),
                                             Zero(128), Bytes({1, 3}, 91), Scale(0.02F), Zero(10)},
                                            {{"axis", int64_t{1}}}));
}

TEST_F(QuantisedTest, ConcatOfNoThrees) {
  Refused(Run("QLinearConcat", {Scale(0.04F), Zero(60), Bytes({1, 2}), Scale(0.05F)},
              {{"axis", int64_t{1}}}),
          MOSAIC_E_BAD_MODEL, "threes");
}

TEST_F(QuantisedTest, Softmax) {
  Expect<uint8_t>(
      {1, 5, 34, 216, 5, 34, 217, 0},
      Run("QLinearSoftmax", {Bytes({2, 4}), Scale(0.05F), Zero(128), Scale(1 / 256.0F), Zero(0)},
          {{"axis", int64_t{-1}}, {"opset", int64_t{13}}}));
}

TEST_F(QuantisedTest, SoftmaxOverSeveralAxes) {
  Refused(Run("QLinearSoftmax", {Bytes({2, 4}), Scale(0.05F), Zero(128), Scale(1), Zero(0)},
              {{"axis", int64_t{1}}, {"opset", int64_t{11}}}),
          MOSAIC_E_UNSUPPORTED, "over several axes");
}

TEST_F(QuantisedTest, MissingScale) {
  Refused(Run("QLinearAdd", {Bytes({3}), -1, Zero(1), Bytes({3}), Scale(1), Zero(1), Scale(1)}),
          MOSAIC_E_BAD_MODEL, "input 1 is missing");
}

TEST_F(QuantisedTest, IntegerProductToFloat) {
  Expect<float>({3.769F, 0.562F, 3.384F, 13.204F, -2.9682F, 7.2864F, -6.2622F, -11.484F, -0.4382F,
                 6.4332F, 11.8932F, 0.8968F},
                Run("MatMulIntegerToFloat", {Bytes({3, 5}), Signed({5, 4}, 91), Scale(0.02F),
                                             Scales({0.01F, 0.02F, 0.03F, 0.04F}), Zero(100),
                                             SignedZero(3), Scales({1, 2, 3, 4})}));
}

TEST_F(QuantisedTest, DynamicProduct) {
  std::vector<float> a;
  for (int i = 0; i < 15; ++i) a.push_back(static_cast<float>(i * 7 % 11 - 5) / 4);
  Expect<float>(
      {1.48147F, 3.33843F, 3.29539F, 4.52735F, 2.71863F, 1.81863F, 0.268627F, 5.71863F, 2.95784F,
       -0.724118F, 3.21892F, 5.91196F},
      Run("DynamicQuantizeMatMul", {m_.Input<float>(MOSAIC_FLOAT, {3, 5}, a), Signed({5, 4}, 91),
                                    Scale(0.01F), SignedZero(3), Scales({1, 2, 3, 4})}));
}

TEST_F(QuantisedTest, Gemm) {
  Expect<uint8_t>(
      {135, 123, 127, 143, 120, 117, 156, 161, 122, 145, 117, 88},
      Run("QGemm",
          {Bytes({3, 5}), Scale(0.02F), Zero(100), Signed({4, 5}, 91),
           Scales({0.01F, 0.02F, 0.03F, 0.04F}), m_.Input<int8_t>(MOSAIC_INT8, {4}, {0, 0, 0, 0}),
           m_.Input<int32_t>(MOSAIC_INT32, {4}, {100, -200, 300, 5}), Scale(0.5F), Zero(128)},
          {{"transB", int64_t{1}}, {"alpha", 1.5F}}));
}

TEST_F(QuantisedTest, GemmToFloat) {
  Expect<float>({2.769F, -0.719F, 0.128F, 2.301F, -3.9682F, 2.6432F, -3.0874F, -3.871F, -1.4382F,
                 2.2166F, 2.9644F, -0.7758F},
                Run("QGemm", {Bytes({3, 5}), Scale(0.02F), Zero(100), Signed({5, 4}, 91),
                              Scale(0.01F), SignedZero(3)}));
}

// Activations are not quantised, so the result is that of ONNX Runtime to a hundredth.
TEST_F(QuantisedTest, DynamicLstm) {
  std::vector<float> x, b;
  for (int i = 0; i < 9; ++i) x.push_back(static_cast<float>(i * 7 % 11 - 5) / 4);
  for (int i = 0; i < 16; ++i) b.push_back(static_cast<float>(i * 7 % 11 - 5) / 20);
  const Status s = Run("DynamicQuantizeLSTM",
                       {m_.Input<float>(MOSAIC_FLOAT, {3, 1, 3}, x), Signed({1, 3, 8}),
                        Signed({1, 2, 8}, 91), m_.Input<float>(MOSAIC_FLOAT, {1, 16}, b), -1, -1,
                        -1, -1, Scales({0.01F}), m_.Input<int8_t>(MOSAIC_INT8, {1}, {0}),
                        Scales({0.01F}), m_.Input<int8_t>(MOSAIC_INT8, {1}, {0})},
                       {{"hidden_size", int64_t{2}}});
  ASSERT_TRUE(s.ok()) << s.message();
  const std::vector<float> want = {-0.277616F, 0.291967F, -0.00256116F,
                                   0.150945F,  0.065065F, 0.00991671F};
  EXPECT_THAT(m_.Values<float>(y_), Pointwise(FloatNear(1e-2F), want));
}

}  // namespace
}  // namespace mosaic
