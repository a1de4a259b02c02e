/*
 * check_models.c
 *		check_store(): the maps of the tensors, and whether each model can be loaded.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "damage.h"
#include "model_cache.h"
#include "page_scan.h"
#include "progress.h"
#include "row.h"
#include "store.h"
#include "tokenizer_cache.h"

/* So many lost blocks of a tensor are named, the others counted. */
#define MAX_WRONG_ENTRIES 1000

static int64
int_attr(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return TupleDescAttr(desc, attnum - 1)->attlen == 2 ? DatumGetInt16(value) : DatumGetInt32(value);
}

static int64
id_attr(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;

	return DatumGetInt64(heap_getattr(tuple, attnum, desc, &isnull));
}

typedef struct TextRead
{
	Datum		value;
	char	   *text;
} TextRead;

static void
read_text(void *arg)
{
	TextRead   *r = arg;

	r->text = mosaic_plain_text(r->value);
}

/* A name in a sound row; that may still say that it is compressed, or elsewhere. */
static char *
text_attr(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	TextRead	r = {heap_getattr(tuple, attnum, desc, &isnull)};

	if (!VARATT_IS_EXTENDED(DatumGetPointer(r.value)) || VARATT_IS_SHORT(DatumGetPointer(r.value)))
		read_text(&r);
	else if (mosaic_catch_damage(read_text, &r) != NULL)
		r.text = pstrdup("?");
	return r.text;
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

/* One entry of a map.  length: 0 where the tensor's geometry is none. */
static void
check_entry(MosaicChecker *c, int32 block_id, MosaicGeometry geometry, uint32 length, int32 tensor_no,
			const char *tensor)
{
	MosaicCheckedBlock *b = mosaic_checked_block(c->checked, block_id);
	uint64		packed = mosaic_geometry_pack(geometry);

	if (b == NULL || !b->stored)
	{
		/* A damaged map may name millions. */
		if (++c->wrong_entries <= MAX_WRONG_ENTRIES)
			mosaic_checker_report(c, MOSAIC_MISSING_BLOCK, tensor_no, tensor, block_id, "not in mosaic.block");
		if (b == NULL)
			return;
	}
	if (b->last_user == c->model_id)
		return;
	b->users++;
	b->is_named = true;
	b->last_user = c->model_id;
	if (length == 0)
		return;
	if (b->used_geometry == 0)
	{
		b->used_geometry = packed;
		b->used_domain = c->model ? c->domain : b->domain;
	}
	if (b->stored && b->length != length)
		mosaic_checker_report(c, MOSAIC_WRONG_LENGTH, tensor_no, tensor, block_id,
								  "the payload has %u bytes, the tensor needs %u", b->length, length);
	if (b->has_meta && b->geometry != packed)
		mosaic_checker_report(c, MOSAIC_WRONG_GEOMETRY, tensor_no, tensor, block_id,
								  "block_meta says " INT64_FORMAT ", the tensor " INT64_FORMAT, (int64) b->geometry, (int64) packed);
	else if (b->has_meta && c->model && b->domain != c->domain)
		mosaic_checker_report(c, MOSAIC_WRONG_DOMAIN, tensor_no, tensor, block_id,
							  "block_meta says %d, the model %d", b->domain, c->domain);
	else if (b->has_meta && b->stored && !b->hash_is_right)
		mosaic_checker_report(c, MOSAIC_WRONG_HASH, tensor_no, tensor, block_id,
								  "the payload is not the one that was imported, or block_meta is damaged");
}

/* Places that blocks have left are no damage: reading finds the blocks all the same. */
static void
check_places(MosaicChecker *c, bytea *places, const int32 *ids, int64 n)
{
	if (places && VARSIZE(places) - VARHDRSZ != n * MOSAIC_PLACE_BYTES)
		places = NULL;
	for (int64 i = 0; i < n; i++)
	{
		MosaicCheckedBlock *b = mosaic_checked_block(c->checked, ids[i]);

		if (b && b->stored &&
			(places == NULL ||
			 memcmp(VARDATA(places) + i * MOSAIC_PLACE_BYTES, &b->place, MOSAIC_PLACE_BYTES) != 0))
			c->places_are_stale = true;
	}
}

static void
check_map(HeapTuple tuple, TupleDesc desc, MosaicChecker *c, int32 tensor_no, const char *name)
{
	MosaicGeometry geometry = mosaic_tensor_geometry(tuple, desc);
	uint32		length = 0;
	bytea	   *places = NULL;
	Datum		value;
	char	   *damage;
	bytea	   *map = mosaic_read_map(tuple, desc, &damage);
	const int32 *ids;
	int64		n;
	bool		isnull;

	if (damage)
	{
		mosaic_checker_report(c, MOSAIC_DAMAGED_MAP, tensor_no, name, 0, "%s", damage);
		c->model_is_damaged = true;
	}
	if (map == NULL)
		return;
	ids = mosaic_map_ids(map, &n);
	length = mosaic_geometry_bytes(geometry);
	c->wrong_entries = 0;
	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		check_entry(c, ids[i], geometry, length, tensor_no, name);
	}
	if (c->wrong_entries > MAX_WRONG_ENTRIES)
		mosaic_checker_report(c, MOSAIC_MISSING_BLOCK, tensor_no, name, 0, "and " INT64_FORMAT " more",
							  c->wrong_entries - MAX_WRONG_ENTRIES);
	value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (!isnull)
		places = (bytea *) mosaic_plain_hint(value);
	check_places(c, places, ids, n);
	if (places)
		pfree(places);
	pfree(map);
}

