// Older forms of Clip and Pad, whose bounds and fill are attributes of float32: of any type, as ONNX Runtime takes them.
#include <cmath>
#include <limits>

#include "core/tensor/element.h"
#include "lower/lowered_model.h"

namespace mosaic {
namespace {

template <typename T>
std::vector<T> RunOld(const char* op_type, int64_t opset, std::vector<Attribute> attributes, const std::vector<T>& x) {
  LoweredModel m;
  m.SetOpset(opset);
  const int in = m.Input<T>(ElementTraits<T>::kDType, {static_cast<int64_t>(x.size())}, x), out = m.Value();
  m.node().op_type = op_type;
  m.node().inputs = {in};
  m.node().outputs = {out};
  m.node().attributes = std::move(attributes);
  const Status s = m.Run();
  EXPECT_TRUE(s.ok()) << s.message();
  return s.ok() ? m.Values<T>(out) : std::vector<T>();
}

TEST(ClipOfOldForm, TakesOtherTypes) {
  EXPECT_EQ(RunOld<double>("Clip", 10, {{"min", 0.0F}, {"max", 6.0F}}, {-1, 0.1, 7}), (std::vector<double>{0, 0.1, 6}));
  const std::vector<Float16> halves = RunOld<Float16>("Clip", 10, {{"min", 0.0F}, {"max", 6.0F}}, {Store<Float16>(-1.0F), Store<Float16>(7.0F)});
  ASSERT_EQ(halves.size(), 2u);
  EXPECT_EQ(Load(halves[0]), 0);
  EXPECT_EQ(Load(halves[1]), 6);
}

TEST(ClipOfOldForm, HasFiniteBoundsByDefault) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kMost = std::numeric_limits<float>::max();
  EXPECT_EQ(RunOld<float>("Clip", 6, {}, {-kInfinity, 2, kInfinity}), (std::vector<float>{-kMost, 2, kMost}));
  EXPECT_EQ(RunOld<float>("Clip", 6, {{"min", 3.0F}}, {-kInfinity, 2, kInfinity}), (std::vector<float>{3, 3, kMost}));
}

TEST(PadOfOldForm, TakesOtherTypes) {
  EXPECT_EQ(RunOld<double>("Pad", 2, {{"pads", std::vector<int64_t>{1, 1}}, {"value", 0.5F}}, {1, 2}), (std::vector<double>{0.5, 1, 2, 0.5}));
}

TEST(OldForms, TakeNothingFromForeignAttributes) {
  // The names that rules use among themselves mean nothing in a file.
  LoweredModel m;
  const int x = m.Input<double>(MOSAIC_DOUBLE, {3}, {-1, 0.5, 2}), low = m.Input<double>(MOSAIC_DOUBLE, {}, {0.25}), y = m.Value();
  m.node().op_type = "Clip";
  m.node().inputs = {x, low};
  m.node().outputs = {y};
  m.node().attributes = {{"float_bounds", int64_t{1}}};
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(m.Values<double>(y), (std::vector<double>{0.25, 0.5, 2}));
}

}  // namespace
}  // namespace mosaic
