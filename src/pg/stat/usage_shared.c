/*
 * usage_shared.c
 *		What models were used for since the server started: counters that all backends share.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "shared_memory.h"
#include "usage_shared.h"

#define FIRST_ENTRIES 512		/* of the first segment; a power of two */
#define MAX_SEGMENTS 12

struct MosaicUsageEntry
{
	MosaicUsageKey key;
	pg_atomic_uint64 counts[MOSAIC_USAGE_COUNTERS];
	pg_atomic_uint64 last_used,
				since;
};

/* A hash table with linear probing: no entry is free between where a key belongs and where it is. */
typedef struct Segment
{
	uint32		used;			/* at most three quarters */
	MosaicUsageEntry entries[FLEXIBLE_ARRAY_MEMBER];
} Segment;

typedef struct Directory
{
	LWLock		lock;			/* the first member; exclusive: entries come, go or move */
	int			tranche;
	int			nsegments;
	dsm_handle	segments[MAX_SEGMENTS];
} Directory;

static Directory *directory;
static bool unavailable;		/* for this backend: there was no memory */
static Segment *mapped[MAX_SEGMENTS];
static int	nmapped;

static uint32
size_of(int segment)
{
	return (uint32) FIRST_ENTRIES << segment;
}

static void
init_directory(void *address)
{
	Directory  *made = address;

	made->tranche = LWLockNewTrancheId();
	LWLockInitialize(&made->lock, made->tranche);
}

static void
find_directory(void)
{
	directory = mosaic_shared_struct("pg_mosaic usage 1", sizeof(Directory), init_directory);
	LWLockRegisterTranche(directory->tranche, "pg_mosaic_usage");
}

/* Maps segments that others made.  The lock is held. */
static void
map_segments(void)
{
	while (nmapped < directory->nsegments)
	{
		dsm_segment *segment = dsm_attach(directory->segments[nmapped]);

		if (segment == NULL)
			elog(ERROR, "could not map a segment of statistics");
		dsm_pin_mapping(segment);
		mapped[nmapped++] = dsm_segment_address(segment);
	}
}

/* One more segment.  The lock is held exclusively, and all others are mapped. */
static Segment *
make_segment(void)
{
	uint32		n = size_of(nmapped);
	dsm_segment *segment;
	Segment    *made;

	if (nmapped == MAX_SEGMENTS)
		elog(ERROR, "there are statistics of too many models");
	segment = dsm_create(offsetof(Segment, entries) + n * sizeof(MosaicUsageEntry), 0);
	made = dsm_segment_address(segment);
	memset(made, 0, offsetof(Segment, entries) + n * sizeof(MosaicUsageEntry));
	for (uint32 i = 0; i < n; i++)
	{
		for (int c = 0; c < MOSAIC_USAGE_COUNTERS; c++)
			pg_atomic_init_u64(&made->entries[i].counts[c], 0);
		pg_atomic_init_u64(&made->entries[i].last_used, 0);
		pg_atomic_init_u64(&made->entries[i].since, 0);
	}
	dsm_pin_segment(segment);
	dsm_pin_mapping(segment);
	directory->segments[directory->nsegments++] = dsm_segment_handle(segment);
	mapped[nmapped++] = made;
	return made;
}

static uint32
home_of(const MosaicUsageKey *key, uint32 mask)
{
	return hash_bytes((const unsigned char *) key, sizeof *key) & mask;
}

static bool
same_key(const MosaicUsageKey *a, const MosaicUsageKey *b)
{
	return a->model_id == b->model_id && a->catalog == b->catalog && a->database == b->database;
}

/* The entry of a key, or the free one where it would be. */
static MosaicUsageEntry *
probe(Segment *segment, uint32 mask, const MosaicUsageKey *key)
{
	uint32		i = home_of(key, mask);

	while (segment->entries[i].key.database != InvalidOid && !same_key(&segment->entries[i].key, key))
		i = (i + 1) & mask;
	return &segment->entries[i];
}

/* The entry in the segments that are mapped, or NULL; *where: which segment.  The lock is held. */
static MosaicUsageEntry *
find(const MosaicUsageKey *key, int *where)
{
	for (int i = 0; i < nmapped; i++)
	{
		MosaicUsageEntry *entry = probe(mapped[i], size_of(i) - 1, key);

		if (where)
			*where = i;
		if (entry->key.database != InvalidOid)
			return entry;
	}
	return NULL;
}

static void
zero(MosaicUsageEntry *entry)
{
	for (int c = 0; c < MOSAIC_USAGE_COUNTERS; c++)
		pg_atomic_write_u64(&entry->counts[c], 0);
	pg_atomic_write_u64(&entry->last_used, 0);
	pg_atomic_write_u64(&entry->since, (uint64) GetCurrentTimestamp());
}

