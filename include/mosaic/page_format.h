/*
 * The on-disk format of a block, shared by storage (C, src/pg) and kernels
 * (C++, src/core).  docs/page_format.md is the prose version with drawings.
 *
 * A model's weights are cut into blocks.  A block is one tuple of the table
 * mosaic.block, and its payload is an operand that kernels read in place:
 *
 *   tuple offset   0  heap tuple header, t_hoff = 24, no NULL bitmap
 *                 24  int4     block_id, never reused
 *                 28  uint32   varlena header of "data" (4 bytes, never short)
 *                 32  payload  length is a multiple of 32, 128 .. 8064 bytes
 *
 * Every tuple length is a multiple of MOSAIC_TUPLE_ALIGN (32).  heapam stacks
 * tuples downwards from the end of the page, so every payload is 32-byte
 * aligned in shared buffers, and blocks of 126 rows are 64-byte aligned.
 *
 * What a payload holds is said by its geometry, kept in mosaic.block_meta:
 *
 *   STRIP  the packed right-hand operand of a GEMM.  W (K x M) is cut into
 *          strips of 16 columns; a block is "rows" rows of 64 bytes of one
 *          strip: f32 k x 16; bf16 and f16 k-pairs x 16 x 2; int8 k-quads x 16 x 4.
 *          Rows are balanced over the K direction, the tails are zero.
 *   ROW    "rows" complete rows of "cols" elements, row-major, of a matrix
 *          N x D: tensors that are gathered by row, and with D = 1 every
 *          vector and anything else that is not a GEMM operand.  Payload is
 *          zero-filled up to the next multiple of 32 bytes (128 at least).
 *
 * A payload that is shorter than its geometry wants is a DELTA: the difference to another block of
 * that geometry and domain, its base, which is whole (MOSAIC_DELTA_HEADER below).
 *
 * When to raise MOSAIC_FORMAT_VERSION: docs/page_format.md, "Versions".
 */
#ifndef MOSAIC_PAGE_FORMAT_H
#define MOSAIC_PAGE_FORMAT_H

#include <stdint.h>

#define MOSAIC_FORMAT_VERSION 2
#define MOSAIC_FORMAT_WHOLE 1  /* what a store has until its first delta is written */
#define MOSAIC_FORMAT_DELTAS 2

#define MOSAIC_TUPLE_ALIGN 32     /* every tuple length is a multiple of this */
#define MOSAIC_PAYLOAD_OFFSET 32  /* payload within its tuple */
#define MOSAIC_MIN_PAYLOAD 128    /* shorter ones would get a 1-byte varlena header */
#define MOSAIC_ROW_BYTES 64       /* one row of a strip block */
#define MOSAIC_STRIP_COLS 16      /* columns of a strip */
#define MOSAIC_MAX_BLOCK_ROWS 126 /* 126 x 64 = 8064 bytes: one block fills one page */
#define MOSAIC_MAX_PAYLOAD (MOSAIC_MAX_BLOCK_ROWS * MOSAIC_ROW_BYTES)

/*
 * The default fills pages best: rows are balanced over K, and K = 784 then takes 6.5 pages a strip
 * where 126 takes 7, K = 1024 8.5 where 126 takes 9 (docs/page_format.md).
 */
#define MOSAIC_DEFAULT_BLOCK_HEIGHT 63

/* Block heights a store may have: 1, 2 or 4 blocks a page. */
#define MOSAIC_BLOCK_HEIGHT_IS_VALID(h) ((h) == 126 || (h) == 63 || (h) == 31)

/*
 * Element types, numbered as in ONNX's TensorProto.DataType.  A format constant:
 * never renumber.
 */
