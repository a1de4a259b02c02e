// The table of operators. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/op.h"

namespace mosaic {

extern const OpDef kAbs;
extern const OpDef kAdd;
extern const OpDef kAnd;
extern const OpDef kArgMax;
extern const OpDef kArgMin;
extern const OpDef kBatchNormalization;
extern const OpDef kCast;
extern const OpDef kCeil;
extern const OpDef kClip;
extern const OpDef kConcat;
extern const OpDef kConstantOfShape;
extern const OpDef kCos;
extern const OpDef kDiv;
extern const OpDef kDropout;
extern const OpDef kElu;
extern const OpDef kEqual;
extern const OpDef kErf;
extern const OpDef kExp;
extern const OpDef kExpand;
extern const OpDef kFlatten;
extern const OpDef kFloor;
extern const OpDef kGather;
extern const OpDef kGemm;
extern const OpDef kGlobalAveragePool;
extern const OpDef kGreater;
extern const OpDef kGreaterOrEqual;
extern const OpDef kHardSigmoid;
extern const OpDef kIdentity;
extern const OpDef kLayerNormalization;
extern const OpDef kLeakyRelu;
extern const OpDef kLess;
extern const OpDef kLessOrEqual;
extern const OpDef kLog;
extern const OpDef kLogSoftmax;
extern const OpDef kMatMul;
extern const OpDef kMax;
extern const OpDef kMin;
extern const OpDef kMul;
extern const OpDef kNeg;
extern const OpDef kNot;
extern const OpDef kOr;
extern const OpDef kPow;
extern const OpDef kRange;
extern const OpDef kReciprocal;
extern const OpDef kReduceL2;
extern const OpDef kReduceMax;
extern const OpDef kReduceMean;
extern const OpDef kReduceMin;
extern const OpDef kReduceProd;
extern const OpDef kReduceSum;
extern const OpDef kReduceSumSquare;
extern const OpDef kRelu;
extern const OpDef kReshape;
extern const OpDef kSelu;
extern const OpDef kShape;
extern const OpDef kSigmoid;
extern const OpDef kSign;
extern const OpDef kSin;
extern const OpDef kSize;
extern const OpDef kSlice;
extern const OpDef kSoftmax;
extern const OpDef kSoftplus;
extern const OpDef kSplit;
extern const OpDef kSqrt;
extern const OpDef kSqueeze;
extern const OpDef kSub;
extern const OpDef kTanh;
extern const OpDef kTile;
extern const OpDef kTranspose;
extern const OpDef kUnsqueeze;
extern const OpDef kWhere;
extern const OpDef kXor;

namespace {

const OpDef* const kOps[] = {
    &kAbs,
    &kAdd,
    &kAnd,
    &kArgMax,
    &kArgMin,
    &kBatchNormalization,
    &kCast,
    &kCeil,
    &kClip,
    &kConcat,
    &kConstantOfShape,
    &kCos,
    &kDiv,
    &kDropout,
    &kElu,
    &kEqual,
    &kErf,
    &kExp,
    &kExpand,
    &kFlatten,
    &kFloor,
    &kGather,
    &kGemm,
    &kGlobalAveragePool,
    &kGreater,
    &kGreaterOrEqual,
    &kHardSigmoid,
    &kIdentity,
    &kLayerNormalization,
    &kLeakyRelu,
    &kLess,
    &kLessOrEqual,
    &kLog,
    &kLogSoftmax,
    &kMatMul,
    &kMax,
    &kMin,
    &kMul,
    &kNeg,
    &kNot,
    &kOr,
    &kPow,
    &kRange,
    &kReciprocal,
    &kReduceL2,
    &kReduceMax,
    &kReduceMean,
    &kReduceMin,
    &kReduceProd,
    &kReduceSum,
    &kReduceSumSquare,
    &kRelu,
    &kReshape,
    &kSelu,
    &kShape,
    &kSigmoid,
    &kSign,
    &kSin,
    &kSize,
    &kSlice,
    &kSoftmax,
    &kSoftplus,
    &kSplit,
    &kSqrt,
    &kSqueeze,
    &kSub,
    &kTanh,
    &kTile,
    &kTranspose,
    &kUnsqueeze,
    &kWhere,
    &kXor,
};

}  // namespace

const std::vector<const OpDef*>& AllOps() {
  static const auto* const ops =
      new std::vector<const OpDef*>(std::begin(kOps), std::end(kOps));  // never destroyed
  return *ops;
}

const OpDef* FindOp(const std::string& op_type, int opset) {
  for (const OpDef* def : AllOps()) {
    if (op_type == def->op_type && opset >= def->min_opset && opset <= def->max_opset) return def;
  }
  return nullptr;
}

}  // namespace mosaic
