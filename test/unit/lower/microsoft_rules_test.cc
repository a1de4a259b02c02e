// Operators that become others: their values, by running what they became node by node.
#include "lower/lowered_model.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

TEST(EmbedLayerNormalization, GathersAddsAndNormalises) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {2, 0});
  const int segments = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int words = m.Input<float>(MOSAIC_FLOAT, {3, 2}, {1, 2, 0, 0, 5, 1});
  const int positions = m.Input<float>(MOSAIC_FLOAT, {4, 2}, {10, 0, 0, 20, 0, 0, 0, 0});
  const int kinds = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {0, 100, 0, -7});
  const int gamma = m.Input<float>(MOSAIC_FLOAT, {2}, {1, 2});
  const int beta = m.Input<float>(MOSAIC_FLOAT, {2}, {0, 3});
  const int mask = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int out = m.Value(), index = m.Value(), sum = m.Value();
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, segments, words, positions, kinds, gamma, beta, mask};
  m.node().outputs = {out, index, sum};
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(sum), ElementsAre(15, -6, 1, 122));
  EXPECT_THAT(m.Values<int32_t>(index), ElementsAre(1));
  EXPECT_THAT(m.Values<float>(out), ElementsAre(FloatEq(1), FloatEq(1), FloatEq(-1), FloatEq(5)));
  // The tables are only gathered from, so that their rows are read one by one.
  for (const Node& n : m.graph().nodes) {
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (n.inputs[i] == words || n.inputs[i] == positions || n.inputs[i] == kinds) {
        EXPECT_EQ(n.op_type, "Gather");
        EXPECT_EQ(i, 0U);
      }
    }
  }
}

TEST(EmbedLayerNormalization, GivenPositionsNoSegmentsNoMask) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {0, 1});
  const int words = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {1, 2, 3, 5});
  const int positions = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {10, 0, 0, 20});
  const int gamma = m.Input<float>(MOSAIC_FLOAT, {2}, {1, 1});
  const int beta = m.Input<float>(MOSAIC_FLOAT, {2}, {0, 0});
  const int given = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int out = m.Value(), index = m.Value(), sum = m.Value();
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, -1, words, positions, -1, gamma, beta, -1, given};
  m.node().outputs = {out, index, sum};
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(sum), ElementsAre(1, 22, 13, 5));
  EXPECT_THAT(m.Values<int32_t>(index), ElementsAre(0));
}

TEST(EmbedLayerNormalization, MissingTable) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 1}, {0});
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, -1, ids};
  m.node().outputs = {m.Value()};
  const Status s = m.Run();
  EXPECT_EQ(s.code(), MOSAIC_E_BAD_MODEL);
  EXPECT_THAT(s.message(), testing::HasSubstr("input 3 is missing"));
}

TEST(DftAxis, AttributeBecomesInput) {
  LoweredModel m;
  const int x = m.Input<float>(MOSAIC_FLOAT, {2, 2, 1}, {1, 2, 3, 5});
  m.node().op_type = "DFT";
  m.node().inputs = {x};
  m.node().outputs = {m.Value()};
  m.node().attributes = {{"axis", int64_t{0}}};
  const int out = m.node().outputs[0];
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(out), ElementsAre(4, 0, 7, 0, -2, 0, -3, 0));
}

}  // namespace
}  // namespace mosaic
