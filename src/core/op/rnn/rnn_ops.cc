// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kGru;
extern const OpDef kLstm;
extern const OpDef kRnn;

namespace {

const OpDef* const kOps[] = {
    &kGru,
    &kLstm,
    &kRnn,
};

}  // namespace

extern const OpFamily kRnnOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
