// Sums of weighted rows of a plane, and rows with their padding: against one row, one element at a
// time; nothing else is written.
#include "core/kernel/plane_sum.h"

#include "core/kernel/window_sum.h"
#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class PlaneSumTest : public IsaTest {};

void ExpectSame(float a, float b, const std::string& where) {
  ASSERT_TRUE(std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)))
      << a << ", not " << b << " " << where;
}

TEST_P(PlaneSumTest, SameBitsAsRowByRow) {
  for (int turn = 0; turn < 600; ++turn) {
    const int64_t rows = Uniform(1, 19), columns = Uniform(1, turn % 2 == 0 ? 20 : 70);
    const int64_t count = Uniform(0, 26), pitch = columns + Uniform(0, 9);
    std::vector<float> met = Normal(rows * pitch + 60 + kPlaneSlack), weights = Normal(count);
    if (turn % 7 == 0) met[static_cast<size_t>(Uniform(0, rows * pitch))] = kNaN;
    if (turn % 7 == 1) met[static_cast<size_t>(Uniform(0, rows * pitch))] = -kInf;
    std::vector<const float*> taps;
    for (int64_t t = 0; t < count; ++t) taps.push_back(met.data() + Uniform(0, 60));
    const float bias = Normal(1)[0];
    const bool relu = turn % 3 == 0;
    std::vector<float> out(static_cast<size_t>(rows * columns) + 17, kCanary);
    SumPlane({taps.data(), weights.data(), count, pitch, rows, columns, bias, relu}, out.data());
    std::vector<float> row(static_cast<size_t>(columns));
    for (int64_t r = 0; r < rows; ++r) {
      SumWeightedRows(taps.data(), weights.data(), count, bias, columns, row.data());
      for (const float*& t : taps) t += pitch;
      for (int64_t i = 0; i < columns; ++i) {
        const float sum = row[static_cast<size_t>(i)], want = relu && sum < 0 ? 0 : sum;
        ExpectSame(out[static_cast<size_t>(r * columns + i)], want,
                   std::to_string(rows) + " x " + std::to_string(columns) + " at " +
                       std::to_string(r) + ", " + std::to_string(i));
      }
    }
    for (size_t i = out.size() - 17; i < out.size(); ++i) ASSERT_EQ(out[i], kCanary);
  }
}

// What lies behind the last element that is given is not readable memory, as far as tests see: it
// ends with its array.
TEST_P(PlaneSumTest, RowsWithTheirPadding) {
  for (int turn = 0; turn < 2000; ++turn) {
    const int64_t rows = Uniform(1, 6), n = Uniform(0, 40), stride = Uniform(1, 3);
    const int64_t before = Uniform(0, turn % 5 == 0 ? 30 : 3);
    const int64_t length = before + n + Uniform(0, turn % 11 == 0 ? 30 : 3);
    const int64_t step = (n == 0 ? 0 : (n - 1) * stride + 1) + Uniform(0, 3);
    const std::vector<float> in = Normal(n == 0 ? 1 : (rows - 1) * step + (n - 1) * stride + 1);
    const float fill = turn % 2 == 0 ? 0 : -kInf;
    std::vector<float> out(static_cast<size_t>(rows * length) + 17, kCanary);
    PadRows({in.data(), step, stride, n}, rows, before, length, fill, out.data());
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < length; ++i) {
        const int64_t at = i - before;
        const float want =
            at < 0 || at >= n ? fill : in[static_cast<size_t>(r * step + at * stride)];
        ExpectSame(out[static_cast<size_t>(r * length + i)], want,
                   std::to_string(n) + " by " + std::to_string(stride));
      }
    }
    for (size_t i = out.size() - 17; i < out.size(); ++i) ASSERT_EQ(out[i], kCanary);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, PlaneSumTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
