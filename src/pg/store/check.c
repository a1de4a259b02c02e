/*
 * check.c
 *		check_store(): whether blocks, their catalog and the models' maps agree.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "check.h"
#include "mosaic_am.h"
#include "progress.h"
#include "store.h"

typedef struct Checker
{
	MosaicChecked *checked;
	int64		block_capacity;
	int64		problem_capacity;
	int64		model_id;		/* of the tensors being checked */
	const char *model;			/* NULL: there is no such model */
	int32		next_tensor;
} Checker;

const char *
mosaic_problem_name(MosaicProblemKind kind)
{
	static const char *const names[] = {
		"damaged map", "missing tensor", "orphan tensor", "missing block", "wrong length",
		"wrong geometry", "wrong hash", "missing meta", "orphan meta", "orphan block",
		"wrong count", "duplicate block", "stale places"
	};

	return names[kind];
}

static void report(Checker *c, MosaicProblemKind kind, int32 tensor_no, const char *tensor,
				   int32 block_id, const char *format,...) pg_attribute_printf(6, 7);

static void
report(Checker *c, MosaicProblemKind kind, int32 tensor_no, const char *tensor, int32 block_id,
	   const char *format,...)
{
	MosaicChecked *checked = c->checked;
	StringInfoData detail;
	MosaicProblem *p;

	if (checked->nproblems == c->problem_capacity)
	{
		c->problem_capacity *= 2;
		checked->problems = repalloc_huge(checked->problems,
										  c->problem_capacity * sizeof *checked->problems);
	}
	p = &checked->problems[checked->nproblems++];
	p->kind = kind;
	p->model_id = tensor_no >= 0 ? c->model_id : 0;
	p->model = tensor_no >= 0 ? c->model : NULL;
	p->tensor_no = tensor_no;
	p->tensor = tensor;
	p->block_id = block_id;
	initStringInfo(&detail);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&detail, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}
	p->detail = detail.data;
}

/* ---- blocks ---- */

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
add_block(Checker *c, int32 block_id)
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
read_meta(Checker *c)
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
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	qsort(c->checked->blocks, c->checked->nblocks, sizeof *c->checked->blocks, compare_blocks);
}

/* Reads every payload. */
static void
read_blocks(Checker *c)
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
		b->hash_is_right = memcmp(hash.data, b->hash.data, UUID_LEN) == 0;
		if (++done % 256 == 0)
			mosaic_progress_done(done);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	table_close(rel, NoLock);
	qsort(c->checked->blocks, c->checked->nblocks, sizeof *c->checked->blocks, compare_blocks);
}

/* ---- maps ---- */

static int64
int_attr(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return TupleDescAttr(desc, attnum - 1)->attlen == 2 ? DatumGetInt16(value) : DatumGetInt32(value);
}

MosaicGeometry
mosaic_tensor_geometry(HeapTuple tuple, TupleDesc desc)
{
	MosaicGeometry g = {
		.dtype = int_attr(tuple, Anum_tensor_stored_dtype, desc),
		.layout = int_attr(tuple, Anum_tensor_layout, desc),
		.rows = int_attr(tuple, Anum_tensor_block_rows, desc),
		.cols = int_attr(tuple, Anum_tensor_block_cols, desc)
	};

	return g;
}

/* Whether mosaic_map_ids() takes it. */
static bool
map_is_sound(bytea *map)
{
	uint32		head[3];

	if (VARSIZE_ANY_EXHDR(map) < MOSAIC_MAP_HEADER)
		return false;
	memcpy(head, VARDATA_ANY(map), MOSAIC_MAP_HEADER);
	return head[0] == MOSAIC_MAP_MAGIC && (uint16) head[1] == MOSAIC_MAP_VERSION &&
		VARSIZE_ANY_EXHDR(map) == MOSAIC_MAP_HEADER + (Size) head[2] * sizeof(int32);
}

