// Planes side by side: turned there and back, element by element, and their sums against each
// plane's own (plane_sum.h), to the bit.
#include "core/kernel/lane_sum.h"

#include "core/kernel/plane_sum.h"
#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class LaneSumTest : public IsaTest {};

TEST_P(LaneSumTest, PlanesToLanesAndBack) {
  for (int turn = 0; turn < 600; ++turn) {
    const int64_t count = Uniform(1, 8), rows = Uniform(1, 9), width = Uniform(1, 23);
    const int64_t n = rows * width, plane = n + Uniform(0, 5);
    const int64_t gap = Uniform(0, 3), pitch = (width + gap) * kSumLanes;
    // Planes end with the array.
    const std::vector<float> x = Normal((count - 1) * plane + n);
    std::vector<float> lanes(static_cast<size_t>(rows * pitch) + 17, kCanary);
    PlanesToLanes({x.data(), plane, count, rows, width}, lanes.data(), pitch);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < (width + gap) * kSumLanes; ++i) {
        const int64_t p = i % kSumLanes < count ? i % kSumLanes : 0, at = i / kSumLanes;
        const float want =
            at < width ? x[static_cast<size_t>(p * plane + r * width + at)] : kCanary;
        ASSERT_EQ(lanes[static_cast<size_t>(r * pitch + i)], want)
            << count << " planes of " << rows << " x " << width << " at " << r << ", " << i;
      }
    }
    for (size_t i = lanes.size() - 17; i < lanes.size(); ++i) ASSERT_EQ(lanes[i], kCanary);

    const std::vector<float> pixels = Normal(n * kSumLanes);
    std::vector<float> planes(static_cast<size_t>(count * plane) + 17, kCanary);
    LanesToPlanes(pixels.data(), n, count, planes.data(), plane);
    for (int64_t i = 0; i < static_cast<int64_t>(planes.size()); ++i) {
      const int64_t p = i / plane, at = i % plane;
      const float want =
          p < count && at < n ? pixels[static_cast<size_t>(at * kSumLanes + p)] : kCanary;
      ASSERT_EQ(planes[static_cast<size_t>(i)], want) << count << " planes of " << n << " at " << i;
    }
  }
}

TEST_P(LaneSumTest, SameBitsAsPlaneByPlane) {
  for (int turn = 0; turn < 300; ++turn) {
    const int64_t rows = Uniform(1, 5), columns = Uniform(1, 40), count = Uniform(0, 26);
    const int64_t step = Uniform(1, 3), pitch = columns * step + Uniform(0, 9), most = 60;
    // "met" holds every lane's plane by itself, as far as taps reach.
    const int64_t n = rows * pitch + most;
    std::vector<float> lanes = Normal(n * kSumLanes), weights = Normal(count * kSumLanes);
    if (turn % 7 == 0) lanes[static_cast<size_t>(Uniform(0, n * kSumLanes - 1))] = kNaN;
    if (turn % 7 == 1) lanes[static_cast<size_t>(Uniform(0, n * kSumLanes - 1))] = -kInf;
    const std::vector<float> bias = Normal(kSumLanes);
    const bool relu = turn % 3 == 0;
    std::vector<int64_t> offsets;
    for (int64_t t = 0; t < count; ++t) offsets.push_back(Uniform(0, most - 1) * kSumLanes);
    std::vector<float> out(static_cast<size_t>(rows * columns * kSumLanes) + 17, kCanary);
    SumLanes({lanes.data(), offsets.data(), weights.data(), count, pitch * kSumLanes,
              step * kSumLanes, rows, columns, bias.data(), relu},
             out.data());
    for (int64_t p = 0; p < kSumLanes; ++p) {
      // Every step-th element, so that a row's are neighbours.
      std::vector<float> own(static_cast<size_t>(count * rows * columns) + kPlaneSlack);
      std::vector<const float*> taps;
      std::vector<float> of_plane;
      for (int64_t t = 0; t < count; ++t) {
        float* tap = own.data() + t * rows * columns;
        for (int64_t i = 0; i < rows * columns; ++i) {
          tap[i] =
              lanes[static_cast<size_t>((i / columns * pitch + i % columns * step) * kSumLanes +
                                        offsets[static_cast<size_t>(t)] + p)];
        }
        taps.push_back(tap);
        of_plane.push_back(weights[static_cast<size_t>(t * kSumLanes + p)]);
      }
      std::vector<float> want(static_cast<size_t>(rows * columns));
      SumPlane({taps.data(), of_plane.data(), count, columns, rows, columns,
                bias[static_cast<size_t>(p)], relu},
               want.data());
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_TRUE(SameBits(out[i * kSumLanes + static_cast<size_t>(p)], want[i]))
            << rows << " x " << columns << " by " << step << " at " << i << ", plane " << p;
      }
    }
    for (size_t i = out.size() - 17; i < out.size(); ++i) ASSERT_EQ(out[i], kCanary);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, LaneSumTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
