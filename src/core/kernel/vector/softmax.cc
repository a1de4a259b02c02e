#include "core/kernel/softmax.h"

#define MOSAIC_KERNEL "core/kernel/vector/softmax.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void SoftmaxRows(const SoftmaxArgs& args, int64_t begin, int64_t end) {
  if (ActiveIsa() != Isa::kReference) {
    return MOSAIC_DISPATCH(RunSoftmaxRows, args, begin, end);
  }
  for (int64_t r = begin; r < end; ++r) {
    const float* mask = args.mask ? args.mask + r * args.mask_step : nullptr;
    SoftmaxReference(args.x + r * args.x_step, 1, mask, args.scale, args.n, args.log,
                     args.y + r * args.y_step, 1);
  }
}

void SoftmaxColumns(const SoftmaxArgs& args, int64_t begin, int64_t end) {
  if (ActiveIsa() != Isa::kReference) {
    return MOSAIC_DISPATCH(RunSoftmaxColumns, args, begin, end);
  }
  for (int64_t c = begin; c < end; ++c) {
    SoftmaxReference(args.x + c, args.x_step, nullptr, 1, args.n, args.log, args.y + c,
                     args.y_step);
  }
}

}  // namespace mosaic
