// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kArgMax;
extern const OpDef kArgMin;
extern const OpDef kLogSoftmax;
extern const OpDef kReduceL2;
extern const OpDef kReduceMax;
extern const OpDef kReduceMean;
extern const OpDef kReduceMin;
extern const OpDef kReduceProd;
extern const OpDef kReduceSum;
extern const OpDef kReduceSumSquare;
extern const OpDef kSoftmax;

namespace {

const OpDef* const kOps[] = {
    &kArgMax,
    &kArgMin,
    &kLogSoftmax,
    &kReduceL2,
    &kReduceMax,
    &kReduceMean,
    &kReduceMin,
    &kReduceProd,
    &kReduceSum,
    &kReduceSumSquare,
    &kSoftmax,
};

}  // namespace

extern const OpFamily kReduceOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
