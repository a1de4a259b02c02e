/*
 * check_blocks.c
 *		check_store(): the blocks, their rows of block_meta, and their users.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "damage.h"
#include "mosaic/capi_delta.h"
#include "mosaic/page_reader.h"
#include "page_scan.h"
#include "progress.h"
#include "store.h"

static int
compare_blocks(const void *a, const void *b)
{
	int32		x = ((const MosaicCheckedBlock *) a)->block_id,
				y = ((const MosaicCheckedBlock *) b)->block_id;

	/* Sorting millions takes seconds. */
	CHECK_FOR_INTERRUPTS();
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
note_meta(Relation rel, HeapTuple row, void *arg)
{
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;
	MosaicCheckedBlock *b =
		add_block(arg, DatumGetInt32(heap_getattr(row, Anum_meta_block_id, desc, &isnull)));

	b->has_meta = true;
	b->meta_place = row->t_self;
	b->models = DatumGetInt32(heap_getattr(row, Anum_meta_models, desc, &isnull));
	b->geometry = DatumGetInt64(heap_getattr(row, Anum_meta_geometry, desc, &isnull));
	b->hash = *DatumGetUUIDP(heap_getattr(row, Anum_meta_hash, desc, &isnull));
	b->domain = DatumGetInt32(heap_getattr(row, Anum_meta_domain, desc, &isnull));
	b->meta_base = DatumGetInt32(heap_getattr(row, Anum_meta_base, desc, &isnull));
	b->meta_delta_bytes = (uint32) DatumGetInt32(heap_getattr(row, Anum_meta_delta_bytes, desc, &isnull));
}

static void
report_twice(MosaicChecker *c, const char *table, const ItemPointerData *place, int32 block_id)
{
	mosaic_checker_report(c, MOSAIC_DAMAGED_ROW, -1, NULL, block_id,
						  "mosaic.%s, page %u, line %u: another row has this block_id", table,
						  ItemPointerGetBlockNumberNoCheck(place), ItemPointerGetOffsetNumberNoCheck(place));
}

/*
 * Sorts the blocks.  Where an id was damaged, two rows may have it, whatever the primary
 * key says: the first counts.
 */
static bool
sort_blocks(MosaicChecker *c, const char *table, Size place)
{
	MosaicChecked *checked = c->checked;
	int64		all = checked->nblocks,
				n = 0;

	qsort(checked->blocks, all, sizeof *checked->blocks, compare_blocks);
	for (int64 i = 0; i < all; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		if (n == 0 || checked->blocks[n - 1].block_id != b->block_id)
			checked->blocks[n++] = *b;
		else
			report_twice(c, table, (ItemPointer) ((char *) b + place), b->block_id);
	}
	checked->nblocks = n;
	return n < all;
}

static void
read_meta(MosaicChecker *c)
{
	mosaic_checker_scan(c, "block_meta", &c->checked->meta_is_damaged, note_meta);
	if (sort_blocks(c, "block_meta", offsetof(MosaicCheckedBlock, meta_place)))
		c->checked->meta_is_damaged = true;
}

/* What the scan of the blocks knows. */
typedef struct BlockRead
{
	MosaicChecker *c;
	MosaicReader reader;		/* of bases */
	char	   *made;			/* a block, of its delta */
	int64		nmeta;			/* blocks that have a row of block_meta: in order, the others behind */
	int64		done;
} BlockRead;

/* A block that is made of its delta. */
typedef struct Making
{
	BlockRead  *r;
	const MosaicCheckedBlock *b;
	const void *delta;
	bool		made;
} Making;

static void
make(void *arg)
{
	Making	   *m = arg;
	ItemPointerData place;

	ItemPointerSetInvalid(&place);
	m->made = mosaic_make_block(&m->r->reader, m->delta, m->b->delta_bytes, m->b->length, &place, NULL, m->r->made);
}

/* Bytes of the block that is stored: its geometry tells; where that does not fit, a delta is known by its checksum. */
static uint32
whole_bytes(const MosaicCheckedBlock *b, const void *payload)
{
	uint32		whole = b->has_meta ? mosaic_geometry_bytes(mosaic_geometry_unpack(b->geometry)) : 0;

	if (b->length == whole || (b->length < whole && mosaic_delta_base(payload, b->length, whole) != 0))
		return whole;
	return mosaic_delta_whole(payload, b->length);
}

/*
 * A block that is stored as a delta becomes what that says; returns the payload that is to have the
 * hash, NULL where it cannot be made: a page of its base that cannot be read is no damage of its own page.
 */
static const void *
make_block(BlockRead *r, MosaicCheckedBlock *b, const void *payload)
{
	uint32		whole = whole_bytes(b, payload);
	int32		base = b->length < whole ? mosaic_delta_base(payload, b->length, whole) : 0;
	Making		m = {.r = r,.b = b,.delta = payload};

	if (base == 0)
		return payload;
	b->base = base;
	b->delta_bytes = b->length;
	b->length = whole;
	return mosaic_catch_damage(make, &m) == NULL && m.made ? r->made : NULL;
}