/* Each session enters each of its models, but few are new. */
static bool
is_there(const MosaicUsageKey *key)
{
	bool		found;

	LWLockAcquire(&directory->lock, LW_SHARED);
	map_segments();
	found = find(key, NULL) != NULL;
	LWLockRelease(&directory->lock);
	return found;
}

static void
enter(void *arg)
{
	const MosaicUsageKey *key = arg;
	Segment    *segment = NULL;
	MosaicUsageEntry *entry;
	int			i;

	if (directory == NULL)
		find_directory();
	if (is_there(key))
		return;
	LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
	map_segments();
	if (find(key, NULL) == NULL)
	{
		for (i = 0; i < nmapped && segment == NULL; i++)
			if (mapped[i]->used < size_of(i) / 4 * 3)
				segment = mapped[i];
		if (segment == NULL)
		{
			segment = make_segment();
			i = nmapped;
		}
		entry = probe(segment, size_of(i - 1) - 1, key);
		zero(entry);
		entry->key = *key;
		segment->used++;
	}
	LWLockRelease(&directory->lock);
}

bool
mosaic_usage_enter(const MosaicUsageKey *key)
{
	if (!unavailable)
		unavailable = !mosaic_try_shared(enter, (void *) key, (LWLock **) &directory, "keeps no statistics of this session");
	return !unavailable;
}

static void
map(void *arg)
{
	if (directory == NULL)
		find_directory();
	LWLockAcquire(&directory->lock, LW_SHARED);
	map_segments();
	LWLockRelease(&directory->lock);
}

bool
mosaic_usage_map(void)
{
	if (!unavailable)
		unavailable = !mosaic_try_shared(map, NULL, (LWLock **) &directory, "keeps no statistics of this session");
	return !unavailable;
}

bool
mosaic_usage_add(const MosaicUsageKey *key, MosaicUsageEntry **hint,
				 const int64 counts[MOSAIC_USAGE_COUNTERS], TimestampTz now)
{
	bool		found;

	if (directory == NULL)
		return false;
	LWLockAcquire(&directory->lock, LW_SHARED);
	if (*hint == NULL || !same_key(&(*hint)->key, key))
		*hint = find(key, NULL);
	found = *hint != NULL;
	if (found)
	{
		for (int c = 0; c < MOSAIC_USAGE_COUNTERS; c++)
			if (counts[c] != 0)
				pg_atomic_fetch_add_u64(&(*hint)->counts[c], counts[c]);
		pg_atomic_write_u64(&(*hint)->last_used, (uint64) now);
	}
	LWLockRelease(&directory->lock);
	return found;
}

/* Frees an entry, and moves those behind it that would not be found any more. */
static void
free_entry(Segment *segment, uint32 mask, uint32 hole)
{
	for (uint32 i = (hole + 1) & mask; segment->entries[i].key.database != InvalidOid; i = (i + 1) & mask)
	{
		uint32		home = home_of(&segment->entries[i].key, mask);

		/* Whether the hole is between its home and itself. */
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		memcpy(&segment->entries[hole], &segment->entries[i], sizeof(MosaicUsageEntry));
		hole = i;
	}
	segment->entries[hole].key.database = InvalidOid;
	segment->used--;
}

void
mosaic_usage_remove(Oid catalog, int64 model_id)
{
	MosaicUsageKey key = {.database = MyDatabaseId,.catalog = catalog,.model_id = model_id};
	MosaicUsageEntry *entry;
	int			where;

	if (directory == NULL)
		return;
	LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
	entry = find(&key, &where);
	if (entry)
		free_entry(mapped[where], size_of(where) - 1, entry - mapped[where]->entries);
	LWLockRelease(&directory->lock);
}

bool
mosaic_usage_read(const MosaicUsageKey *key, MosaicUsageRow *row)
{
	MosaicUsageEntry *entry;

	if (directory == NULL)
		find_directory();
	LWLockAcquire(&directory->lock, LW_SHARED);
	map_segments();
	entry = find(key, NULL);
	if (entry)
	{
		for (int c = 0; c < MOSAIC_USAGE_COUNTERS; c++)
			row->counts[c] = (int64) pg_atomic_read_u64(&entry->counts[c]);
		row->last_used = (TimestampTz) pg_atomic_read_u64(&entry->last_used);
		row->since = (TimestampTz) pg_atomic_read_u64(&entry->since);
	}
	LWLockRelease(&directory->lock);
	return entry != NULL;
}

void
mosaic_usage_reset(void)
{
	if (directory == NULL)
		find_directory();
	LWLockAcquire(&directory->lock, LW_EXCLUSIVE);
	map_segments();
	for (int s = 0; s < nmapped; s++)
		for (uint32 i = 0; i < size_of(s); i++)
			if (mapped[s]->entries[i].key.database == MyDatabaseId)
				zero(&mapped[s]->entries[i]);
	LWLockRelease(&directory->lock);
}
