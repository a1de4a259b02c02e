// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kAffineGrid;
extern const OpDef kDeformConv;
extern const OpDef kGridSample;
extern const OpDef kMaxRoiPool;
extern const OpDef kResize;
extern const OpDef kRoiAlign;

namespace {

const OpDef* const kOps[] = {
    &kAffineGrid, &kDeformConv, &kGridSample, &kMaxRoiPool, &kResize, &kRoiAlign,
};

}  // namespace

extern const OpFamily kSpatialOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
