#include "core/kernel/conv_panels.h"

#define MOSAIC_KERNEL "core/kernel/vector/conv_panels.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void PackPixels(const float* x, const int32_t* offsets, int64_t k, const PixelRun* runs,
                int64_t run_count, int64_t count, float* panel) {
  MOSAIC_DISPATCH(RunPackPixels, x, offsets, k, runs, run_count, count, panel);
}

void ConvPanels(const ConvPanelArgs& args) { MOSAIC_DISPATCH(RunConvPanels, args); }

}  // namespace mosaic
