// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kBlackmanWindow;
extern const OpDef kDFT;
extern const OpDef kHammingWindow;
extern const OpDef kHannWindow;
extern const OpDef kMelWeightMatrix;
extern const OpDef kSTFT;

namespace {

const OpDef* const kOps[] = {
    &kBlackmanWindow, &kDFT, &kHammingWindow, &kHannWindow, &kMelWeightMatrix, &kSTFT,
};

}  // namespace

extern const OpFamily kSignalOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
