/*
 * newest.c
 *		Rows of mosaic.block_meta that this transaction writes again and again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "catalog.h"
#include "compat.h"
#include "newest.h"
#include "row.h"

typedef struct Place
{
	int32		block_id;		/* hash key */
	ItemPointerData place;
} Place;

typedef struct BlockKey
{
	int64		geometry;
	uint8		hash[UUID_LEN];
} BlockKey;

typedef struct BlockOfKey
{
	BlockKey	key;
	int32		block_id;
} BlockOfKey;

/* Of this transaction, in memory that ends with it. */
typedef struct Newest
{
	MemoryContextCallback callback;
	MemoryContext cxt;
	RelFileLocator file;		/* where the places are */
	HTAB	   *places;
	HTAB	   *blocks;
} Newest;

static Newest *newest;

static void
context_callback(void *arg)
{
	newest = NULL;
}

static void
begin(Relation meta)
{
	MemoryContext cxt = AllocSetContextCreate(TopTransactionContext, "pg_mosaic newest rows", ALLOCSET_DEFAULT_SIZES);
	HASHCTL		places = {.keysize = sizeof(int32),.entrysize = sizeof(Place),.hcxt = cxt};
	HASHCTL		blocks = {.keysize = sizeof(BlockKey),.entrysize = sizeof(BlockOfKey),.hcxt = cxt};
	Newest	   *n = MemoryContextAllocZero(cxt, sizeof *n);

	n->cxt = cxt;
	n->file = mosaic_relation_file(meta);
	n->places = hash_create("pg_mosaic newest rows", 1024, &places, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	n->blocks = hash_create("pg_mosaic blocks of newest rows", 1024, &blocks, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	n->callback.func = context_callback;
	MemoryContextRegisterResetCallback(cxt, &n->callback);
	newest = n;
}

static HeapTuple
fetch(Relation meta, const Place *p, Snapshot snapshot, TupleTableSlot *slot)
{
	RelFileLocator file = mosaic_relation_file(meta);
	ItemPointerData place = p->place;
	HeapTuple	row;
	bool		isnull;

	/* TRUNCATE makes another file, and what a subtransaction added that is gone, VACUUM may have cut off. */
	if (memcmp(&newest->file, &file, sizeof file) != 0 ||
		ItemPointerGetBlockNumber(&place) >= RelationGetNumberOfBlocks(meta) ||
		!table_tuple_fetch_row_version(meta, &place, snapshot, slot))
		return NULL;
	row = mosaic_slot_row(meta, slot);
	/* After a rollback another row may be there. */
	if (DatumGetInt32(heap_getattr(row, Anum_meta_block_id, RelationGetDescr(meta), &isnull)) != p->block_id)
		return NULL;
	return row;
}

static const Place *
find_place(int32 block_id)
{
	return newest ? hash_search(newest->places, &block_id, HASH_FIND, NULL) : NULL;
}

HeapTuple
mosaic_find_block_row(MosaicBlockRow *found, Relation meta, Oid pkey, int32 block_id, Snapshot snapshot)
{
	const Place *p = find_place(block_id);
	HeapTuple	row = NULL;
	ScanKeyData key;

	found->slot = p ? table_slot_create(meta, NULL) : NULL;
	found->scan = NULL;
	if (p)
		row = fetch(meta, p, snapshot, found->slot);
	if (row == NULL)
	{
		ScanKeyInit(&key, Anum_meta_block_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
		found->scan = systable_beginscan(meta, pkey, true, snapshot, 1, &key);
		row = mosaic_getnext(found->scan);
	}
	return row;
}

void
mosaic_end_block_row(MosaicBlockRow *found)
{
	if (found->scan)
		systable_endscan(found->scan);
	if (found->slot)
		ExecDropSingleTupleTableSlot(found->slot);
}

static BlockKey
make_key(int64 geometry, const uint8 *hash)
{
	BlockKey	key = {.geometry = geometry};

	memcpy(key.hash, hash, UUID_LEN);
	return key;
}

HeapTuple
mosaic_newest_of_hash(Relation meta, int64 geometry, const uint8 *hash, Snapshot snapshot, TupleTableSlot *slot)
{
	BlockKey	key = make_key(geometry, hash);
	const BlockOfKey *b = newest ? hash_search(newest->blocks, &key, HASH_FIND, NULL) : NULL;
	const Place *p = b ? find_place(b->block_id) : NULL;

	return p ? fetch(meta, p, snapshot, slot) : NULL;
}

static void
note(Relation meta, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(meta);
	bool		isnull;
	int32		block_id = DatumGetInt32(heap_getattr(row, Anum_meta_block_id, desc, &isnull));
	BlockKey	key = make_key(DatumGetInt64(heap_getattr(row, Anum_meta_geometry, desc, &isnull)),
							   DatumGetUUIDP(heap_getattr(row, Anum_meta_hash, desc, &isnull))->data);
	RelFileLocator file = mosaic_relation_file(meta);
	Place	   *place;
	BlockOfKey *block;

	if (newest && memcmp(&newest->file, &file, sizeof file) != 0)
		MemoryContextDelete(newest->cxt);
	if (newest == NULL)
		begin(meta);
	place = hash_search(newest->places, &block_id, HASH_ENTER, NULL);
	place->place = row->t_self;
	block = hash_search(newest->blocks, &key, HASH_ENTER, NULL);
	block->block_id = block_id;
}

/*
 * What CatalogTupleUpdate does, but no index is searched for equals: the only one that an index could find is the row
 * that is replaced, once for each of its versions.  The key of no unique index has a column that changes.
 */
static void
insert_in_indexes(Relation meta, ResultRelInfo *indexes, HeapTuple row, TU_UpdateIndexes wanted)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(meta), &TTSOpsHeapTuple);
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	ExecStoreHeapTuple(row, slot, false);
	for (int i = 0; i < indexes->ri_NumIndices; i++)
	{
		IndexInfo  *info = indexes->ri_IndexRelationInfo[i];

		if (!info->ii_ReadyForInserts || !mosaic_index_wants(info, wanted))
			continue;
		FormIndexDatum(info, slot, NULL, values, nulls);
		index_insert(indexes->ri_IndexRelationDescs[i], values, nulls, &row->t_self, meta, UNIQUE_CHECK_NO, false, info);
	}
	ExecDropSingleTupleTableSlot(slot);
}

void
mosaic_newest_update(Relation meta, ResultRelInfo *indexes, HeapTuple old, HeapTuple row)
{
	bool		again = TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(old->t_data));

	TU_UpdateIndexes wanted;

	mosaic_heap_update(meta, &old->t_self, row, &wanted);
	insert_in_indexes(meta, indexes, row, wanted);
	if (again)
		note(meta, row);
}
