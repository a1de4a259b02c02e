// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kAbs;
extern const OpDef kAdd;
extern const OpDef kAnd;
extern const OpDef kCast;
extern const OpDef kCeil;
extern const OpDef kClip;
extern const OpDef kCos;
extern const OpDef kDiv;
extern const OpDef kElu;
extern const OpDef kEqual;
extern const OpDef kErf;
extern const OpDef kExp;
extern const OpDef kFloor;
extern const OpDef kGreater;
extern const OpDef kGreaterOrEqual;
extern const OpDef kHardSigmoid;
extern const OpDef kLeakyRelu;
extern const OpDef kLess;
extern const OpDef kLessOrEqual;
extern const OpDef kLog;
extern const OpDef kMax;
extern const OpDef kMin;
extern const OpDef kMul;
extern const OpDef kNeg;
extern const OpDef kNot;
extern const OpDef kOr;
extern const OpDef kPow;
extern const OpDef kReciprocal;
extern const OpDef kRelu;
extern const OpDef kSelu;
extern const OpDef kSigmoid;
extern const OpDef kSign;
extern const OpDef kSin;
extern const OpDef kSoftplus;
extern const OpDef kSqrt;
extern const OpDef kSub;
extern const OpDef kTanh;
extern const OpDef kWhere;
extern const OpDef kXor;

namespace {

const OpDef* const kOps[] = {
    &kAbs,
    &kAdd,
    &kAnd,
    &kCast,
    &kCeil,
    &kClip,
    &kCos,
    &kDiv,
    &kElu,
    &kEqual,
    &kErf,
    &kExp,
    &kFloor,
    &kGreater,
    &kGreaterOrEqual,
    &kHardSigmoid,
    &kLeakyRelu,
    &kLess,
    &kLessOrEqual,
    &kLog,
    &kMax,
    &kMin,
    &kMul,
    &kNeg,
    &kNot,
    &kOr,
    &kPow,
    &kReciprocal,
    &kRelu,
    &kSelu,
    &kSigmoid,
    &kSign,
    &kSin,
    &kSoftplus,
    &kSqrt,
    &kSub,
    &kTanh,
    &kWhere,
    &kXor,
};

}  // namespace

extern const OpFamily kMathOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