/* The numbers up to this one that the model has no tensor for. */
static void
check_gap(MosaicChecker *c, int64 tensor_no)
{
	if (tensor_no > c->next_tensor + 1)
		mosaic_checker_report(c, MOSAIC_MISSING_TENSOR, (int32) c->next_tensor, NULL, 0,
							  "tensors " INT64_FORMAT " to " INT64_FORMAT, c->next_tensor, tensor_no - 1);
	else if (tensor_no > c->next_tensor)
		mosaic_checker_report(c, MOSAIC_MISSING_TENSOR, (int32) c->next_tensor, NULL, 0,
							  "tensor " INT64_FORMAT, c->next_tensor);
	c->model_is_damaged |= tensor_no > c->next_tensor;
	c->next_tensor = Max(c->next_tensor, tensor_no + 1);
}

/* Of a model readers, labels, description; of a tensor its shape. */
static char *
values_damage(const char *table, HeapTuple row)
{
	Relation	rel = table_open(mosaic_relid(table), AccessShareLock);
	char	   *damage = mosaic_checker_values(rel, row);

	table_close(rel, NoLock);
	return damage;
}

static void
check_tensor(HeapTuple tuple, TupleDesc desc, MosaicChecker *c)
{
	int32		tensor_no = int_attr(tuple, Anum_tensor_tensor_no, desc);
	char	   *name = text_attr(tuple, Anum_tensor_name, desc);
	char	   *damage = values_damage("tensor", tuple);

	/* Its row was lost, and may come back from a backup: it is a user of its blocks as before. */
	if (c->model == NULL)
		mosaic_checker_report(c, MOSAIC_ORPHAN_TENSOR, tensor_no, name, 0, "model_id " INT64_FORMAT,
							  c->model_id);
	if (tensor_no < c->next_tensor)
	{
		mosaic_checker_report(c, MOSAIC_DAMAGED_ROW, tensor_no, name, 0,
							  "its tensor_no is %d, which is negative or there twice", tensor_no);
		c->model_is_damaged = true;
	}
	if (damage)
	{
		mosaic_checker_report(c, MOSAIC_DAMAGED_ROW, tensor_no, name, 0, "%s", damage);
		c->model_is_damaged = true;
	}
	check_gap(c, tensor_no);
	check_map(tuple, desc, c, tensor_no, name);
}

/* ---- models ---- */

typedef struct ModelRead
{
	HeapTuple	row;
	Snapshot	snapshot;
} ModelRead;

static void
load_model(void *arg)
{
	ModelRead  *r = arg;

	mosaic_model_try_load(r->row, r->snapshot);
}

/* Without it the model can still predict from numbers. */
static void
load_tokenizer(void *arg)
{
	ModelRead  *r = arg;

	mosaic_tokenizer_try_load(r->row, r->snapshot);
}

/* Takes up a model, which is NULL where there are only tensors that name it. */
static void
begin_model(MosaicChecker *c, int64 model_id, MosaicCheckedModel *model)
{
	c->model_id = model_id;
	c->model = model ? model->name : NULL;
	c->domain = model ? model->domain : 0;
	c->next_tensor = 0;
	c->model_is_damaged = c->places_are_stale = false;
}

/* Done with its tensors: graph, shapes and inline values are checked by what loads them to predict. */
static void
end_model(MosaicChecker *c, HeapTuple row)
{
	ModelRead	read = {row, c->checked->snapshot};
	char	   *damage = values_damage("model", row);

	if (damage)
		mosaic_checker_report(c, MOSAIC_DAMAGED_MODEL, -1, NULL, 0, "%s", damage);
	damage = mosaic_catch_damage(load_tokenizer, &read);
	if (damage)
		mosaic_checker_report(c, MOSAIC_DAMAGED_TOKENIZER, -1, NULL, 0, "%s", damage);
	if (c->model_is_damaged)
		return;
	damage = mosaic_catch_damage(load_model, &read);
	if (damage)
		mosaic_checker_report(c, MOSAIC_DAMAGED_MODEL, -1, NULL, 0, "%s", damage);
	c->model_is_damaged = damage != NULL;
}

/* ---- the rows of models and tensors, by their ids ---- */

typedef struct TensorPlace
{
	int64		model_id;
	int32		tensor_no;
	ItemPointerData place;
} TensorPlace;

typedef struct Rows
{
	MosaicChecker *c;
	int64		model_capacity;
	int64		ntensors,
				tensor_capacity;
	TensorPlace *tensors;
} Rows;

