// The operators of this folder. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/family.h"

namespace mosaic {

extern const OpDef kAttention;
extern const OpDef kGroupQueryAttention;
extern const OpDef kLinearAttention;
extern const OpDef kMicrosoftAttention;
extern const OpDef kMicrosoftRotaryEmbedding;
extern const OpDef kMultiHeadAttention;
extern const OpDef kRotaryEmbedding;

namespace {

const OpDef* const kOps[] = {
    &kAttention,          &kGroupQueryAttention,      &kLinearAttention,
    &kMicrosoftAttention, &kMicrosoftRotaryEmbedding, &kMultiHeadAttention,
    &kRotaryEmbedding,
};

}  // namespace

extern const OpFamily kAttentionOps = {std::begin(kOps), std::end(kOps)};

}  // namespace mosaic
