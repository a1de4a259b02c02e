// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kRegexFullMatch;
extern const OpDef kStringConcat;
extern const OpDef kStringNormalizer;
extern const OpDef kStringSplit;
extern const OpDef kTfIdfVectorizer;

namespace {

const OpDef* const kOps[] = {
    &kRegexFullMatch, &kStringConcat, &kStringNormalizer, &kStringSplit, &kTfIdfVectorizer,
};

}  // namespace

extern const OpFamily kTextOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
