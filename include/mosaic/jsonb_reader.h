/*
 * A value of PostgreSQL's type jsonb, looked at without trust, as page_reader.h does with what is around it: the
 * server follows its lengths and offsets wherever they lead.  Plain C.
 * The layout is that of PostgreSQL 15 to 18 (utils/jsonb.h, numeric.c) on little-endian machines.
 */
#ifndef MOSAIC_JSONB_READER_H
#define MOSAIC_JSONB_READER_H

#include "mosaic/page_reader.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MOSAIC_JSONB_DEPTH 100 /* containers within each other: no value of the store comes near */

/*
 * Whether "length" bytes, a varlena header of 4 bytes included, are a jsonb: containers, keys and values end within
 * what they are part of and fill it, keys are strings in the server's order, numbers are numbers.
 * Where it is not, "damage" says why.  Reads nothing outside, allocates nothing.
 */
bool mosaic_jsonb_is_sound(const void *jsonb, size_t length, char damage[MOSAIC_DAMAGE_BYTES]);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_JSONB_READER_H */
