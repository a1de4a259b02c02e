// Decompression of pglz, PostgreSQL's own compression: features are often stored so (TOAST).
//
// The format (src/common/pg_lzcompress.c of PostgreSQL): a control byte, then eight items, one for
// each of its bits from the lowest: 0 is a literal byte; 1 is a match of 2 or 3 bytes,
//   byte 0: offset / 256 in the high half, min(length, 18) - 3 in the low one;
//   byte 1: offset % 256;
//   byte 2, where the low half of byte 0 is 15: length - 18.
// A match repeats `length` bytes from `offset` bytes back, and may overlap what it writes. The last
// control byte may have bits to spare.
//
// PostgreSQL's own function goes byte by byte for literals and calls memcpy for each match; this
// one takes runs of literals at once and copies in words.
#ifndef MOSAIC_CODEC_PGLZ_H_
#define MOSAIC_CODEC_PGLZ_H_

#include <cstddef>
#include <cstdint>

namespace mosaic {

// Bytes behind the output that may be overwritten with anything.
constexpr size_t kPglzSlack = 16;

// Decompresses all of in to exactly out_size bytes; false where it is not that, or damaged.
// Reads nothing but in[0 .. in_size). REQUIRES: room for out_size + kPglzSlack bytes at out.
bool PglzDecompress(const uint8_t* in, size_t in_size, uint8_t* out, size_t out_size);

}  // namespace mosaic

#endif  // MOSAIC_CODEC_PGLZ_H_
