// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kIf;
extern const OpDef kLoop;
extern const OpDef kScan;

namespace {

const OpDef* const kOps[] = {
    &kIf,
    &kLoop,
    &kScan,
};

}  // namespace

extern const OpFamily kControlOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
