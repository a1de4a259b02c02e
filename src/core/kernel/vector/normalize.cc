#include "core/kernel/normalize.h"

#define MOSAIC_KERNEL "core/kernel/vector/normalize.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void NormalizeRows(const NormalizeArgs& args, int64_t begin, int64_t end) {
  if (ActiveIsa() == Isa::kReference) return NormalizeRowsReference(args, begin, end);
  MOSAIC_DISPATCH(RunNormalizeRows, args, begin, end);
}

}  // namespace mosaic
