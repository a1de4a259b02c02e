// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kBatchNormalization;
extern const OpDef kDropout;
extern const OpDef kGlobalAveragePool;
extern const OpDef kLayerNormalization;

namespace {

const OpDef* const kOps[] = {
    &kBatchNormalization,
    &kDropout,
    &kGlobalAveragePool,
    &kLayerNormalization,
};

}  // namespace

extern const OpFamily kNnOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
