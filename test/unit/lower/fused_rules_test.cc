// com.microsoft's operators of fused graphs, against what ONNX Runtime 1.30 gives.
#include "lower/lowered_model.h"

namespace mosaic {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

std::vector<float> Seq(int64_t n, int64_t m = 7) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<float>((i * m) % 11 - 5) / 4);
  return v;
}

class FusedTest : public testing::Test {
 protected:
  int Floats(const Shape& shape, int64_t m = 7) {
    return m_.Input<float>(MOSAIC_FLOAT, shape, Seq(NumElements(shape), m));
  }
  int Ints(const Shape& shape, const std::vector<int32_t>& v) {
    return m_.Input<int32_t>(MOSAIC_INT32, shape, v);
  }
  // The first output of com.microsoft's operator.
  void Expect(const char* op, std::vector<int> inputs, std::vector<Attribute> attributes,
              const std::vector<float>& want, size_t outputs = 1) {
    m_.node().domain = "com.microsoft";
    m_.node().op_type = op;
    m_.node().inputs = std::move(inputs);
    m_.node().attributes = std::move(attributes);
    for (size_t i = 0; i < outputs; ++i) outputs_.push_back(m_.Value());
    m_.node().outputs = outputs_;
    const Status s = m_.Run();
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_THAT(m_.Values<float>(outputs_[0]), Pointwise(FloatNear(2e-5F), want));
  }
  void Refused(const char* op, std::vector<int> inputs, std::vector<Attribute> attributes,
               MosaicCode code, const char* text) {
    m_.node().domain = "com.microsoft";
    m_.node().op_type = op;
    m_.node().inputs = std::move(inputs);
    m_.node().attributes = std::move(attributes);
    m_.node().outputs = {m_.Value()};
    const Status s = m_.Run();
    EXPECT_EQ(s.code(), code);
    EXPECT_THAT(s.message(), HasSubstr(text));
  }

  LoweredModel m_;
  std::vector<int> outputs_;
};
using FusedAttentionTest = FusedTest;

const Attribute kTwoHeads = {"num_heads", int64_t{2}};

TEST_F(FusedAttentionTest, Plain) {
  Expect("Attention", {Floats({2, 2, 3}), Floats({3, 12}, 5), Floats({12}, 3)}, {kTwoHeads},
         {-1.54182F, 1.28284F, -0.18239F, -0.331235F, -1.99776F, 1.9965F, 0.22201F, -1.81404F,
          -0.456789F, 0.595686F, 1.13944F, -3.75F, -0.457085F, 0.593319F, 1.14131F, -3.75F});
  // The weights are those of a product, so that they are read as strips.
  EXPECT_EQ(m_.graph().nodes[0].op_type, "MatMul");
}

TEST_F(FusedAttentionTest, LengthsOfKeys) {
  Expect("Attention", {Floats({2, 2, 3}), Floats({3, 12}, 5), Floats({12}, 3), Ints({2}, {1, 2})},
         {kTwoHeads},
         {-2, 2, -0.1875F, -0.3125F, -2, 2, -0.1875F, -0.3125F, -0.456789F, 0.595686F, 1.13944F,
          -3.75F, -0.457085F, 0.593319F, 1.14131F, -3.75F});
}

TEST_F(FusedAttentionTest, EndsAndBeginningsOfKeys) {
  Expect(
      "Attention",
      {Floats({2, 2, 3}), Floats({3, 12}, 5), Floats({12}, 3), Ints({4}, {2, 2, 1, 0})},
      {kTwoHeads, {"mask_filter_value", -3.0F}},
      {-0.700758F, -0.0335957F, -0.0945403F, -0.653352F, -1.95634F, 1.93166F, 0.69345F, -3.54265F,
       -0.456789F, 0.595686F, 1.13944F, -3.75F, -0.457085F, 0.593319F, 1.14131F, -3.75F});
}

TEST_F(FusedAttentionTest, MaskOfEachQuery) {
  Expect("Attention",
         {Floats({2, 2, 3}), Floats({3, 12}, 5), Floats({12}, 3),
          Ints({2, 2, 2}, {1, 0, 1, 1, 0, 1, 1, 1})},
         {kTwoHeads},
         {-2, 2, -0.1875F, -0.3125F, -1.99776F, 1.9965F, 0.22201F, -1.81404F, -0.4375F, 0.75F,
          1.25F, -3.75F, -0.457085F, 0.593319F, 1.14131F, -3.75F});
}

