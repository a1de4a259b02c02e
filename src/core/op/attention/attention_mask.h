// Rows of what is added to the scores.
#pragma once

#include "core/op/attention/attention_core.h"

namespace mosaic {

// Whether all queries have the same row.
bool OneMaskRow(const AttentionShape& s);
// Keys [begin, end), of those of the range, of the row of query i, at row + begin.
void FillMaskRow(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                 int64_t head, int64_t i, int64_t begin, int64_t end, float* row);
// The mask itself where it is read in place (rows from query 0 on, *step apart); else null.
const float* DirectMask(const Call& c, const AttentionShape& s, const KeyRange& range, int64_t b,
                        int64_t head, int64_t* step);

}  // namespace mosaic
