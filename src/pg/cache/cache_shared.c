/*
 * cache_shared.c
 *		The table of requests and page classes that all backends of a database share.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "cache_shared.h"
#include "compat.h"
#include "shared_memory.h"

/* Databases with a table at a time: of one more, that whose table was not used for the longest goes. */
#define MAX_STORES 16

#define MIN_PAGES 4096
#define TICK_US 10000

typedef struct Store
{
	Oid			database;		/* InvalidOid: free */
	Oid			block;			/* OID of mosaic.block: another one after DROP EXTENSION */
	RelFileNumber file;			/* its file: another one after VACUUM FULL */
	dsm_handle	segment;
	TimestampTz used;
} Store;

typedef struct Directory
{
	LWLock		lock;			/* the first member */
	int			tranche;
	TimestampTz start;
	Store		stores[MAX_STORES];
} Directory;

static Directory *directory;
static bool unavailable;		/* for this backend: there was no memory */
static dsm_segment *mapped;
static MosaicCacheTable *table;
static pg_atomic_uint32 *seen;	/* after the table */
static uint32 generation;

uint32
mosaic_cache_now(void)
{
	return (uint32) ((GetCurrentTimestamp() - directory->start) / TICK_US);
}

double
mosaic_cache_half_life_ticks(void)
{
	return mosaic_cache_half_life * (1000000.0 / TICK_US);
}

MosaicCacheTable *
mosaic_cache_table(void)
{
	return table;
}

pg_atomic_uint32 *
mosaic_cache_seen(void)
{
	return seen;
}

uint32
mosaic_cache_generation(void)
{
	return generation;
}

static void
init_directory(void *address)
{
	Directory  *made = address;

	made->tranche = LWLockNewTrancheId();
	LWLockInitialize(&made->lock, made->tranche);
	made->start = GetCurrentTimestamp();
}

static void
find_directory(void)
{
	directory = mosaic_shared_struct("pg_mosaic cache 3", sizeof(Directory), init_directory);
	LWLockRegisterTranche(directory->tranche, "pg_mosaic_cache");
}

static Store *
find_store(void)
{
	for (int i = 0; i < MAX_STORES; i++)
		if (directory->stores[i].database == MyDatabaseId)
			return &directory->stores[i];
	return NULL;
}

static pg_atomic_uint32 *
seen_after(MosaicCacheTable *t, uint32 pages)
{
	return (pg_atomic_uint32 *) CACHELINEALIGN((char *) t + mosaic_cache_bytes(pages));
}

static void
unmap(void)
{
	if (mapped)
		dsm_detach(mapped);
	mapped = NULL;
	table = NULL;
	seen = NULL;
	generation++;
}

/* Maps the store's segment; false where that is gone.  The lock is held. */
static bool
map(Store *store)
{
	if (mapped && dsm_segment_handle(mapped) == store->segment)
		return true;
	unmap();
	mapped = dsm_attach(store->segment);
	if (mapped == NULL)
		return false;
	dsm_pin_mapping(mapped);
	table = (MosaicCacheTable *) CACHELINEALIGN(dsm_segment_address(mapped));
	seen = seen_after(table, mosaic_cache_capacity(table));
	return true;
}

/* A new segment for a store, with what the old one knows of models if it is of the same store. */
static void
make_segment(Store *store, bool keep, BlockNumber npages)
{
	uint32		pages = Max((uint32) Min((uint64) npages * 2, UINT32_MAX - 1), MIN_PAGES);
	dsm_segment *segment = dsm_create(mosaic_cache_bytes(pages) + 2 * PG_CACHE_LINE_SIZE +
									  pages * sizeof(pg_atomic_uint32), 0);
	MosaicCacheTable *made = mosaic_cache_init((void *) CACHELINEALIGN(dsm_segment_address(segment)), pages);
	pg_atomic_uint32 *made_seen = seen_after(made, pages);

	for (uint32 i = 0; i < pages; i++)
		pg_atomic_init_u32(&made_seen[i], InvalidBuffer);

	dsm_pin_segment(segment);
	dsm_pin_mapping(segment);
	if (keep)
		mosaic_cache_take_models(made, table);
	if (store->segment != 0)
		dsm_unpin_segment(store->segment);
	unmap();
	store->segment = dsm_segment_handle(segment);
	mapped = segment;
	table = made;
	seen = made_seen;
}

/* Whether the store is as it should be, and mapped; at least a shared lock is held. */
static bool
is_ready(Store *store, Relation rel, BlockNumber npages)
{
	return store && store->block == RelationGetRelid(rel) &&
		store->file == mosaic_relation_file(rel).relNumber && map(store) &&
		mosaic_cache_capacity(table) >= npages;
}

/* Makes it so.  The lock is held exclusively. */
static void
make_ready(Relation rel, BlockNumber npages)
{
	Store	   *store = find_store();
	bool		keep;

	if (store == NULL)
	{
		store = &directory->stores[0];
		for (int i = 1; i < MAX_STORES; i++)
			if (directory->stores[i].used < store->used)
				store = &directory->stores[i];
		store->database = InvalidOid;
	}
	keep = store->database == MyDatabaseId && store->block == RelationGetRelid(rel) && map(store);
	if (!keep || mosaic_cache_capacity(table) < npages)
		make_segment(store, keep, npages);
	else if (store->file != mosaic_relation_file(rel).relNumber)
		mosaic_cache_forget(table, mosaic_cache_now(), mosaic_cache_half_life_ticks());
	store->database = MyDatabaseId;
	store->block = RelationGetRelid(rel);
	store->file = mosaic_relation_file(rel).relNumber;
}

typedef struct Wanted
{
	Relation	rel;
	bool		exclusive;
} Wanted;

static void
lock(void *arg)
{
	Relation	rel = ((Wanted *) arg)->rel;
	bool		exclusive = ((Wanted *) arg)->exclusive;
	BlockNumber npages = RelationGetNumberOfBlocks(rel);
	Store	   *store;

	if (directory == NULL)
		find_directory();
	LWLockAcquire(&directory->lock, exclusive ? LW_EXCLUSIVE : LW_SHARED);
	while (!is_ready(store = find_store(), rel, npages))
	{
		if (!exclusive)
		{
			LWLockRelease(&directory->lock);
			LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
		}
		make_ready(rel, npages);
		if (!exclusive)
		{
			LWLockRelease(&directory->lock);
			LWLockAcquire(&directory->lock, LW_SHARED);
		}
	}
	store->used = GetCurrentStatementStartTimestamp();
}

MosaicCacheTable *
mosaic_cache_lock(Relation rel, bool exclusive)
{
	Wanted		wanted = {rel, exclusive};

	if (!unavailable)
		unavailable = !mosaic_try_shared(lock, &wanted, (LWLock **) &directory, "does not count the requests of this session");
	return unavailable ? NULL : table;
}

void
mosaic_cache_unlock(void)
{
	LWLockRelease(&directory->lock);
}

MosaicCacheTable *
mosaic_cache_lock_mapped(bool wait)
{
	Store	   *store;

	if (table == NULL)
		return NULL;
	if (wait)
		LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
	else if (!LWLockConditionalAcquire(&directory->lock, LW_EXCLUSIVE))
		return NULL;
	store = find_store();
	if (store && store->segment == dsm_segment_handle(mapped))
		return table;
	LWLockRelease(&directory->lock);
	return NULL;
}
