// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kDet;
extern const OpDef kEinsum;
extern const OpDef kFusedMatMul;
extern const OpDef kGemm;
extern const OpDef kMatMul;

namespace {

const OpDef* const kOps[] = {
    &kDet,
    &kEinsum,
    &kFusedMatMul,
    &kGemm,
    &kMatMul,
};

}  // namespace

extern const OpFamily kProductOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
