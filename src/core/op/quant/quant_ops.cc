// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kConvInteger;
extern const OpDef kDequantizeLinear;
extern const OpDef kDynamicQuantizeLinear;
extern const OpDef kMatMulInteger;
extern const OpDef kMatMulNBits;
extern const OpDef kMicrosoftDequantizeLinear;
extern const OpDef kMicrosoftQuantizeLinear;
extern const OpDef kQLinearConv;
extern const OpDef kQLinearMatMul;
extern const OpDef kQuantizeLinear;

namespace {

const OpDef* const kOps[] = {
    &kConvInteger,
    &kDequantizeLinear,
    &kDynamicQuantizeLinear,
    &kMatMulInteger,
    &kMatMulNBits,
    &kMicrosoftDequantizeLinear,
    &kMicrosoftQuantizeLinear,
    &kQLinearConv,
    &kQLinearMatMul,
    &kQuantizeLinear,
};

}  // namespace

extern const OpFamily kQuantOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
