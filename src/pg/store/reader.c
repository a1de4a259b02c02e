/*
 * reader.c
 *		Blocks: finding and pinning them, and making those that are stored as deltas.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "mosaic/capi_delta.h"
#include "mosaic_am.h"
#include "reader.h"

void
mosaic_reader_open(MosaicReader *reader)
{
	reader->cxt = CurrentMemoryContext;
	reader->made[0] = reader->made[1] = NULL;
	reader->next_made = 0;
	reader->rel = table_open(mosaic_relid("block"), AccessShareLock);
	reader->index = NULL;
	reader->npages = RelationGetNumberOfBlocks(reader->rel);
	reader->ring = NULL;
	reader->held = InvalidBuffer;
}

void
mosaic_reader_open_index(MosaicReader *reader)
{
	if (reader->index == NULL)
		reader->index = index_open(mosaic_relid("block_pkey"), AccessShareLock);
}

void
mosaic_reader_close(MosaicReader *reader)
{
	if (reader->index)
		index_close(reader->index, NoLock);
	table_close(reader->rel, NoLock);
}

/* The page, pinned; only from the buffer seen_in if that is one. */
static Buffer
pin_page(MosaicReader *reader, BlockNumber page, Buffer seen_in)
{
	if (!BufferIsValid(seen_in))
		return ReadBufferExtended(reader->rel, MAIN_FORKNUM, page, RBM_NORMAL, reader->ring);
	return mosaic_read_recent(reader->rel, page, seen_in) ? seen_in : InvalidBuffer;
}

/*
 * What is stored at place if that is the block, whole or as a delta, with its page pinned or held; else
 * NULL.
 */
static const void *
payload_at(MosaicReader *reader, ItemPointer place, int32 block_id, uint32 length,
		   Buffer seen_in, ResourceOwner owner, Buffer *buffer, uint32 *stored)
{
	ResourceOwner saved = CurrentResourceOwner;
	BlockNumber page;
	Buffer		pinned = InvalidBuffer,
				on;
	const void *payload = NULL;
	int32		found_id;

	if (!ItemPointerIsValid(place))
		return NULL;
	page = ItemPointerGetBlockNumber(place);
	if (page >= reader->npages)
	{
		reader->npages = RelationGetNumberOfBlocks(reader->rel);
		if (page >= reader->npages)
			return NULL;
	}
	/* After an error the abort sets CurrentResourceOwner anew. */
	CurrentResourceOwner = owner;
	if (!BufferIsValid(reader->held) || BufferGetBlockNumber(reader->held) != page)
		pinned = on = pin_page(reader, page, seen_in);
	else
		on = reader->held;
	if (BufferIsValid(on))
	{
		LockBuffer(on, BUFFER_LOCK_SHARE);
		payload = mosaic_page_payload(BufferGetPage(on), ItemPointerGetOffsetNumber(place),
									  &found_id, stored);
		LockBuffer(on, BUFFER_LOCK_UNLOCK);
		if (payload && (found_id != block_id || *stored > length ||
						(*stored < length && mosaic_delta_base(payload, *stored, length) == 0)))
			payload = NULL;
		if (payload == NULL && BufferIsValid(pinned))
			ReleaseBuffer(pinned);
	}
	CurrentResourceOwner = saved;
	*buffer = pinned;
	return payload;
}

static const void *
find_stored(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
			ResourceOwner owner, Buffer *buffer, uint32 *stored)
{
	const void *payload = payload_at(reader, place, block_id, length, InvalidBuffer, owner, buffer, stored);
	IndexScanDesc scan;
	ScanKeyData key;
	ItemPointer tid;

	if (payload)
		return payload;

	mosaic_reader_open_index(reader);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
	/* Any version will do (see store.h), so visibility is not asked for. */
	scan = mosaic_index_beginscan(reader->rel, reader->index, SnapshotAny, 1, 0);
	index_rescan(scan, &key, 1, NULL, 0);
	while (payload == NULL && (tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		*place = *tid;
		payload = payload_at(reader, place, block_id, length, InvalidBuffer, owner, buffer, stored);
	}
	index_endscan(scan);
	return payload;
}

const void *
mosaic_read_stored(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
				   ResourceOwner owner, Buffer *buffer, uint32 *stored)
{
	const void *payload = find_stored(reader, block_id, length, place, owner, buffer, stored);

	if (payload == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %d of %u bytes is missing from mosaic.block", block_id, length),
				 errhint("check_store() tells what is wrong with the store, repair_store() repairs it.")));
	return payload;
}

void
mosaic_delta_is_damaged(int32 block_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("block %d is stored as a difference to another, and one of the two is damaged or missing",
					block_id),
			 errhint("check_store() tells what is wrong with the store.")));
}

