/*
 * store.c
 *		Blocks: adding them (leave.c: removing them).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "catalog.h"
#include "compat.h"
#include "errors.h"
#include "mosaic_am.h"
#include "newest.h"
#include "row.h"
#include "writer.h"

/* ----------------------------------------------------------------- writing */

typedef struct UsedKey
{
	uint64		geometry;
	uint8		hash[UUID_LEN];
} UsedKey;

typedef struct UsedBlock
{
	UsedKey		key;
	int32		block_id;
	ItemPointerData place;
} UsedBlock;

static MosaicWriter *
open_writer(Snapshot snapshot, int32 domain, bool staging)
{
	MosaicWriter *w = palloc0(sizeof *w);
	MemoryContext saved;
	HASHCTL		ctl = {.keysize = sizeof(UsedKey),.entrysize = sizeof(UsedBlock)};

	w->cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic writer", ALLOCSET_DEFAULT_SIZES);
	w->tmp = AllocSetContextCreate(w->cxt, "pg_mosaic writer, one block", ALLOCSET_DEFAULT_SIZES);
	w->snapshot = snapshot;
	w->domain = domain;
	LockRelationOid(mosaic_relid("block"), RowExclusiveLock);
	mosaic_reader_open(&w->reader);
	w->pkey = index_open(mosaic_relid("block_pkey"), RowExclusiveLock);
	w->pkey_info = BuildIndexInfo(w->pkey);
	w->meta = table_open(mosaic_relid("block_meta"), RowExclusiveLock);
	w->meta_pkey = mosaic_relid("block_meta_pkey");
	w->meta_hash = index_open(mosaic_relid("block_meta_hash_idx"), RowExclusiveLock);
	w->meta_slot = table_slot_create(w->meta, NULL);
	w->meta_indexes = CatalogOpenIndexes(w->meta);
	w->staging = staging;
	if (staging)
	{
		w->capacity = 1024;
		w->staged = palloc(w->capacity * sizeof *w->staged);
	}
	else
	{
		saved = MemoryContextSwitchTo(w->cxt);
		w->near_writer = mosaic_near_writer_open(domain);
		MemoryContextSwitchTo(saved);
	}
	w->sequence = mosaic_relid("block_id_seq");
	w->slot = MakeSingleTupleTableSlot(RelationGetDescr(w->reader.rel), &TTSOpsVirtual);
	w->bulk = GetBulkInsertState();
	w->data = MemoryContextAlloc(w->cxt, VARHDRSZ + MOSAIC_MAX_PAYLOAD);
	ctl.hcxt = w->cxt;
	w->used = hash_create("pg_mosaic blocks of a model", 1024, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return w;
}

MosaicWriter *
mosaic_writer_open(Snapshot snapshot, int32 domain)
{
	return open_writer(snapshot, domain, false);
}

MosaicWriter *
mosaic_stager_open(Snapshot snapshot, int32 domain)
{
	return open_writer(snapshot, domain, true);
}

void
mosaic_writer_seek_bases(MosaicWriter *w, const int32 *leaving, int64 nleaving)
{
	MemoryContext saved = MemoryContextSwitchTo(w->cxt);

	w->bases = mosaic_base_search_open(w->snapshot, w->domain, leaving, nleaving);
	MemoryContextSwitchTo(saved);
}

int64
mosaic_writer_new_bytes(const MosaicWriter *w)
{
	return w->new_bytes;
}

/* A block that was lost is not the same as any: importing a model again stores it anew. */
static bool
same_payload(MosaicWriter *w, const MosaicBlock *block, int32 block_id, ItemPointer place)
{
	Buffer		buffer;
	const void *stored = mosaic_find_block(&w->reader, block_id, block->length, place,
										   CurrentResourceOwner, &buffer);
	bool		same;

	if (stored == NULL)
		return false;
	same = memcmp(stored, block->payload, block->length) == 0;
	ReleaseBuffer(buffer);
	return same;
}

/* Whether a row of block_meta is of a block of the domain with this geometry and hash. */
static bool
same_meta(MosaicWriter *w, HeapTuple tuple, const MosaicBlock *block, const uint8 *hash)
{
	TupleDesc	desc = RelationGetDescr(w->meta);
	bool		isnull;
	Datum		geometry = heap_getattr(tuple, Anum_meta_geometry, desc, &isnull);
	Datum		found = heap_getattr(tuple, Anum_meta_hash, desc, &isnull);
	Datum		domain = heap_getattr(tuple, Anum_meta_domain, desc, &isnull);

	return (uint64) DatumGetInt64(geometry) == mosaic_geometry_pack(block->geometry) &&
		DatumGetInt32(domain) == w->domain && memcmp(DatumGetUUIDP(found), hash, UUID_LEN) == 0;
}

/* Whether a row of block_meta is of a block equal to this one, which the model uses then: counted, unless it is staged. */
static bool
use_row(MosaicWriter *w, HeapTuple row, const MosaicBlock *block, const uint8 *hash, int32 *block_id, ItemPointer place)
{
	bool		isnull;

	if (!same_meta(w, row, block, hash))
		return false;
	*block_id = DatumGetInt32(heap_getattr(row, Anum_meta_block_id, RelationGetDescr(w->meta), &isnull));
	ItemPointerSetInvalid(place);
	if (!same_payload(w, block, *block_id, place))
		return false;
	if (!w->staging)
		mosaic_writer_count(w, row, 1);
	return true;
}

/* Finds a stored block equal to this one. */
static bool
use_stored(MosaicWriter *w, const MosaicBlock *block, const uint8 *hash, int32 *block_id,
		   ItemPointer place)
{
	ScanKeyData key;
	IndexScanDesc scan;
	HeapTuple	row = mosaic_newest_of_hash(w->meta, (int64) mosaic_geometry_pack(block->geometry), hash, w->snapshot,
											w->meta_slot);
	bool		found = row && use_row(w, row, block, hash, block_id, place);

	ExecClearTuple(w->meta_slot);
	if (found)
		return true;
	/* A hash index finds by a hash of the hash: others may turn up too. */
	ScanKeyInit(&key, 1, HTEqualStrategyNumber, F_UUID_EQ,
				UUIDPGetDatum((const pg_uuid_t *) hash));
	scan = mosaic_index_beginscan(w->meta, w->meta_hash, w->snapshot, 1, 0);
	index_rescan(scan, &key, 1, NULL, 0);
	while (!found && index_getnext_slot(scan, ForwardScanDirection, w->meta_slot))
		found = use_row(w, mosaic_slot_row(w->meta, w->meta_slot), block, hash, block_id, place);
	index_endscan(scan);
	ExecClearTuple(w->meta_slot);
	return found;
}

/* Stores a block, which nothing refers to yet: its payload, or its delta. */
static void
insert_block(MosaicWriter *w, const void *payload, uint32 length, int32 *block_id, ItemPointer place)
{
	CommandId	cid = GetCurrentCommandId(true);
	Datum		values[1];
	bool		nulls[1] = {false};

	*block_id = (int32) nextval_internal(w->sequence, false);

	SET_VARSIZE(w->data, VARHDRSZ + length);
	memcpy(VARDATA(w->data), payload, length);
	ExecClearTuple(w->slot);
	w->slot->tts_values[Anum_block_block_id - 1] = Int32GetDatum(*block_id);
	w->slot->tts_values[Anum_block_data - 1] = PointerGetDatum(w->data);
	memset(w->slot->tts_isnull, 0, Natts_block * sizeof(bool));
	ExecStoreVirtualTuple(w->slot);
	table_tuple_insert(w->reader.rel, w->slot, cid, 0, w->bulk);
	*place = w->slot->tts_tid;
	values[0] = Int32GetDatum(*block_id);
	index_insert(w->pkey, values, nulls, place, w->reader.rel, UNIQUE_CHECK_YES, false,
				 w->pkey_info);
	w->new_bytes += MOSAIC_PAYLOAD_OFFSET + length;
}

/* Makes a stored block known, with the model as its only user.  delta_bytes 0: it is whole. */
static void
insert_meta(MosaicWriter *w, const MosaicBlock *block, const uint8 *hash, int32 block_id, int32 base_id,
			uint32 delta_bytes)
{
	Datum		values[Natts_meta];
	bool		nulls[Natts_meta] = {false};

	values[Anum_meta_block_id - 1] = Int32GetDatum(block_id);
	values[Anum_meta_models - 1] = Int32GetDatum(1);
	values[Anum_meta_geometry - 1] = Int64GetDatum((int64) mosaic_geometry_pack(block->geometry));
	values[Anum_meta_hash - 1] = UUIDPGetDatum((const pg_uuid_t *) hash);
	values[Anum_meta_domain - 1] = Int32GetDatum(w->domain);
	values[Anum_meta_base - 1] = Int32GetDatum(base_id);
	values[Anum_meta_delta_bytes - 1] = Int32GetDatum((int32) delta_bytes);
	nulls[Anum_meta_base - 1] = nulls[Anum_meta_delta_bytes - 1] = delta_bytes == 0;
	CatalogTupleInsertWithInfo(w->meta, heap_form_tuple(RelationGetDescr(w->meta), values, nulls),
							   w->meta_indexes);
	/* What is near a delta is near its base, which can be one for others. */
	if (delta_bytes == 0)
		mosaic_near_writer_add(w->near_writer, block_id, block->geometry, block->payload);
}

/* A block and its delta. */
typedef struct Delta
{
	const void *bytes;
	uint32		length;
	int32		base_id;
	bool		anew;			/* whatever equals the block */
} Delta;

static void
store_delta(MosaicWriter *w, const MosaicBlock *block, const uint8 *hash, const Delta *delta, int32 *block_id,
			ItemPointer place)
{
	if (!w->wrote_delta)
		mosaic_raise_format(MOSAIC_FORMAT_DELTAS);
	w->wrote_delta = true;
	insert_block(w, delta->bytes, delta->length, block_id, place);
	insert_meta(w, block, hash, *block_id, delta->base_id, delta->length);
	mosaic_writer_note_base(w, delta->base_id, 1);
}

/* Stores a block as a delta, if there is one near it. */
static bool
add_delta(MosaicWriter *w, const MosaicBlock *block, const uint8 *hash, int32 *block_id, ItemPointer place)
{
	void	   *bytes = palloc(MOSAIC_MAX_PAYLOAD);
	Delta		delta = {.bytes = bytes};

	delta.length = mosaic_find_delta(w->bases, &w->reader, block, bytes, &delta.base_id);
	if (delta.length > 0)
		store_delta(w, block, hash, &delta, block_id, place);
	return delta.length > 0;
}

static void
note_staged(MosaicWriter *w, const MosaicBlock *block, int32 block_id, ItemPointer place, bool is_new)
{
	MosaicStagedBlock *s;

	if (w->nstaged == w->capacity)
	{
		w->capacity *= 2;
		w->staged = repalloc_huge(w->staged, w->capacity * sizeof *w->staged);
	}
	s = &w->staged[w->nstaged++];
	s->block_id = block_id;
	s->place = *place;
	s->is_new = is_new;
	s->geometry = mosaic_geometry_pack(block->geometry);
	memcpy(s->hash, block->hash, UUID_LEN);
}

/* own: the block itself, stored but not known yet; or NULL. */
static void
add_block(MosaicWriter *w, const MosaicBlock *block, const uint8 *hash, const MosaicStagedBlock *own,
		  int32 *block_id, ItemPointer place)
{
	if (w->bases && add_delta(w, block, hash, block_id, place))
		return;
	if (own)
	{
		*block_id = own->block_id;
		*place = own->place;
	}
	else
		insert_block(w, block->payload, block->length, block_id, place);
	if (!w->staging)
		insert_meta(w, block, hash, *block_id, 0, 0);
}

/* delta: how it is stored where it is new; or NULL. */
static bool
use_block(MosaicWriter *w, const MosaicBlock *block, const MosaicStagedBlock *own, const Delta *delta,
		  int32 *block_id, ItemPointer place)
{
	MemoryContext saved = MemoryContextSwitchTo(w->tmp);
	UsedKey		key;
	UsedBlock  *used;
	bool		known,
				stored;

	key.geometry = mosaic_geometry_pack(block->geometry);
	memcpy(key.hash, block->hash, UUID_LEN);
	mosaic_hash_in_domain(w->domain, key.hash);
	used = hash_search(w->used, &key, HASH_FIND, NULL);
	if (used && same_payload(w, block, used->block_id, &used->place))
	{
		*block_id = used->block_id;
		*place = used->place;
		stored = true;
	}
	else
	{
		stored = !(delta && delta->anew) && use_stored(w, block, key.hash, block_id, place);
		if (!stored && delta)
			store_delta(w, block, key.hash, delta, block_id, place);
		else if (!stored)
			add_block(w, block, key.hash, own, block_id, place);
		if (w->staging)
			note_staged(w, block, *block_id, place, !stored);
		/* Two payloads with one hash: the first is remembered, the others stay unshared. */
		used = hash_search(w->used, &key, HASH_ENTER, &known);
		if (!known)
		{
			used->block_id = *block_id;
			used->place = *place;
		}
	}
	MemoryContextSwitchTo(saved);
	MemoryContextReset(w->tmp);
	return stored;
}

bool
mosaic_writer_use(MosaicWriter *w, const MosaicBlock *block, int32 *block_id, ItemPointer place)
{
	return use_block(w, block, NULL, NULL, block_id, place);
}

bool
mosaic_writer_use_delta(MosaicWriter *w, const MosaicBlock *block, const void *delta, uint32 delta_length,
						int32 base_id, bool anew, int32 *block_id, ItemPointer place)
{
	Delta		d = {delta, delta_length, base_id, anew};

	return use_block(w, block, NULL, &d, block_id, place);
}

void
mosaic_writer_close(MosaicWriter *w)
{
	if (w->based)
		mosaic_writer_count_bases(w);
	if (w->bases)
		mosaic_base_search_close(w->bases);
	FreeBulkInsertState(w->bulk);
	ExecDropSingleTupleTableSlot(w->slot);
	if (w->near_writer)
		mosaic_near_writer_close(w->near_writer);
	CatalogCloseIndexes(w->meta_indexes);
	ExecDropSingleTupleTableSlot(w->meta_slot);
	index_close(w->meta_hash, NoLock);
	table_close(w->meta, NoLock);
	index_close(w->pkey, NoLock);
	mosaic_reader_close(&w->reader);
	MemoryContextDelete(w->cxt);
	pfree(w);
}

/* ----------------------------------------------------------------- staging */

MosaicStagedBlock *
mosaic_staged_blocks(const MosaicWriter *stager, int64 *n)
{
	*n = stager->nstaged;
	return stager->staged;
}

void
mosaic_writer_settle(MosaicWriter *w, const MosaicStagedBlock *s, int32 *block_id, ItemPointer place)
{
	MosaicBlock block = {0};
	ItemPointerData own = s->place;
	Buffer		buffer;

	block.geometry = mosaic_geometry_unpack(s->geometry);
	block.length = mosaic_payload_bytes(block.geometry);
	memcpy(block.hash, s->hash, UUID_LEN);
	block.payload = mosaic_read_block(&w->reader, s->block_id, block.length, &own, CurrentResourceOwner, &buffer);
	(void) use_block(w, &block, s->is_new ? s : NULL, NULL, block_id, place);
	ReleaseBuffer(buffer);
	if (s->is_new && *block_id != s->block_id)
		mosaic_writer_discard(w, s);
}

void
mosaic_writer_discard(MosaicWriter *w, const MosaicStagedBlock *s)
{
	if (s->is_new && !mosaic_writer_delete(w, s->block_id))
		elog(ERROR, "block %d is not there any more", s->block_id);
}
