// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kConcat;
extern const OpDef kConstantOfShape;
extern const OpDef kExpand;
extern const OpDef kFlatten;
extern const OpDef kGather;
extern const OpDef kGatherElements;
extern const OpDef kGatherNd;
extern const OpDef kIdentity;
extern const OpDef kPad;
extern const OpDef kRange;
extern const OpDef kReshape;
extern const OpDef kScatter;
extern const OpDef kScatterElements;
extern const OpDef kScatterNd;
extern const OpDef kShape;
extern const OpDef kSize;
extern const OpDef kSlice;
extern const OpDef kSplit;
extern const OpDef kSqueeze;
extern const OpDef kTile;
extern const OpDef kTranspose;
extern const OpDef kUnsqueeze;

namespace {

const OpDef* const kOps[] = {
    &kConcat,
    &kConstantOfShape,
    &kExpand,
    &kFlatten,
    &kGather,
    &kGatherElements,
    &kGatherNd,
    &kIdentity,
    &kPad,
    &kRange,
    &kReshape,
    &kScatter,
    &kScatterElements,
    &kScatterNd,
    &kShape,
    &kSize,
    &kSlice,
    &kSplit,
    &kSqueeze,
    &kTile,
    &kTranspose,
    &kUnsqueeze,
};

}  // namespace

extern const OpFamily kArrayOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