/* One entry of a map. */
static void
check_entry(Checker *c, int32 block_id, MosaicGeometry geometry, uint32 length, int32 tensor_no,
			const char *tensor)
{
	MosaicCheckedBlock *b = mosaic_checked_block(c->checked, block_id);
	uint64		packed = mosaic_geometry_pack(geometry);

	if (b == NULL || !b->stored)
	{
		report(c, MOSAIC_MISSING_BLOCK, tensor_no, tensor, block_id, "not in mosaic.block");
		if (b == NULL)
			return;
	}
	if (b->last_user == c->model_id)
		return;
	if (b->users++ == 0)
		b->used_geometry = packed;
	b->last_user = c->model_id;
	if (b->stored && b->length != length)
		report(c, MOSAIC_WRONG_LENGTH, tensor_no, tensor, block_id,
			   "the payload has %u bytes, the tensor needs %u", b->length, length);
	if (b->has_meta && b->geometry != packed)
		report(c, MOSAIC_WRONG_GEOMETRY, tensor_no, tensor, block_id,
			   "block_meta says " INT64_FORMAT ", the tensor " INT64_FORMAT, (int64) b->geometry, (int64) packed);
	else if (b->has_meta && b->stored && !b->hash_is_right)
		report(c, MOSAIC_WRONG_HASH, tensor_no, tensor, block_id,
			   "the payload is not the one that was imported, or block_meta is damaged");
}

/* The places that a tensor remembers. */
static void
check_places(Checker *c, bytea *places, const int32 *ids, int64 n, int32 tensor_no, const char *tensor)
{
	int64		stale = 0;

	if (places && VARSIZE(places) - VARHDRSZ != n * MOSAIC_PLACE_BYTES)
		places = NULL;
	for (int64 i = 0; i < n; i++)
	{
		MosaicCheckedBlock *b = mosaic_checked_block(c->checked, ids[i]);

		stale += b && b->stored &&
			(places == NULL ||
			 memcmp(VARDATA(places) + i * MOSAIC_PLACE_BYTES, &b->place, MOSAIC_PLACE_BYTES) != 0);
	}
	if (stale > 0)
		report(c, MOSAIC_STALE_PLACES, tensor_no, tensor, 0,
			   INT64_FORMAT " of " INT64_FORMAT " blocks lie elsewhere", stale, n);
}

static void
check_tensor(HeapTuple tuple, TupleDesc desc, Checker *c)
{
	bool		isnull;
	int32		tensor_no = int_attr(tuple, Anum_tensor_tensor_no, desc);
	char	   *name = TextDatumGetCString(heap_getattr(tuple, Anum_tensor_name, desc, &isnull));
	MosaicGeometry geometry = mosaic_tensor_geometry(tuple, desc);
	Datum		value;
	bytea	   *map,
			   *places = NULL;
	const int32 *ids;
	uint32		length;
	int64		n;

	if (c->model == NULL)
	{
		report(c, MOSAIC_ORPHAN_TENSOR, tensor_no, name, 0, "model_id " INT64_FORMAT, c->model_id);
		return;
	}
	for (; c->next_tensor < tensor_no; c->next_tensor++)
		report(c, MOSAIC_MISSING_TENSOR, c->next_tensor, NULL, 0, "tensor %d", c->next_tensor);
	c->next_tensor = tensor_no + 1;
	value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	if (isnull)
		return;
	map = DatumGetByteaPCopy(value);
	if (!map_is_sound(map))
	{
		report(c, MOSAIC_DAMAGED_MAP, tensor_no, name, 0, "%u bytes",
			   (unsigned) (VARSIZE(map) - VARHDRSZ));
		return;
	}
	ids = mosaic_map_ids(map, &n);
	length = mosaic_payload_bytes(geometry);
	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		check_entry(c, ids[i], geometry, length, tensor_no, name);
	}
	value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (!isnull)
		places = DatumGetByteaPCopy(value);
	check_places(c, places, ids, n, tensor_no, name);
	pfree(map);
	if (places)
		pfree(places);
}