const void *
mosaic_find_base(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place, Buffer seen_in,
				 ResourceOwner owner, Buffer *buffer)
{
	uint32		stored;
	const void *base = NULL;

	if (BufferIsValid(seen_in))
		base = payload_at(reader, place, block_id, length, seen_in, owner, buffer, &stored);
	if (base == NULL)
		base = find_stored(reader, block_id, length, place, owner, buffer, &stored);
	if (base == NULL || stored == length)
		return base;
	/* There are no deltas of deltas. */
	mosaic_release_pin(*buffer, owner);
	return NULL;
}

bool
mosaic_make_block(MosaicReader *reader, const void *delta, uint32 stored, uint32 length,
				  ItemPointer base_place, Buffer *base_buffer, void *out)
{
	int32		base_id = mosaic_delta_base(delta, stored, length);
	Buffer		buffer;
	const void *base;
	bool		made;

	if (base_id == 0)
		return false;
	base = mosaic_find_base(reader, base_id, length, base_place, base_buffer ? *base_buffer : InvalidBuffer,
							CurrentResourceOwner, &buffer);
	if (base == NULL)
		return false;
	made = mosaic_delta_decode(delta, stored, base, length, out);
	if (base_buffer && BufferIsValid(buffer))
		*base_buffer = buffer;
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	return made;
}

/* The block of a delta, in the reader's memory; NULL where it is damaged. */
static const void *
make_own(MosaicReader *reader, const void *delta, uint32 stored, uint32 length)
{
	ItemPointerData base_place;
	char	  **made = &reader->made[reader->next_made];

	if (*made == NULL)
		*made = (char *) TYPEALIGN(MOSAIC_TUPLE_ALIGN,
								   MemoryContextAlloc(reader->cxt, MOSAIC_MAX_PAYLOAD + MOSAIC_TUPLE_ALIGN));
	ItemPointerSetInvalid(&base_place);
	if (!mosaic_make_block(reader, delta, stored, length, &base_place, NULL, *made))
		return NULL;
	reader->next_made = 1 - reader->next_made;
	return *made;
}

const void *
mosaic_whole_block(MosaicReader *reader, const void *stored_payload, uint32 stored, uint32 length)
{
	return stored == length ? stored_payload : make_own(reader, stored_payload, stored, length);
}

void
mosaic_release_pin(Buffer buffer, ResourceOwner owner)
{
	ResourceOwner saved = CurrentResourceOwner;

	if (!BufferIsValid(buffer))
		return;
	CurrentResourceOwner = owner;
	ReleaseBuffer(buffer);
	CurrentResourceOwner = saved;
}

const void *
mosaic_find_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
				  ResourceOwner owner, Buffer *buffer)
{
	uint32		stored;
	const void *payload = find_stored(reader, block_id, length, place, owner, buffer, &stored);

	if (payload == NULL || stored == length)
		return payload;
	payload = make_own(reader, payload, stored, length);
	if (payload == NULL)
		mosaic_release_pin(*buffer, owner);
	return payload;
}

const void *
mosaic_read_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
				  ResourceOwner owner, Buffer *buffer)
{
	uint32		stored;
	const void *payload = mosaic_read_stored(reader, block_id, length, place, owner, buffer, &stored);

	if (stored == length)
		return payload;
	payload = make_own(reader, payload, stored, length);
	if (payload == NULL)
		mosaic_delta_is_damaged(block_id);
	return payload;
}

const void *
mosaic_recent_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
					Buffer seen_in, ResourceOwner owner, Buffer *buffer, uint32 *stored)
{
	return payload_at(reader, place, block_id, length, seen_in, owner, buffer, stored);
}

void
mosaic_prefetch_tuple(ItemPointer place, Buffer seen_in, int lines)
{
	const char *page = BufferGetPage(seen_in);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(place);
	Size		at;

	/* Nothing is locked and all is only a guess: an address somewhere near the page does no harm. */
	if (offset < FirstOffsetNumber || offset > MaxHeapTuplesPerPage)
		return;
	at = ItemIdGetOffset(PageGetItemId((Page) page, offset));
	for (int i = 0; i < lines && at < BLCKSZ; i++, at += MOSAIC_ROW_BYTES)
		__builtin_prefetch(page + at);
}

void
mosaic_prefetch_recent(ItemPointer place, uint32 length, Buffer seen_in)
{
	const char *page = BufferGetPage(seen_in);
	Size		tuple = length + MOSAIC_PAYLOAD_OFFSET;
	Size		from_end = tuple * ItemPointerGetOffsetNumberNoCheck(place);

	__builtin_prefetch(GetBufferDescriptor(seen_in - 1), 1);
	__builtin_prefetch(page);
	/* Tuples are stacked from the end, and most pages hold blocks of one length. */
	if (from_end <= BLCKSZ)
		__builtin_prefetch(page + BLCKSZ - from_end);
}
