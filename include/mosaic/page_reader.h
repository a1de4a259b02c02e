/*
 * Bytes from disk, looked at without trust: the pages of PostgreSQL's tables, their rows, and what
 * the rows of the store hold.  Plain C, so that a fuzz target can call it (test/fuzz).
 *
 * Nothing here reads outside the bytes that it is given, allocates, or fails: what is not as it
 * should be is said in words, for whoever names table, page and line beside them.
 * The layouts are those of PostgreSQL 15 to 18 on little-endian machines (storage/bufpage.h,
 * access/htup_details.h, varatt.h); src/pg/store/row.c asserts that they are the server's.
 */
#ifndef MOSAIC_PAGE_READER_H
#define MOSAIC_PAGE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mosaic/page_format.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MOSAIC_PAGE_BYTES 8192
#define MOSAIC_PAGE_HEADER 24
#define MOSAIC_MAX_LINES 291 /* rows of a page: MaxHeapTuplesPerPage */
#define MOSAIC_ROW_HEADER 23 /* of a row, without the bitmap of NULLs */

/* ---- Pages ---- */

static inline uint16_t mosaic_disk_u16(const void *p) {
  uint16_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline uint32_t mosaic_disk_u32(const void *p) {
  uint32_t v;
  memcpy(&v, p, sizeof v);
  return v;
}

/* Number of line pointers; 0 where the page is new, or says that it has more than a page can have. */
static inline unsigned mosaic_page_lines(const void *page) {
  const unsigned lower = mosaic_disk_u16((const char *)page + 12);
  const unsigned n = lower <= MOSAIC_PAGE_HEADER ? 0 : (lower - MOSAIC_PAGE_HEADER) / 4;
  return n > MOSAIC_MAX_LINES ? 0 : n;
}

typedef enum MosaicLine {
  MOSAIC_LINE_EMPTY,  /* unused, dead, or leads to another line: no row here */
  MOSAIC_LINE_ROW,    /* a row, all of which is on the page */
  MOSAIC_LINE_DAMAGED /* a row that would lie outside the page */
} MosaicLine;

/* What line pointer "line" (from 1) leads to; of a row, where on the page it is and its length. */
static inline MosaicLine mosaic_page_line(const void *page, unsigned line, uint32_t *offset,
                                          uint32_t *length) {
  uint32_t pointer, flags;
  *offset = *length = 0;
  if (line < 1 || line > mosaic_page_lines(page)) return MOSAIC_LINE_EMPTY;
  pointer = mosaic_disk_u32((const char *)page + MOSAIC_PAGE_HEADER + 4 * (line - 1));
  flags = pointer >> 15 & 3;
  if (flags != 1) return MOSAIC_LINE_EMPTY;
  *offset = pointer & 0x7fff;
  *length = pointer >> 17;
  if (*offset < MOSAIC_PAGE_HEADER + 4 * mosaic_page_lines(page) || *offset % 8 != 0 ||
      *length < MOSAIC_ROW_HEADER || *offset + *length > MOSAIC_PAGE_BYTES)
    return MOSAIC_LINE_DAMAGED;
  return MOSAIC_LINE_ROW;
}

/* Payload lengths that a block may have. */
#define MOSAIC_PAYLOAD_LENGTH_IS_VALID(len)                     \
  ((len) >= MOSAIC_MIN_PAYLOAD && (len) <= MOSAIC_MAX_PAYLOAD && \
   (len) % MOSAIC_TUPLE_ALIGN == 0)

/*
 * The payload of a row of "bytes" bytes that holds a block, and its block_id and length; NULL where it is
 * none of ours (damaged, other layout).  Says nothing about visibility: that is the caller's business.
 */
static inline const void *mosaic_row_payload(const void *row, uint32_t bytes, int32_t *block_id,
                                             uint32_t *length) {
  const char *p = (const char *)row;
  const uint32_t payload = bytes - MOSAIC_PAYLOAD_OFFSET;
  /* t_hoff; no NULLs; an uncompressed value with a header of 4 bytes, to the end of the row */
  if (bytes <= MOSAIC_PAYLOAD_OFFSET || !MOSAIC_PAYLOAD_LENGTH_IS_VALID(payload) ||
      (uint8_t)p[22] != 24 || (mosaic_disk_u16(p + 20) & 1) != 0 ||
      mosaic_disk_u32(p + 28) != (payload + 4) << 2)
    return NULL;
  memcpy(block_id, p + 24, sizeof *block_id);
  *length = payload;
  return p + MOSAIC_PAYLOAD_OFFSET;
}

/*
 * The same of the row at line pointer "line".  REQUIRES: the page is pinned.  The pointer is valid as long
 * as the pin; a row of which the caller's snapshot sees a live version does not move while
 * pinned, since moving it takes a cleanup lock.  32-byte aligned, as the page is.
 */
static inline const void *mosaic_page_payload(const void *page, unsigned line, int32_t *block_id,
                                              uint32_t *length) {
  uint32_t offset, bytes;
  if (mosaic_page_line(page, line, &offset, &bytes) != MOSAIC_LINE_ROW ||
      offset % MOSAIC_TUPLE_ALIGN != 0)
    return NULL;
  return mosaic_row_payload((const char *)page + offset, bytes, block_id, length);
}

/* ---- Rows ---- */

/* A column of a row, as pg_attribute describes it. */
typedef struct MosaicColumn {
  int16_t length; /* bytes; -1: a value of variable length (varlena) */
  uint8_t align;  /* 1, 2, 4 or 8 */
  bool not_null;
  bool may_lack; /* a row from before the column came has none */
} MosaicColumn;

#define MOSAIC_DAMAGE_BYTES 160 /* room for the words of any damage */

/*
 * Whether a row of "length" bytes is one of these columns: header, bitmap of NULLs, every value and its
 * header within the row, and nothing behind the last.  Compressed values claim no more than
 * their bytes can become, external ones are TOAST pointers that agree with themselves.
 * Where it is not, "damage" says why.
 */
bool mosaic_row_is_sound(const void *row, uint32_t length, const MosaicColumn *columns, int ncolumns,
                         char damage[MOSAIC_DAMAGE_BYTES]);

/* Most bytes that a compressed value (pglz or lz4) of so many bytes can become. */
static inline uint64_t mosaic_most_decompressed(uint64_t compressed) {
  return 255 * compressed + 64;
}

/* ---- What rows hold ---- */

typedef enum MosaicMapState { MOSAIC_MAP_SOUND, MOSAIC_MAP_DAMAGED, MOSAIC_MAP_NEWER } MosaicMapState;

/* A tensor's map, without its varlena header: its ids, not aligned, and their number. */
MosaicMapState mosaic_map_parse(const void *map, size_t length, const void **ids, uint32_t *n,
                                char damage[MOSAIC_DAMAGE_BYTES]);

/*
 * The elements of an array of PostgreSQL of at most one dimension and without NULLs, its varlena header of
 * 4 bytes included; NULL and why where it is another.
 */
const void *mosaic_array_parse(const void *array, size_t length, uint32_t element_type,
                               size_t element_bytes, uint32_t *n, char damage[MOSAIC_DAMAGE_BYTES]);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_PAGE_READER_H */