typedef enum MosaicDtype {
  MOSAIC_UNDEFINED = 0,
  MOSAIC_FLOAT = 1,
  MOSAIC_UINT8 = 2,
  MOSAIC_INT8 = 3,
  MOSAIC_UINT16 = 4,
  MOSAIC_INT16 = 5,
  MOSAIC_INT32 = 6,
  MOSAIC_INT64 = 7,
  MOSAIC_STRING = 8, /* of arrays of a run and constants; never in blocks */
  MOSAIC_BOOL = 9,
  MOSAIC_FLOAT16 = 10,
  MOSAIC_DOUBLE = 11,
  MOSAIC_UINT32 = 12,
  MOSAIC_UINT64 = 13,
  MOSAIC_BFLOAT16 = 16,
  MOSAIC_FLOAT8E4M3FN = 17,
  MOSAIC_FLOAT8E4M3FNUZ = 18,
  MOSAIC_FLOAT8E5M2 = 19,
  MOSAIC_FLOAT8E5M2FNUZ = 20,
  MOSAIC_UINT4 = 21, /* in arrays of a run: one element a byte */
  MOSAIC_INT4 = 22,
  MOSAIC_FLOAT4E2M1 = 23, /* one element a byte, as those of 2 bits are */
  MOSAIC_FLOAT8E8M0 = 24,
  MOSAIC_UINT2 = 25,
  MOSAIC_INT2 = 26,
  MOSAIC_SEQUENCE = 100 /* of arrays, in a run only; not an ONNX number */
} MosaicDtype;

/* How a tensor's elements are arranged in its blocks.  A format constant. */
typedef enum MosaicLayout {
  MOSAIC_LAYOUT_INLINE = 0, /* small: no block, the bytes are in mosaic.tensor.value */
  MOSAIC_LAYOUT_STRIP = 1,
  MOSAIC_LAYOUT_ROW = 2
} MosaicLayout;

/*
 * Geometry of one block.  Blocks are shared only when geometry and payload are
 * equal.  Packed into one int8 as dtype | layout << 8 | rows << 16 | cols << 32.
 *   STRIP: rows = 64-byte rows, cols = 16.   ROW: rows x cols elements.
 */
typedef struct MosaicGeometry {
  uint8_t dtype;  /* MosaicDtype as stored */
  uint8_t layout; /* MosaicLayout */
  uint16_t rows;
  uint32_t cols;
} MosaicGeometry;

static inline uint64_t mosaic_geometry_pack(MosaicGeometry g) {
  return (uint64_t)g.dtype | (uint64_t)g.layout << 8 | (uint64_t)g.rows << 16 |
         (uint64_t)g.cols << 32;
}

static inline MosaicGeometry mosaic_geometry_unpack(uint64_t v) {
  MosaicGeometry g;
  g.dtype = (uint8_t)v;
  g.layout = (uint8_t)(v >> 8);
  g.rows = (uint16_t)(v >> 16);
  g.cols = (uint32_t)(v >> 32);
  return g;
}

/*
 * A delta's payload, little endian; docs/page_format.md tells what it means.
 *   0  uint32 checksum: lower half of XXH3-64 of all that follows    4  int32 block_id of the base
 *   8  uint16 bytes of the whole payload   10  uint8 kind
 * Lossless:                                11  uint8 bytes of an element, 2 or 4
 *  12  uint16 number of exceptions   14  uint8 largest exponent   15  uint8 number of classes, 1 .. 32
 *  16  uint8 width[classes]; 4 bits for each 16 elements; exceptions; packed bits; zero up to a multiple of 32
 * Of few bits:                             11  uint8 type of an element, a MosaicDtype
 *  12  uint8 bits of a code, 1, 2, 4 or 8  13  uint8 scales: 0 of columns, 1 of runs  14  uint16 number of scales
 *  16  bfloat16 scale[]; codes; zero up to a multiple of 32
 */
#define MOSAIC_DELTA_HEADER 16
#define MOSAIC_DELTA_LOSSLESS 1
#define MOSAIC_DELTA_LOW_BITS 2

/*
 * A tensor's map: mosaic.tensor.map (bytea), little endian.
 *   0  uint32 MOSAIC_MAP_MAGIC    4  uint16 version    6  uint16 zero
 *   8  uint32 number of blocks   12  uint32 block_id[number of blocks]
 * Order: STRIP: strip-major (strip * row_blocks + row_block); ROW: row-major
 * (row_block * col_blocks + col_block).
 *
 * Beside it, mosaic.tensor.places (bytea or NULL): where each block was seen
 * last, 6 bytes each, an ItemPointerData: uint16 upper and lower half of the
 * page number, uint16 line pointer.  Only a hint: a reader checks that the tuple
 * there carries the block_id, and looks it up otherwise.
 */
#define MOSAIC_MAP_MAGIC 0x50414d4dU /* "MMAP" */
#define MOSAIC_MAP_VERSION 1
#define MOSAIC_MAP_HEADER 12
#define MOSAIC_PLACE_BYTES 6

#endif /* MOSAIC_PAGE_FORMAT_H */
