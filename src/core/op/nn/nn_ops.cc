// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kBatchNormalization;
extern const OpDef kDropout;
extern const OpDef kGlobalAveragePool;
extern const OpDef kGroupNormalization;
extern const OpDef kInstanceNormalization;
extern const OpDef kLRN;
extern const OpDef kLayerNormalization;
extern const OpDef kLpNormalization;
extern const OpDef kMeanVarianceNormalization;
extern const OpDef kMicrosoftSimplifiedLayerNormalization;
extern const OpDef kNegativeLogLikelihoodLoss;
extern const OpDef kRMSNormalization;
extern const OpDef kSimplifiedLayerNormalization;
extern const OpDef kSoftmaxCrossEntropyLoss;

namespace {

const OpDef* const kOps[] = {
    &kBatchNormalization,
    &kDropout,
    &kGlobalAveragePool,
    &kGroupNormalization,
    &kInstanceNormalization,
    &kLRN,
    &kLayerNormalization,
    &kLpNormalization,
    &kMeanVarianceNormalization,
    &kMicrosoftSimplifiedLayerNormalization,
    &kNegativeLogLikelihoodLoss,
    &kRMSNormalization,
    &kSimplifiedLayerNormalization,
    &kSoftmaxCrossEntropyLoss,
};

}  // namespace

extern const OpFamily kNnOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