TEST_F(FusedAttentionTest, PastAndPresent) {
  Expect("Attention",
         {Floats({2, 2, 3}), Floats({3, 12}, 5), Floats({12}, 3), Ints({2, 3}, {1, 1, 0, 0, 1, 1}),
          Floats({2, 2, 2, 1, 2}, 2)},
         {kTwoHeads, {"unidirectional", int64_t{1}}},
         {-1.33217F, 1.49913F, -0.179806F, -0.318575F, -1.97346F, 1.9801F, -0.0356226F, -0.432403F,
          -0.5F, 0.25F, 1, -3.75F, -0.457085F, 0.593319F, 1.14131F, -3.75F},
         2);
  const std::vector<float> present = m_.Values<float>(outputs_[1]);
  EXPECT_THAT(std::vector<float>(present.begin(), present.begin() + 6),
              Pointwise(FloatNear(2e-5F),
                        std::vector<float>{-1.25F, -0.75F, -2.875F, 1.125F, -0.4375F, -0.125F}));
  EXPECT_THAT(std::vector<float>(present.begin() + 24, present.begin() + 30),
              Pointwise(FloatNear(2e-5F), std::vector<float>{0, 0.5F, -2, 2, -0.5625F, -0.25F}));
}

TEST_F(FusedAttentionTest, WidthsOfTheirOwn) {
  Expect(
      "Attention", {Floats({2, 2, 3}), Floats({3, 10}, 5), Floats({10}, 3)},
      {kTwoHeads, {"qkv_hidden_sizes", std::vector<int64_t>{4, 4, 2}}},
      {-0.949256F, 1.80391F, -1.99639F, -0.280266F, -1.07966F, -0.135042F, -1.0741F, -0.136643F});
}

TEST_F(FusedAttentionTest, NoWeights) {
  Refused("Attention", {Floats({2, 2, 3}), -1}, {kTwoHeads}, MOSAIC_E_BAD_MODEL,
          "weights are missing");
}

TEST_F(FusedAttentionTest, Rotation) {
  Refused("Attention", {Floats({2, 2, 3}), Floats({3, 12}, 5)},
          {kTwoHeads, {"do_rotary", int64_t{1}}}, MOSAIC_E_UNSUPPORTED,
          "do_rotary is not supported");
}

TEST_F(FusedAttentionTest, WidthsThatAreNoHeads) {
  Refused("Attention", {Floats({2, 2, 3}), Floats({3, 10}, 5)},
          {kTwoHeads, {"qkv_hidden_sizes", std::vector<int64_t>{4, 4, 3}}}, MOSAIC_E_BAD_MODEL,
          "qkv_hidden_sizes do not fit 2 heads");
}

TEST_F(FusedAttentionTest, PastThatDoesNotFit) {
  Refused("Attention", {Floats({2, 2, 3}), Floats({3, 12}, 5), -1, -1, Floats({2, 1, 2, 1, 2})},
          {kTwoHeads}, MOSAIC_E_BAD_MODEL, "a past of shape [2, 1, 2, 1, 2] does not fit");
}

TEST_F(FusedTest, Products) {
  Expect("FusedMatMul", {Floats({3, 2}), Floats({4, 3}, 5)},
         {{"transA", int64_t{1}}, {"transB", int64_t{1}}, {"alpha", 0.5F}},
         {0.9375F, -0.15625F, -0.21875F, 0.40625F, -0.78125F, 0.75F, -0.46875F, 0.375F});
}

TEST_F(FusedTest, GemmAndActivation) {
  Expect("FusedGemm", {Floats({2, 3}), Floats({3, 2}, 5), Floats({2}, 3)},
         {{"activation", std::string("LeakyRelu")}, {"activation_alpha", 0.1F}},
         {0.4375F, -0.0375F, -0.325F, -0.01875F});
}

TEST_F(FusedTest, ConvWithSecondAddend) {
  Expect("FusedConv",
         {Floats({1, 1, 3, 3}), Floats({1, 1, 2, 2}, 5), Floats({1}, 3), Floats({1, 1, 2, 2}, 2)},
         {{"activation", std::string("Relu")}}, {0.5625F, 0, 0, 0});
}

TEST_F(FusedTest, UnknownActivation) {
  Refused("FusedGemm", {Floats({2, 3}), Floats({3, 2}, 5)}, {{"activation", std::string("Nope")}},
          MOSAIC_E_UNSUPPORTED, "activation Nope is not supported");
}

TEST_F(FusedTest, TransposedBatches) {
  Refused("FusedMatMul", {Floats({2, 3}), Floats({3, 2}, 5)}, {{"transBatchA", int64_t{1}}},
          MOSAIC_E_UNSUPPORTED, "transBatchA");
}

}  // namespace
}  // namespace mosaic