static void
note_model(Relation rel, HeapTuple row, void *arg)
{
	Rows	   *r = arg;
	MosaicChecked *checked = r->c->checked;
	TupleDesc	desc = RelationGetDescr(rel);
	MosaicCheckedModel *m;

	if (checked->nmodels == r->model_capacity)
		checked->models = repalloc_huge(checked->models, (r->model_capacity *= 2) * sizeof *checked->models);
	m = &checked->models[checked->nmodels++];
	m->model_id = id_attr(row, Anum_model_model_id, desc);
	m->name = text_attr(row, Anum_model_name, desc);
	m->domain = int_attr(row, Anum_model_domain, desc);
	m->place = row->t_self;
	m->damaged = m->stale = false;
	(void) heap_getattr(row, Anum_model_checksum, desc, &m->unsealed);
}

static void
note_tensor(Relation rel, HeapTuple row, void *arg)
{
	Rows	   *r = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	TensorPlace *t;

	if (r->ntensors == r->tensor_capacity)
		r->tensors = repalloc_huge(r->tensors, (r->tensor_capacity *= 2) * sizeof *r->tensors);
	t = &r->tensors[r->ntensors++];
	t->model_id = id_attr(row, Anum_tensor_model_id, desc);
	t->tensor_no = int_attr(row, Anum_tensor_tensor_no, desc);
	t->place = row->t_self;
}

static void
rows_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	mosaic_checker_damage(rel, page, line, what, ((Rows *) arg)->c);
}

static int
compare_models(const void *a, const void *b)
{
	int64		x = ((const MosaicCheckedModel *) a)->model_id,
				y = ((const MosaicCheckedModel *) b)->model_id;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

static int
compare_tensors(const void *a, const void *b)
{
	const TensorPlace *x = a,
			   *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->model_id != y->model_id)
		return x->model_id < y->model_id ? -1 : 1;
	return x->tensor_no < y->tensor_no ? -1 : x->tensor_no > y->tensor_no;
}

/* Not by their indexes, which know nothing of what is damaged in the rows. */
static void
read_rows(Rows *r, Relation models, Relation tensors)
{
	MosaicPageScan scan = {r->c->checked->snapshot, note_model, rows_damage, r};
	MosaicChecked *checked = r->c->checked;

	checked->models = palloc((r->model_capacity = 64) * sizeof *checked->models);
	r->tensors = palloc((r->tensor_capacity = 1024) * sizeof *r->tensors);
	r->c->table_is_damaged = &checked->models_are_damaged;
	mosaic_scan_pages(models, &scan);
	scan.row = note_tensor;
	mosaic_scan_pages(tensors, &scan);
	qsort(checked->models, checked->nmodels, sizeof *checked->models, compare_models);
	qsort(r->tensors, r->ntensors, sizeof *r->tensors, compare_tensors);
}

/* All tensors, also those of no model, and all models, also those without tensors, by model_id. */
void
mosaic_check_models(MosaicChecker *c)
{
	Relation	tensors = table_open(mosaic_relid("tensor"), AccessShareLock);
	Relation	models = table_open(mosaic_relid("model"), AccessShareLock);
	Rows		rows = {c};
	int64		t = 0,
				m = 0;

	mosaic_progress_phase(MOSAIC_PHASE_READING_MAPS, 0);
	read_rows(&rows, models, tensors);
	while (t < rows.ntensors || m < c->checked->nmodels)
	{
		MosaicCheckedModel *model = m < c->checked->nmodels ? &c->checked->models[m] : NULL;
		int64		of_tensor = t < rows.ntensors ? rows.tensors[t].model_id : PG_INT64_MAX;
		int64		model_id = model ? Min(of_tensor, model->model_id) : of_tensor;

		CHECK_FOR_INTERRUPTS();
		if (model && model->model_id != model_id)
			model = NULL;
		if (model && m > 0 && c->checked->models[m - 1].model_id == model_id)
		{
			c->table_is_damaged = &c->checked->models_are_damaged;
			mosaic_checker_damage(models, ItemPointerGetBlockNumber(&model->place),
								  ItemPointerGetOffsetNumber(&model->place), "another row has this model_id", c);
		}
		begin_model(c, model_id, model);
		c->checked->lost_models += model == NULL;
		/* An absurd number in a damaged tensor is none to go on from. */
		if (model || model_id < PG_INT64_MAX / 2)
			c->checked->last_model_id = Max(c->checked->last_model_id, model_id);
		for (; t < rows.ntensors && rows.tensors[t].model_id == model_id; t++)
		{
			HeapTuple	row = mosaic_fetch_row(tensors, &rows.tensors[t].place);

			check_tensor(row, RelationGetDescr(tensors), c);
			heap_freetuple(row);
		}
		if (model)
		{
			end_model(c, mosaic_fetch_row(models, &model->place));
			model->damaged = c->model_is_damaged;
			model->stale = c->places_are_stale;
			m++;
		}
	}
	c->model_id = 0;
	c->model = NULL;
	pfree(rows.tensors);
	table_close(models, NoLock);
	table_close(tensors, NoLock);
}
