/*
 * near_index.h
 *		The index of near duplicates: LSH keys of blocks, in mosaic.near_key.
 *
 * An entry is a key and a block that has it, 8 bytes; they are there as long as
 * the block is.  A row holds up to 64 of them, ascending, from its column first
 * on to that of the next row: the leaves of a tree, of which the primary key is the
 * rest.  Entries only propose: what they find is compared, and blocks of another
 * domain or geometry are as unlikely as any chance, but possible.
 */
#ifndef MOSAIC_NEAR_INDEX_H
#define MOSAIC_NEAR_INDEX_H

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "mosaic/capi_near.h"

/* ---- writing, for one model; the caller holds the store's lock ---- */

typedef struct MosaicNearWriter MosaicNearWriter;

/* In the current memory context, to the end of which it must live. */
extern MosaicNearWriter *mosaic_near_writer_open(int32 domain);
/* Does what is still to be done.  Increments the command counter. */
extern void mosaic_near_writer_close(MosaicNearWriter *writer);

/*
 * A block has come to be (it is found when the writer is closed), or is gone; nothing is done where it
 * cannot have near duplicates.
 */
extern void mosaic_near_writer_add(MosaicNearWriter *writer, int32 block_id, MosaicGeometry geometry,
								   const void *payload);
extern void mosaic_near_writer_remove(MosaicNearWriter *writer, int32 block_id,
									  MosaicGeometry geometry, const void *payload);
/* The same for a block whose payload was lost. */
extern void mosaic_near_writer_remove_lost(MosaicNearWriter *writer, int32 block_id,
										   MosaicGeometry geometry);

/* ---- reading ---- */

typedef struct MosaicNearReader
{
	Relation	rel;
	Relation	pkey;
	Snapshot	snapshot;
	MosaicNear *maker;			/* of keys; freed with the memory context of opening */
} MosaicNearReader;

extern void mosaic_near_reader_open(MosaicNearReader *reader, int32 domain, Snapshot snapshot);
extern void mosaic_near_reader_close(MosaicNearReader *reader);

/* keys: MOSAIC_NEAR_TABLES of a block, 0 where it has none. */
extern void mosaic_near_keys_of(MosaicNearReader *reader, MosaicGeometry geometry, const void *payload,
								int32 *keys);

/* Calls fn for the blocks with this key, by ascending id, until it returns false. */
typedef bool (*MosaicNearFn) (int32 block_id, void *arg);
extern void mosaic_near_probe(MosaicNearReader *reader, int32 key, MosaicNearFn fn, void *arg);

/* ---- all entries ---- */

/* Calls fn for the block of each entry of a sound row of mosaic.near_key; what it returns says nothing. */
extern void mosaic_near_entries(Relation rel, HeapTuple row, MosaicNearFn fn, void *arg);
/* Deletes the entries for whose block fn returns false.  The caller holds the store's lock. */
extern void mosaic_near_sweep(Snapshot snapshot, MosaicNearFn fn, void *arg);

#endif