/* The model's name, or NULL. */
static char *
model_name(int64 model_id, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *name = NULL;
	bool		isnull;

	ScanKeyInit(&key, Anum_model_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid("model_pkey"), true, snapshot, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		name = TextDatumGetCString(heap_getattr(tuple, Anum_model_name, RelationGetDescr(rel), &isnull));
	systable_endscan(scan);
	table_close(rel, NoLock);
	return name;
}

/* All tensors, also those of no model, in the order of model and number. */
static void
check_tensors(Checker *c)
{
	Relation	rel = table_open(mosaic_relid("tensor"), AccessShareLock);
	Relation	index = index_open(mosaic_relid("tensor_pkey"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	SysScanDesc scan = systable_beginscan_ordered(rel, index, c->checked->snapshot, 0, NULL);
	HeapTuple	tuple;

	mosaic_progress_phase(MOSAIC_PHASE_READING_MAPS, 0);
	c->model_id = PG_INT64_MIN;
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;
		int64		model_id = DatumGetInt64(heap_getattr(tuple, Anum_tensor_model_id, desc, &isnull));

		if (model_id != c->model_id)
		{
			c->model_id = model_id;
			c->model = model_name(model_id, c->checked->snapshot);
			c->next_tensor = 0;
		}
		check_tensor(tuple, desc, c);
	}
	systable_endscan_ordered(scan);
	index_close(index, NoLock);
	table_close(rel, NoLock);
}

/* ---- blocks against their users ---- */

static void
check_users(Checker *c)
{
	for (int64 i = 0; i < c->checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &c->checked->blocks[i];

		if (b->users == 0 && b->stored)
			report(c, MOSAIC_ORPHAN_BLOCK, -1, NULL, b->block_id, "no model uses it");
		else if (b->users == 0)
			report(c, MOSAIC_ORPHAN_META, -1, NULL, b->block_id, "neither a block nor a model that uses it");
		else if (!b->has_meta)
			report(c, MOSAIC_MISSING_META, -1, NULL, b->block_id, "not in mosaic.block_meta");
		else if (b->models != b->users)
			report(c, MOSAIC_WRONG_COUNT, -1, NULL, b->block_id,
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
check_duplicates(Checker *c)
{
	MosaicChecked *checked = c->checked;
	MosaicCheckedBlock **sound = MemoryContextAllocHuge(CurrentMemoryContext,
														Max(checked->nblocks, 1) * sizeof *sound);
	int64		n = 0;

	for (int64 i = 0; i < checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		if (b->users > 0 && b->stored && b->has_meta && b->hash_is_right &&
			b->geometry == b->used_geometry)
			sound[n++] = b;
	}
	qsort(sound, n, sizeof *sound, compare_content);
	for (int64 i = 1, first = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (memcmp(sound[i]->hash.data, sound[first]->hash.data, UUID_LEN) != 0 ||
			sound[i]->geometry != sound[first]->geometry || !same_payload(sound[i], sound[first]))
		{
			first = i;
			continue;
		}
		sound[i]->same_as = sound[first]->block_id;
		report(c, MOSAIC_DUPLICATE_BLOCK, -1, NULL, sound[i]->block_id, "equal to block %d",
			   sound[first]->block_id);
	}
	pfree(sound);
}

MosaicChecked *
mosaic_check(Snapshot snapshot)
{
	Checker		c = {.block_capacity = 1024,.problem_capacity = 16};

	c.checked = palloc0(sizeof *c.checked);
	c.checked->snapshot = snapshot;
	c.checked->blocks = palloc(c.block_capacity * sizeof *c.checked->blocks);
	c.checked->problems = palloc(c.problem_capacity * sizeof *c.checked->problems);
	read_meta(&c);
	read_blocks(&c);
	check_tensors(&c);
	check_users(&c);
	check_duplicates(&c);
	return c.checked;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_check_store);
Datum
mosaic_pg_check_store(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	MosaicChecked *checked;

	InitMaterializedSRF(fcinfo, 0);
	mosaic_progress_start(MOSAIC_PROGRESS_CHECK);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic check", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	checked = mosaic_check(GetActiveSnapshot());
	for (int64 i = 0; i < checked->nproblems; i++)
	{
		MosaicProblem *p = &checked->problems[i];
		Datum		values[5] = {0};
		bool		nulls[5] = {false, p->model == NULL, p->tensor == NULL, p->block_id == 0, false};

		values[0] = CStringGetTextDatum(mosaic_problem_name(p->kind));
		if (p->model)
			values[1] = CStringGetTextDatum(p->model);
		if (p->tensor)
			values[2] = CStringGetTextDatum(p->tensor);
		values[3] = Int32GetDatum(p->block_id);
		values[4] = CStringGetTextDatum(p->detail);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
	return (Datum) 0;
}
