// MaxPool row by row gives what it gives window by window, as it is computed with indices.
#include <random>

#include "kernel/isa_test.h"
#include "op/op_call.h"

namespace mosaic {
namespace {

struct Kind {
  Shape x;
  std::vector<int64_t> kernel, strides, dilations, pads;
  int64_t ceil = 0;
};

void ExpectTheWindows(const Kind& k, uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  std::vector<float> x(static_cast<size_t>(NumElements(k.x)));
  const float special[] = {kNaN, kInf, -kInf, -0.0F, 0.0F};
  for (float& v : x) {
    const auto n = rng() % 60;
    v = n < 5 ? special[n] : static_cast<float>(static_cast<int>(rng() % 201) - 100);
  }
  const auto run = [&](size_t outputs) {
    OpCall call("MaxPool");
    call.Ints("kernel_shape", k.kernel).Ints("strides", k.strides).Ints("dilations", k.dilations);
    call.Ints("pads", k.pads).Int("ceil_mode", k.ceil).Outputs(outputs);
    const Status status = call.In(k.x, x).Run();
    EXPECT_TRUE(status.ok()) << status.message();
    return call.values();
  };
  const std::vector<float> want = run(2);
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    const std::vector<float> got = run(1);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const bool same = got[i] == want[i] || (got[i] != got[i] && want[i] != want[i]);
      ASSERT_TRUE(same) << IsaName(isa) << ", " << i << ": " << got[i] << ", not " << want[i];
    }
  }
}

TEST(MaxPool, RowsAreAsWindows) {
  ExpectTheWindows({{2, 3, 7, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, 1);
  ExpectTheWindows({{1, 2, 20, 150}, {2, 3}, {2, 2}, {1, 1}, {0, 1, 1, 0}, 1}, 2);
  ExpectTheWindows({{1, 1, 17, 90}, {3, 5}, {3, 1}, {2, 4}, {2, 4, 2, 4}}, 3);
  ExpectTheWindows({{1, 1, 300, 400}, {5, 5}, {1, 1}, {1, 1}, {2, 2, 2, 2}}, 4);  // several units
  ExpectTheWindows({{3, 2, 70}, {4}, {3}, {1}, {1, 2}}, 5);
}

// Windows so large that they are met in pieces, some of which lie in the padding altogether.
TEST(AveragePool, LargeWindowsBeyondTheInput) {
  OpCall call("AveragePool");
  call.Ints("kernel_shape", {330, 330}).Ints("pads", {340, 340, 0, 0});
  ASSERT_OK(call.In({1, 1, 2, 2}, {1, 2, 3, 4}).Run());
  ASSERT_EQ(call.shape(), (Shape{1, 1, 13, 13}));
  EXPECT_EQ(call.values()[13 * 13 - 1], 2.5F);
  EXPECT_EQ(call.values()[11 * 13 + 11], 1);  // meets the first element alone
}

}  // namespace
}  // namespace mosaic
