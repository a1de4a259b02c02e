// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kBiasGelu;
extern const OpDef kFastGelu;
extern const OpDef kMicrosoftGelu;
extern const OpDef kQuickGelu;
extern const OpDef kSkipLayerNormalization;
extern const OpDef kSkipSimplifiedLayerNormalization;
extern const OpDef kTokenizer;

namespace {

const OpDef* const kOps[] = {
    &kBiasGelu,
    &kFastGelu,
    &kMicrosoftGelu,
    &kQuickGelu,
    &kSkipLayerNormalization,
    &kSkipSimplifiedLayerNormalization,
    &kTokenizer,
};

}  // namespace

extern const OpFamily kMicrosoftOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
