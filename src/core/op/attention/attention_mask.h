// Rows of what is added to the scores.
#pragma once

#include "core/op/attention/attention_core.h"

namespace mosaic {

// Whether all queries have the same row.
bool OneMaskRow(const AttentionShape& s);
// The row of query i over the keys of the range.
void FillMaskRow(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                 int64_t head, int64_t i, float* row);
// The mask itself where it is read in place (rows from query 0 on, *step apart); else null.
const float* DirectMask(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                        int64_t head, int64_t* step);

}  // namespace mosaic
