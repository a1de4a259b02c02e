/*
 * check_near.c
 *		check_store() and repair_store(): the index of near duplicates has entries for every
 *		block that may have some, and no others.
 *
 * The keys themselves are not checked: they propose, and propose all but the same
 * on every machine.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "catalog.h"
#include "checker.h"
#include "near_index.h"
#include "page_scan.h"
#include "store.h"

/* Whether a block that is stored and used has no entry, though its geometry allows for some. */
static bool
has_no_entry(const MosaicCheckedBlock *b)
{
	return b->stored && b->users > 0 && b->base == 0 && b->used_geometry != 0 && !b->has_near_key &&
		mosaic_near_shareable(mosaic_geometry_unpack(b->used_geometry)) &&
		b->length == mosaic_geometry_bytes(mosaic_geometry_unpack(b->used_geometry));
}

/* Whether a block has a key at all: some have nothing to tell them by. */
static bool
has_key(MosaicNearReader *near_reader, MosaicReader *reader, MosaicCheckedBlock *b)
{
	int32		keys[MOSAIC_NEAR_TABLES];
	Buffer		buffer;
	const void *payload = mosaic_find_block(reader, b->block_id, b->length, &b->place,
											CurrentResourceOwner, &buffer);

	if (payload == NULL)
		return false;
	mosaic_near_keys_of(near_reader, mosaic_geometry_unpack(b->used_geometry), payload, keys);
	ReleaseBuffer(buffer);
	for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
		if (keys[t] != 0)
			return true;
	return false;
}

typedef struct Orphans
{
	MosaicChecker *c;
	int32	   *ids;
	int64		n,
				capacity;
} Orphans;

static bool
mark_block(int32 block_id, void *arg)
{
	Orphans    *o = arg;
	MosaicCheckedBlock *b = mosaic_checked_block(o->c->checked, block_id);

	if (b && b->stored)
		return b->has_near_key = true;
	if (o->n == o->capacity)
		o->ids = repalloc_huge(o->ids, (o->capacity *= 2) * sizeof *o->ids);
	o->ids[o->n++] = block_id;
	return false;
}

static void
mark_row(Relation rel, HeapTuple row, void *arg)
{
	mosaic_near_entries(rel, row, mark_block, arg);
}

static void
row_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	mosaic_checker_damage(rel, page, line, what, ((Orphans *) arg)->c);
}

static void
read_entries(Orphans *o)
{
	Relation	rel = table_open(mosaic_relid("near_key"), AccessShareLock);
	MosaicPageScan scan = {o->c->checked->snapshot, mark_row, row_damage, o};

	o->c->table_is_damaged = &o->c->checked->near_is_damaged;
	mosaic_scan_pages(rel, &scan);
	table_close(rel, NoLock);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

void
mosaic_check_near_keys(MosaicChecker *c)
{
	Orphans		o = {c, palloc(64 * sizeof(int32)), 0, 64};
	MosaicNearReader near_reader;
	MosaicReader reader;

	read_entries(&o);
	qsort(o.ids, o.n, sizeof *o.ids, compare_ids);
	for (int64 i = 0; i < o.n; i++)
		if (i == 0 || o.ids[i] != o.ids[i - 1])
			mosaic_checker_report(c, MOSAIC_ORPHAN_NEAR_KEY, -1, NULL, o.ids[i], "not in mosaic.block");
	/* Whether there is a key does not depend on the domain, only which. */
	mosaic_near_reader_open(&near_reader, 0, c->checked->snapshot);
	mosaic_reader_open(&reader);
	for (int64 i = 0; i < c->checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &c->checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
		if (has_no_entry(b) && has_key(&near_reader, &reader, b))
			mosaic_checker_report(c, MOSAIC_MISSING_NEAR_KEY, -1, NULL, b->block_id,
								  "near duplicates of the block are not found");
	}
	mosaic_reader_close(&reader);
	mosaic_near_reader_close(&near_reader);
}

typedef struct Keep
{
	const MosaicChecked *checked;
	bool		users_known;
} Keep;

/* Not blocks that are not stored, or that the repair deletes. */
static bool
keep_block(int32 block_id, void *arg)
{
	Keep	   *k = arg;
	MosaicCheckedBlock *b = mosaic_checked_block(k->checked, block_id);

	return b && b->stored && !(k->users_known && b->users == 0);
}

static void
add_missing(MosaicNearWriter *writer, MosaicReader *reader, MosaicCheckedBlock *b)
{
	Buffer		buffer;
	const void *payload = mosaic_read_block(reader, b->block_id, b->length, &b->place,
											CurrentResourceOwner, &buffer);

	mosaic_near_writer_add(writer, b->block_id, mosaic_geometry_unpack(b->used_geometry), payload);
	ReleaseBuffer(buffer);
}

void
mosaic_repair_near_keys(const MosaicChecked *checked, bool users_known)
{
	MosaicReader reader;
	MosaicNearWriter *writer = NULL;
	int32		domain = 0;		/* of the writer */
	Keep		keep = {checked, users_known};

	mosaic_near_sweep(checked->snapshot, keep_block, &keep);
	mosaic_reader_open(&reader);
	for (int64 i = 0; i < checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
		if (!has_no_entry(b))
			continue;
		if (writer == NULL || b->used_domain != domain)
		{
			if (writer)
				mosaic_near_writer_close(writer);
			domain = b->used_domain;
			writer = mosaic_near_writer_open(domain);
		}
		add_missing(writer, &reader, b);
	}
	if (writer)
		mosaic_near_writer_close(writer);
	mosaic_reader_close(&reader);
	CommandCounterIncrement();
}
