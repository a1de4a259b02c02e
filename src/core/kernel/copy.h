// Copies of rows: for Concat, Split, Slice, Pad, Expand and Gather.
#pragma once

#include <cstdint>

namespace mosaic {

// Rows of row_bytes bytes, from_step and to_step bytes apart (from_step may be 0, or negative).
// They do not overlap.
void CopyRows(const void* from, int64_t from_step, void* to, int64_t to_step, int64_t row_bytes,
              int64_t rows);

// Row i of `to` is row index[i] of the table, one after another. REQUIRES: indices are within the
// table; negative ones are resolved by the caller.
void GatherRows(const void* table, int64_t row_bytes, const int64_t* index, int64_t n, void* to);
void GatherRows(const void* table, int64_t row_bytes, const int32_t* index, int64_t n, void* to);

}  // namespace mosaic
