#include "core/kernel/lane_sum.h"

#define MOSAIC_KERNEL "core/kernel/vector/lane_sum.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void PlanesToLanes(const LaneRows& from, float* to, int64_t pitch) {
  MOSAIC_DISPATCH(RunPlanesToLanes, from, to, pitch);
}

void LanesToPlanes(const float* from, int64_t n, int64_t count, float* planes,
                   int64_t plane_pitch) {
  MOSAIC_DISPATCH(RunLanesToPlanes, from, n, count, planes, plane_pitch);
}

void SumLanes(const LaneSum& sum, float* out) { MOSAIC_DISPATCH(RunSumLanes, sum, out); }

}  // namespace mosaic
