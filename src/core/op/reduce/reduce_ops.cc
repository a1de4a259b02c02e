// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kArgMax;
extern const OpDef kArgMin;
extern const OpDef kHardmax;
extern const OpDef kLogSoftmax;
extern const OpDef kReduceL1;
extern const OpDef kReduceL2;
extern const OpDef kReduceLogSum;
extern const OpDef kReduceLogSumExp;
extern const OpDef kReduceMax;
extern const OpDef kReduceMean;
extern const OpDef kReduceMin;
extern const OpDef kReduceProd;
extern const OpDef kReduceSum;
extern const OpDef kReduceSumSquare;
extern const OpDef kSoftmax;

namespace {

const OpDef* const kOps[] = {
    &kArgMax,    &kArgMin,       &kHardmax,         &kLogSoftmax,      &kReduceL1,
    &kReduceL2,  &kReduceLogSum, &kReduceLogSumExp, &kReduceMax,       &kReduceMean,
    &kReduceMin, &kReduceProd,   &kReduceSum,       &kReduceSumSquare, &kSoftmax,
};

}  // namespace

extern const OpFamily kReduceOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
