/*
 * near_index.h
 *		The index of near duplicates: LSH keys of blocks, in mosaic.near_key.
 *
 * A row per block that may have near duplicates, there as long as the block is;
 * a btree per key.  Keys only propose: what they find is compared, and blocks of
 * another domain or geometry are as unlikely as any chance, but possible.
 */
#ifndef MOSAIC_NEAR_INDEX_H
#define MOSAIC_NEAR_INDEX_H

#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "mosaic/capi_near.h"

/* ---- writing, for one model; the caller holds the store's lock ---- */

typedef struct MosaicNearWriter MosaicNearWriter;

/* In the current memory context, to the end of which it must live. */
extern MosaicNearWriter *mosaic_near_writer_open(Snapshot snapshot, int32 domain);
extern void mosaic_near_writer_close(MosaicNearWriter *writer);

/*
 * A block has come to be (it is found when the writer is closed), or is gone; nothing is done where it
 * cannot have near duplicates.
 */
extern void mosaic_near_writer_add(MosaicNearWriter *writer, int32 block_id, MosaicGeometry geometry,
								   const void *payload);
extern void mosaic_near_writer_remove(MosaicNearWriter *writer, int32 block_id,
									  MosaicGeometry geometry);

/* ---- reading ---- */

typedef struct MosaicNearReader
{
	Relation	rel;
	Relation	pkey;
	Relation	indexes[MOSAIC_NEAR_TABLES];
	Snapshot	snapshot;
} MosaicNearReader;

extern void mosaic_near_reader_open(MosaicNearReader *reader, Snapshot snapshot);
extern void mosaic_near_reader_close(MosaicNearReader *reader);

/* keys: MOSAIC_NEAR_TABLES of a block, 0 where it has none. */
extern void mosaic_near_keys_of(MosaicNearReader *reader, int32 block_id, int32 *keys);

/* Calls fn for the blocks with this key, by ascending id, until it returns false. */
typedef bool (*MosaicNearFn) (int32 block_id, void *arg);
extern void mosaic_near_probe(MosaicNearReader *reader, int table, int32 key, MosaicNearFn fn, void *arg);

#endif
