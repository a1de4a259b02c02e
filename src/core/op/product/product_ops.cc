// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kGemm;
extern const OpDef kMatMul;

namespace {

const OpDef* const kOps[] = {
    &kGemm,
    &kMatMul,
};

}  // namespace

extern const OpFamily kProductOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
