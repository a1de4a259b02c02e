/*
 * check_blocks.c
 *		check_store(): the blocks, their rows of block_meta, and their users.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "progress.h"
#include "store.h"

static int
compare_blocks(const void *a, const void *b)
{
	int32		x = ((const MosaicCheckedBlock *) a)->block_id,
				y = ((const MosaicCheckedBlock *) b)->block_id;

	return x < y ? -1 : x > y;
}

static MosaicCheckedBlock *
find_block(MosaicCheckedBlock *blocks, int64 n, int32 block_id)
{
	MosaicCheckedBlock key = {.block_id = block_id};

	return n == 0 ? NULL : bsearch(&key, blocks, n, sizeof key, compare_blocks);
}

MosaicCheckedBlock *
mosaic_checked_block(const MosaicChecked *checked, int32 block_id)
{
	return find_block(checked->blocks, checked->nblocks, block_id);
}

static MosaicCheckedBlock *
add_block(MosaicChecker *c, int32 block_id)
{
	MosaicChecked *checked = c->checked;
	MosaicCheckedBlock *b;

	if (checked->nblocks == c->block_capacity)
	{
		c->block_capacity *= 2;
		checked->blocks = repalloc_huge(checked->blocks, c->block_capacity * sizeof *checked->blocks);
	}
	b = &checked->blocks[checked->nblocks++];
	memset(b, 0, sizeof *b);
	b->block_id = block_id;
	return b;
}

static void
read_meta(MosaicChecker *c)
{
	Relation	rel = table_open(mosaic_relid("block_meta"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, c->checked->snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		MosaicCheckedBlock *b =
			add_block(c, DatumGetInt32(heap_getattr(tuple, Anum_meta_block_id, desc, &isnull)));

		CHECK_FOR_INTERRUPTS();
		b->has_meta = true;
		b->meta_place = tuple->t_self;
		b->models = DatumGetInt32(heap_getattr(tuple, Anum_meta_models, desc, &isnull));
		b->geometry = DatumGetInt64(heap_getattr(tuple, Anum_meta_geometry, desc, &isnull));
		b->hash = *DatumGetUUIDP(heap_getattr(tuple, Anum_meta_hash, desc, &isnull));
		b->domain = DatumGetInt32(heap_getattr(tuple, Anum_meta_domain, desc, &isnull));
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	qsort(c->checked->blocks, c->checked->nblocks, sizeof *c->checked->blocks, compare_blocks);
}

/* Reads every payload. */
static void
read_blocks(MosaicChecker *c)
{
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);
	TableScanDesc scan = table_beginscan(rel, c->checked->snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	int64		nmeta = c->checked->nblocks,
				done = 0;

	mosaic_progress_phase(MOSAIC_PHASE_VERIFYING_BLOCKS, nmeta);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		isnull;
		int32		block_id = DatumGetInt32(slot_getattr(slot, Anum_block_block_id, &isnull));
		bytea	   *data = DatumGetByteaPP(slot_getattr(slot, Anum_block_data, &isnull));
		MosaicCheckedBlock *b = find_block(c->checked->blocks, nmeta, block_id);
		pg_uuid_t	hash;

		CHECK_FOR_INTERRUPTS();
		if (b == NULL)
			b = add_block(c, block_id);
		b->stored = true;
		b->place = slot->tts_tid;
		b->length = VARSIZE_ANY_EXHDR(data);
		mosaic_block_hash(mosaic_geometry_unpack(b->geometry), VARDATA_ANY(data), b->length, hash.data);
		mosaic_hash_in_domain(b->domain, hash.data);
		b->hash_is_right = memcmp(hash.data, b->hash.data, UUID_LEN) == 0;
		if (++done % 256 == 0)
			mosaic_progress_done(done);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	table_close(rel, NoLock);
	qsort(c->checked->blocks, c->checked->nblocks, sizeof *c->checked->blocks, compare_blocks);
}

void
mosaic_check_read_blocks(MosaicChecker *c)
{
	read_meta(c);
	read_blocks(c);
}

/* ---- blocks against their users ---- */

static void
check_users(MosaicChecker *c)
{
	for (int64 i = 0; i < c->checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &c->checked->blocks[i];

		if (b->users == 0 && b->stored)
			mosaic_checker_report(c, MOSAIC_ORPHAN_BLOCK, -1, NULL, b->block_id, "no model uses it");
		else if (b->users == 0)
			mosaic_checker_report(c, MOSAIC_ORPHAN_META, -1, NULL, b->block_id, "neither a block nor a model that uses it");
		else if (!b->has_meta)
			mosaic_checker_report(c, MOSAIC_MISSING_META, -1, NULL, b->block_id, "not in mosaic.block_meta");
		else if (b->models != b->users)
			mosaic_checker_report(c, MOSAIC_WRONG_COUNT, -1, NULL, b->block_id,
				   "block_meta says %d models, %d use it", b->models, b->users);
	}
}

static int
compare_content(const void *a, const void *b)
{
	const MosaicCheckedBlock *x = *(MosaicCheckedBlock *const *) a;
	const MosaicCheckedBlock *y = *(MosaicCheckedBlock *const *) b;
	int			c = memcmp(x->hash.data, y->hash.data, UUID_LEN);

	if (c == 0 && x->geometry != y->geometry)
		c = x->geometry < y->geometry ? -1 : 1;
	if (c == 0 && x->domain != y->domain)
		c = x->domain < y->domain ? -1 : 1;
	return c != 0 ? c : compare_blocks(x, y);
}

static bool
same_payload(MosaicCheckedBlock *a, MosaicCheckedBlock *b)
{
	MosaicReader reader;
	Buffer		buffer_a,
				buffer_b;
	const void *x,
			   *y;
	bool		same;

	mosaic_reader_open(&reader);
	x = mosaic_read_block(&reader, a->block_id, a->length, &a->place, CurrentResourceOwner, &buffer_a);
	y = mosaic_read_block(&reader, b->block_id, b->length, &b->place, CurrentResourceOwner, &buffer_b);
	same = a->length == b->length && memcmp(x, y, a->length) == 0;
	ReleaseBuffer(buffer_b);
	ReleaseBuffer(buffer_a);
	mosaic_reader_close(&reader);
	return same;
}

static void
check_duplicates(MosaicChecker *c)
{
	MosaicChecked *checked = c->checked;
	MosaicCheckedBlock **sound = MemoryContextAllocHuge(CurrentMemoryContext,
														Max(checked->nblocks, 1) * sizeof *sound);
	int64		n = 0;

	for (int64 i = 0; i < checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		if (b->users > 0 && b->stored && b->has_meta && b->hash_is_right &&
			b->geometry == b->used_geometry && b->domain == b->used_domain)
			sound[n++] = b;
	}
	qsort(sound, n, sizeof *sound, compare_content);
	for (int64 i = 1, first = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (memcmp(sound[i]->hash.data, sound[first]->hash.data, UUID_LEN) != 0 ||
			sound[i]->geometry != sound[first]->geometry ||
			sound[i]->domain != sound[first]->domain || !same_payload(sound[i], sound[first]))
		{
			first = i;
			continue;
		}
		sound[i]->same_as = sound[first]->block_id;
		mosaic_checker_report(c, MOSAIC_DUPLICATE_BLOCK, -1, NULL, sound[i]->block_id, "equal to block %d",
			   sound[first]->block_id);
	}
	pfree(sound);
}

void
mosaic_check_blocks(MosaicChecker *c)
{
	check_users(c);
	check_duplicates(c);
}
