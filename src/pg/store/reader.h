/*
 * reader.h
 *		Blocks: finding and pinning them, and making those that are stored as deltas.
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

#include "compat.h"

typedef struct MosaicReader
{
	MemoryContext cxt;			/* of what is allocated on the way: the current one at opening */
	Relation	rel;			/* mosaic.block */
	Relation	index;			/* its primary key; opened when first needed */
	BlockNumber npages;			/* of rel, when last asked */
	BufferAccessStrategy ring;	/* that pages are read into, or NULL */
	Buffer		held;			/* a page of rel that the caller has pinned, or InvalidBuffer */
	char	   *made[2];		/* the last two blocks that were made of deltas */
	int			next_made;
} MosaicReader;

extern void mosaic_reader_open(MosaicReader *reader);
/* Opens the index now, not when it is first needed: for whoever reads blocks in subtransactions. */
extern void mosaic_reader_open_index(MosaicReader *reader);
/* The relation locks stay to the end of the transaction: pinned pages may outlive the reader. */
extern void mosaic_reader_close(MosaicReader *reader);

/*
 * Pins the page of a block under owner, and returns its payload of exactly
 * length bytes.  *place is where to look first; it is corrected where the block
 * lies elsewhere.  The payload stays valid and in place while the pin is held:
 * pages are compacted only under a cleanup lock.  A block on the page that is held
 * (reader->held) gets no pin of its own: *buffer is InvalidBuffer.  An error where
 * the block does not exist, or is a damaged delta.
 *
 * A block that is stored as a delta is made anew: the payload is the reader's then, and valid until
 * the second one after it is made, or reader->cxt ends.
 */
extern const void *mosaic_read_block(MosaicReader *reader, int32 block_id, uint32 length,
									 ItemPointer place, ResourceOwner owner, Buffer *buffer);

/* The same, but NULL where the block does not exist, has another length, or cannot be made. */
extern const void *mosaic_find_block(MosaicReader *reader, int32 block_id, uint32 length,
									 ItemPointer place, ResourceOwner owner, Buffer *buffer);

/*
 * What is stored of a block of so many bytes: all of them, or a delta, which is shorter (*stored).  Else
 * as mosaic_read_block.
 */
extern const void *mosaic_read_stored(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
									  ResourceOwner owner, Buffer *buffer, uint32 *stored);

/*
 * Makes a block of its delta; base_place is where to look for the base first, and base_buffer, unless NULL, the
 * buffer where that page may be; both are corrected.  False where either is damaged or missing.  out: 32-byte
 * aligned.
 */
extern bool mosaic_make_block(MosaicReader *reader, const void *delta, uint32 stored, uint32 length,
							  ItemPointer base_place, Buffer *base_buffer, void *out);
/*
 * A base, which is always whole: as mosaic_find_block, but NULL where it is a delta; seen_in is the buffer where its page
 * may be, or InvalidBuffer.
 */
extern const void *mosaic_find_base(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place, Buffer seen_in,
									ResourceOwner owner, Buffer *buffer);
/* XX001 in the words used everywhere. */
pg_noreturn extern void mosaic_delta_is_damaged(int32 block_id);

/*
 * What mosaic_read_stored finds, but only where the block is at place and that page in the buffer seen_in,
 * which spares the look-up in the buffer table; else NULL, with nothing read or pinned.
 */
extern const void *mosaic_recent_block(MosaicReader *reader, int32 block_id, uint32 length,
									   ItemPointer place, Buffer seen_in, ResourceOwner owner,
									   Buffer *buffer, uint32 *stored);
/* What is stored of a block, or in the reader's memory what its delta makes (the last two of them); NULL where that is damaged. */
extern const void *mosaic_whole_block(MosaicReader *reader, const void *stored_payload, uint32 stored, uint32 length);
/* Gives back a pin that was taken under owner; nothing where buffer is InvalidBuffer. */
extern void mosaic_release_pin(Buffer buffer, ResourceOwner owner);

/* Brings what that call will touch into the processor's cache. */
extern void mosaic_prefetch_recent(ItemPointer place, uint32 length, Buffer seen_in);
/* Likewise so many lines of a tuple itself, where its page was fetched so before; the processor follows a stream that was begun. */
extern void mosaic_prefetch_tuple(ItemPointer place, Buffer seen_in, int lines);

#endif
