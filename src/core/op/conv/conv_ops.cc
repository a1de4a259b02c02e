// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kAveragePool;
extern const OpDef kCausalConvWithState;
extern const OpDef kConv;
extern const OpDef kConvTranspose;
extern const OpDef kFusedConv;
extern const OpDef kGlobalLpPool;
extern const OpDef kGlobalMaxPool;
extern const OpDef kLpPool;
extern const OpDef kMaxPool;
extern const OpDef kMaxUnpool;

namespace {

const OpDef* const kOps[] = {
    &kAveragePool,  &kCausalConvWithState, &kConv,   &kConvTranspose, &kFusedConv,
    &kGlobalLpPool, &kGlobalMaxPool,       &kLpPool, &kMaxPool,       &kMaxUnpool,
};

}  // namespace

extern const OpFamily kConvOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
