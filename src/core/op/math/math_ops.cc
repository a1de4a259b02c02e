// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kAbs;
extern const OpDef kAcos;
extern const OpDef kAcosh;
extern const OpDef kAdd;
extern const OpDef kAnd;
extern const OpDef kAsin;
extern const OpDef kAsinh;
extern const OpDef kAtan;
extern const OpDef kAtanh;
extern const OpDef kBitShift;
extern const OpDef kBitwiseAnd;
extern const OpDef kBitwiseNot;
extern const OpDef kBitwiseOr;
extern const OpDef kBitwiseXor;
extern const OpDef kCast;
extern const OpDef kCastLike;
extern const OpDef kCeil;
extern const OpDef kCelu;
extern const OpDef kClip;
extern const OpDef kCos;
extern const OpDef kCosh;
extern const OpDef kDiv;
extern const OpDef kElu;
extern const OpDef kEqual;
extern const OpDef kErf;
extern const OpDef kExp;
extern const OpDef kFloor;
extern const OpDef kGelu;
extern const OpDef kGreater;
extern const OpDef kGreaterOrEqual;
extern const OpDef kHardSigmoid;
extern const OpDef kHardSwish;
extern const OpDef kIsInf;
extern const OpDef kIsNaN;
extern const OpDef kLeakyRelu;
extern const OpDef kLess;
extern const OpDef kLessOrEqual;
extern const OpDef kLog;
extern const OpDef kMax;
extern const OpDef kMean;
extern const OpDef kMin;
extern const OpDef kMish;
extern const OpDef kMod;
extern const OpDef kMul;
extern const OpDef kNeg;
extern const OpDef kNot;
extern const OpDef kOr;
extern const OpDef kPRelu;
extern const OpDef kPow;
extern const OpDef kReciprocal;
extern const OpDef kRelu;
extern const OpDef kRound;
extern const OpDef kSelu;
extern const OpDef kShrink;
extern const OpDef kSigmoid;
extern const OpDef kSign;
extern const OpDef kSin;
extern const OpDef kSinh;
extern const OpDef kSoftplus;
extern const OpDef kSoftsign;
extern const OpDef kSqrt;
extern const OpDef kSub;
extern const OpDef kSum;
extern const OpDef kSwish;
extern const OpDef kTan;
extern const OpDef kTanh;
extern const OpDef kThresholdedRelu;
extern const OpDef kWhere;
extern const OpDef kXor;

namespace {

const OpDef* const kOps[] = {
    &kAbs,
    &kAcos,
    &kAcosh,
    &kAdd,
    &kAnd,
    &kAsin,
    &kAsinh,
    &kAtan,
    &kAtanh,
    &kBitShift,
    &kBitwiseAnd,
    &kBitwiseNot,
    &kBitwiseOr,
    &kBitwiseXor,
    &kCast,
    &kCastLike,
    &kCeil,
    &kCelu,
    &kClip,
    &kCos,
    &kCosh,
    &kDiv,
    &kElu,
    &kEqual,
    &kErf,
    &kExp,
    &kFloor,
    &kGelu,
    &kGreater,
    &kGreaterOrEqual,
    &kHardSigmoid,
    &kHardSwish,
    &kIsInf,
    &kIsNaN,
    &kLeakyRelu,
    &kLess,
    &kLessOrEqual,
    &kLog,
    &kMax,
    &kMean,
    &kMin,
    &kMish,
    &kMod,
    &kMul,
    &kNeg,
    &kNot,
    &kOr,
    &kPRelu,
    &kPow,
    &kReciprocal,
    &kRelu,
    &kRound,
    &kSelu,
    &kShrink,
    &kSigmoid,
    &kSign,
    &kSin,
    &kSinh,
    &kSoftplus,
    &kSoftsign,
    &kSqrt,
    &kSub,
    &kSum,
    &kSwish,
    &kTan,
    &kTanh,
    &kThresholdedRelu,
    &kWhere,
    &kXor,
};

}  // namespace

extern const OpFamily kMathOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