/* The page is pinned: the payload is hashed where it lies. */
static void
note_block(Relation rel, HeapTuple row, void *arg)
{
	BlockRead  *r = arg;
	int32		block_id;
	uint32		length;
	const void *payload = mosaic_row_payload(row->t_data, row->t_len, &block_id, &length);
	MosaicCheckedBlock *b;
	pg_uuid_t	hash;

	if (payload == NULL || (uintptr_t) payload % MOSAIC_TUPLE_ALIGN != 0)
	{
		mosaic_checker_damage(rel, ItemPointerGetBlockNumber(&row->t_self),
							  ItemPointerGetOffsetNumber(&row->t_self), "its payload is not one of a block",
							  r->c);
		return;
	}
	b = find_block(r->c->checked->blocks, r->nmeta, block_id);
	if (b && b->stored)
	{
		report_twice(r->c, "block", &row->t_self, block_id);
		return;
	}
	if (b == NULL)
		b = add_block(r->c, block_id);
	b->stored = true;
	b->place = row->t_self;
	b->length = length;
	payload = make_block(r, b, payload);
	if (payload)
	{
		mosaic_block_hash(mosaic_geometry_unpack(b->geometry), payload, b->length, hash.data);
		mosaic_hash_in_domain(b->domain, hash.data);
		b->hash_is_right = memcmp(hash.data, b->hash.data, UUID_LEN) == 0;
	}
	if (++r->done % 256 == 0)
		mosaic_progress_done(r->done);
}

static void
block_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	mosaic_checker_damage(rel, page, line, what, ((BlockRead *) arg)->c);
}

/* Reads every payload. */
static void
read_blocks(MosaicChecker *c)
{
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);
	BlockRead	r = {.c = c,.nmeta = c->checked->nblocks};
	MosaicPageScan scan = {c->checked->snapshot, note_block, block_damage, &r};
	bool		damaged;

	mosaic_progress_phase(MOSAIC_PHASE_VERIFYING_BLOCKS, r.nmeta);
	c->table_is_damaged = &damaged;
	mosaic_reader_open(&r.reader);
	mosaic_reader_open_index(&r.reader);
	r.made = (char *) TYPEALIGN(MOSAIC_TUPLE_ALIGN, palloc(MOSAIC_MAX_PAYLOAD + MOSAIC_TUPLE_ALIGN));
	mosaic_scan_pages(rel, &scan);
	mosaic_reader_close(&r.reader);
	table_close(rel, NoLock);
	(void) sort_blocks(c, "block", offsetof(MosaicCheckedBlock, place));
}

void
mosaic_check_read_blocks(MosaicChecker *c)
{
	read_meta(c);
	read_blocks(c);
}

/* ---- blocks against their users ---- */

/* The base of a delta that is used is used, as a block like it. */
static void
check_base(MosaicChecker *c, MosaicCheckedBlock *b, int32 base_id)
{
	MosaicCheckedBlock *base = mosaic_checked_block(c->checked, base_id);

	if (base == NULL || !base->stored)
		mosaic_checker_report(c, MOSAIC_MISSING_BLOCK, -1, NULL, base_id, "block %d is a difference to it",
							  b->block_id);
	if (base == NULL)
		return;
	base->users++;
	if (base->used_geometry == 0)
	{
		base->used_geometry = b->used_geometry;
		base->used_domain = b->used_domain;
	}
}

static void
check_bases(MosaicChecker *c)
{
	for (int64 i = 0; i < c->checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &c->checked->blocks[i];
		/* What is lost or damaged does not tell; and who drops its model counts by block_meta (leave.c). */
		int32		base_id = b->hash_is_right || !b->has_meta ? b->base : b->meta_base;

		CHECK_FOR_INTERRUPTS();
		if (b->is_named && base_id != 0)
			check_base(c, b, base_id);
		if (b->stored && b->is_named && b->has_meta &&
			(b->meta_base != b->base || b->meta_delta_bytes != b->delta_bytes))
			mosaic_checker_report(c, MOSAIC_WRONG_BASE, -1, NULL, b->block_id,
								  "block_meta says a difference of %u bytes to block %d, the block %u bytes to block %d",
								  b->meta_delta_bytes, b->meta_base, b->delta_bytes, b->base);
	}
}

static void
check_users(MosaicChecker *c)
{
	for (int64 i = 0; i < c->checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &c->checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
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
	/* What stays of equal ones is whole, if one is: it may be the base of the others. */
	if (c == 0 && (x->base == 0) != (y->base == 0))
		c = x->base == 0 ? -1 : 1;
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

		if (b->is_named && b->stored && b->has_meta && b->hash_is_right &&
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
	check_bases(c);
	check_users(c);
	check_duplicates(c);
}
