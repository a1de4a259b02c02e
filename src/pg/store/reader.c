/*
 * reader.c
 *		Blocks: finding and pinning them.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "mosaic_am.h"
#include "reader.h"

void
mosaic_reader_open(MosaicReader *reader)
{
	reader->rel = table_open(mosaic_relid("block"), AccessShareLock);
	reader->index = NULL;
	reader->npages = RelationGetNumberOfBlocks(reader->rel);
	reader->ring = NULL;
	reader->held = InvalidBuffer;
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

/* The payload if the tuple at place is the block, with its page pinned or held; else NULL. */
static const void *
payload_at(MosaicReader *reader, ItemPointer place, int32 block_id, uint32 length,
		   Buffer seen_in, ResourceOwner owner, Buffer *buffer)
{
	ResourceOwner saved = CurrentResourceOwner;
	BlockNumber page;
	Buffer		pinned = InvalidBuffer,
				on;
	const void *payload = NULL;
	int32		found_id;
	uint32		found_length;

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
									  &found_id, &found_length);
		LockBuffer(on, BUFFER_LOCK_UNLOCK);
		if (payload && (found_id != block_id || found_length != length))
			payload = NULL;
		if (payload == NULL && BufferIsValid(pinned))
			ReleaseBuffer(pinned);
	}
	CurrentResourceOwner = saved;
	*buffer = pinned;
	return payload;
}

const void *
mosaic_find_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
				  ResourceOwner owner, Buffer *buffer)
{
	const void *payload = payload_at(reader, place, block_id, length, InvalidBuffer, owner, buffer);
	IndexScanDesc scan;
	ScanKeyData key;
	ItemPointer tid;

	if (payload)
		return payload;

	if (reader->index == NULL)
		reader->index = index_open(mosaic_relid("block_pkey"), AccessShareLock);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
	/* Any version will do (see store.h), so visibility is not asked for. */
	scan = mosaic_index_beginscan(reader->rel, reader->index, SnapshotAny, 1, 0);
	index_rescan(scan, &key, 1, NULL, 0);
	while (payload == NULL && (tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		*place = *tid;
		payload = payload_at(reader, place, block_id, length, InvalidBuffer, owner, buffer);
	}
	index_endscan(scan);
	return payload;
}

const void *
mosaic_read_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
				  ResourceOwner owner, Buffer *buffer)
{
	const void *payload = mosaic_find_block(reader, block_id, length, place, owner, buffer);

	if (payload == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %d of %u bytes is missing from mosaic.block", block_id, length),
				 errhint("check_store() tells what is wrong with the store, repair_store() repairs it.")));
	return payload;
}

const void *
mosaic_recent_block(MosaicReader *reader, int32 block_id, uint32 length, ItemPointer place,
					Buffer seen_in, ResourceOwner owner, Buffer *buffer)
{
	return payload_at(reader, place, block_id, length, seen_in, owner, buffer);
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
