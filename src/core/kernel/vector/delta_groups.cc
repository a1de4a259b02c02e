#include "core/kernel/delta_groups.h"

#define MOSAIC_KERNEL "core/kernel/vector/delta_groups.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

int64_t UnpackDelta(const DeltaGroups& groups, const uint32_t* base, uint32_t* out) {
  return MOSAIC_DISPATCH(RunUnpackDelta<uint32_t>, groups, base, out);
}

int64_t UnpackDelta(const DeltaGroups& groups, const uint16_t* base, uint16_t* out) {
  return MOSAIC_DISPATCH(RunUnpackDelta<uint16_t>, groups, base, out);
}

}  // namespace mosaic
