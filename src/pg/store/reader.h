/*
 * reader.h
 *		Blocks: finding and pinning them.
 *
 * Where a block lies, and in which buffer its page is, are hints of the caller:
 * a wrong one costs time, never an error.
 */
#ifndef MOSAIC_READER_H
#define MOSAIC_READER_H

#include "storage/block.h"
#include "storage/buf.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/resowner.h"

typedef struct MosaicReader
{
	Relation	rel;			/* mosaic.block */
	Relation	index;			/* its primary key; opened when first needed */
	BlockNumber npages;			/* of rel, when last asked */
	BufferAccessStrategy ring;	/* that pages are read into, or NULL */
	Buffer		held;			/* a page of rel that the caller has pinned, or InvalidBuffer */
} MosaicReader;

extern void mosaic_reader_open(MosaicReader *reader);
/* The relation locks stay to the end of the transaction: pinned pages may outlive the reader. */
extern void mosaic_reader_close(MosaicReader *reader);

/*
 * Pins the page of a block under owner, and returns its payload of exactly
 * length bytes.  *place is where to look first; it is corrected where the block
 * lies elsewhere.  The payload stays valid and in place while the pin is held:
 * pages are compacted only under a cleanup lock.  A block on the page that is held
 * (reader->held) gets no pin of its own: *buffer is InvalidBuffer.  An error where
 * the block does not exist.
 */
extern const void *mosaic_read_block(MosaicReader *reader, int32 block_id, uint32 length,
									 ItemPointer place, ResourceOwner owner, Buffer *buffer);

/* The same, but NULL where the block does not exist, or has another length. */
extern const void *mosaic_find_block(MosaicReader *reader, int32 block_id, uint32 length,
									 ItemPointer place, ResourceOwner owner, Buffer *buffer);

/*
 * The same, but only where the block is at place and that page in the buffer seen_in,
 * which spares the look-up in the buffer table; else NULL, with nothing read or pinned.
 */
extern const void *mosaic_recent_block(MosaicReader *reader, int32 block_id, uint32 length,
									   ItemPointer place, Buffer seen_in, ResourceOwner owner,
									   Buffer *buffer);
/* Brings what that call will touch into the processor's cache. */
extern void mosaic_prefetch_recent(ItemPointer place, uint32 length, Buffer seen_in);

#endif
