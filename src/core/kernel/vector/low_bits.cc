#include "core/kernel/low_bits.h"

#define MOSAIC_KERNEL "core/kernel/vector/low_bits.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

// Those of Lloyd and Max for a normal distribution (J. Max, "Quantizing for minimum distortion",
// IRE Transactions on Information Theory 6, 1960): training moves weights about so. Scales are
// fitted to each group, so only their proportions matter.
constexpr float kOneBit[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
constexpr float kTwoBits[16] = {-1.510F, -0.4528F, 0.4528F, 1.510F,   -1.510F, -0.4528F,
                                0.4528F, 1.510F,   -1.510F, -0.4528F, 0.4528F, 1.510F,
                                -1.510F, -0.4528F, 0.4528F, 1.510F};
constexpr float kFourBits[16] = {-2.733F,  -2.069F,  -1.618F, -1.256F, -0.9424F, -0.6568F,
                                 -0.3881F, -0.1284F, 0.1284F, 0.3881F, 0.6568F,  0.9424F,
                                 1.256F,   1.618F,   2.069F,  2.733F};

}  // namespace

const float* LowBitsLevels(int bits) {
  return bits == 1 ? kOneBit : bits == 2 ? kTwoBits : bits == 4 ? kFourBits : nullptr;
}

void UnpackLowBitsReference(const LowBits& d, const float* base, int64_t begin, int64_t end,
                            float* out) {
  for (int64_t i = begin; i < end; ++i) {
    const int code = d.codes[i * d.bits / 8] >> (i * d.bits % 8) & ((1 << d.bits) - 1);
    const float level =
        d.bits == 8 ? static_cast<float>(static_cast<int8_t>(code)) : d.levels[code];
    const float scale = d.by_column ? d.scales[i % kLowBitsPeriod] : d.scales[i / kLowBitsRun];
    const float step = level * scale;
    out[i] = base[i] == 0 ? base[i] : base[i] + step;
  }
}

void UnpackLowBits(const LowBits& d, const float* base, int64_t n, float* out) {
  MOSAIC_DISPATCH(RunUnpackLowBits, d, base, n, out);
}

LowBitsFit FitLowBits(int bits, const float* d, int64_t n, float scale, uint8_t* codes) {
  return MOSAIC_DISPATCH(RunFitLowBits, bits, d, n, scale, codes);
}

}  // namespace mosaic
