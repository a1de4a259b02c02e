#include "core/kernel/plane_sum.h"

#define MOSAIC_KERNEL "core/kernel/vector/plane_sum.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void SumPlane(const PlaneSum& plane, float* out) { MOSAIC_DISPATCH(RunSumPlane, plane, out); }

int64_t PlaneLanes() {
  return ActiveIsa() >= Isa::kAvx512 ? 16 : ActiveIsa() >= Isa::kAvx2 ? 8 : 4;
}

}  // namespace mosaic
