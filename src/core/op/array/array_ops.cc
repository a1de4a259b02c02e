// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kBitCast;
extern const OpDef kCenterCropPad;
extern const OpDef kCol2Im;
extern const OpDef kCompress;
extern const OpDef kConcat;
extern const OpDef kConcatFromSequence;
extern const OpDef kConstantOfShape;
extern const OpDef kCumProd;
extern const OpDef kCumSum;
extern const OpDef kDepthToSpace;
extern const OpDef kExpand;
extern const OpDef kEyeLike;
extern const OpDef kFlatten;
extern const OpDef kGather;
extern const OpDef kGatherElements;
extern const OpDef kGatherNd;
extern const OpDef kIdentity;
extern const OpDef kNonMaxSuppression;
extern const OpDef kNonZero;
extern const OpDef kOneHot;
extern const OpDef kOptional;
extern const OpDef kOptionalGetElement;
extern const OpDef kOptionalHasElement;
extern const OpDef kPad;
extern const OpDef kRange;
extern const OpDef kReshape;
extern const OpDef kReverseSequence;
extern const OpDef kScatterElements;
extern const OpDef kScatterNd;
extern const OpDef kSequenceAt;
extern const OpDef kSequenceConstruct;
extern const OpDef kSequenceEmpty;
extern const OpDef kSequenceErase;
extern const OpDef kSequenceInsert;
extern const OpDef kSequenceLength;
extern const OpDef kShape;
extern const OpDef kSize;
extern const OpDef kSlice;
extern const OpDef kSpaceToDepth;
extern const OpDef kSplit;
extern const OpDef kSplitToSequence;
extern const OpDef kSqueeze;
extern const OpDef kTensorScatter;
extern const OpDef kTile;
extern const OpDef kTopK;
extern const OpDef kTranspose;
extern const OpDef kTrilu;
extern const OpDef kUnique;
extern const OpDef kUnsqueeze;

namespace {

const OpDef* const kOps[] = {
    &kBitCast,
    &kCenterCropPad,
    &kCol2Im,
    &kCompress,
    &kConcat,
    &kConcatFromSequence,
    &kConstantOfShape,
    &kCumProd,
    &kCumSum,
    &kDepthToSpace,
    &kExpand,
    &kEyeLike,
    &kFlatten,
    &kGather,
    &kGatherElements,
    &kGatherNd,
    &kIdentity,
    &kNonMaxSuppression,
    &kNonZero,
    &kOneHot,
    &kOptional,
    &kOptionalGetElement,
    &kOptionalHasElement,
    &kPad,
    &kRange,
    &kReshape,
    &kReverseSequence,
    &kScatterElements,
    &kScatterNd,
    &kSequenceAt,
    &kSequenceConstruct,
    &kSequenceEmpty,
    &kSequenceErase,
    &kSequenceInsert,
    &kSequenceLength,
    &kShape,
    &kSize,
    &kSlice,
    &kSpaceToDepth,
    &kSplit,
    &kSplitToSequence,
    &kSqueeze,
    &kTensorScatter,
    &kTile,
    &kTopK,
    &kTranspose,
    &kTrilu,
    &kUnique,
    &kUnsqueeze,
};

}  // namespace

extern const OpFamily kArrayOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
