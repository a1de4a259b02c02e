/*
 * store_model.c
 *		From the bytes of a model to its rows and blocks.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "admin.h"
#include "aliases.h"
#include "catalog.h"
#include "dedup_log.h"
#include "domain.h"
#include "errors.h"
#include "inputs.h"
#include "labels.h"
#include "model_rows.h"
#include "mosaic/capi_checksum.h"
#include "progress.h"
#include "roles.h"
#include "row.h"
#include "store.h"
#include "store_model.h"
#include "store_model_job.h"
#include "tokenizer_store.h"
#include "versions.h"

static void
free_job(void *arg)
{
	ImportJob  *job = arg;

	mosaic_import_free(job->import);
	mosaic_model_free(job->model);
}

static void
fail(ImportJob *job, const MosaicError *error)
{
	if (error->code == MOSAIC_E_HOST)
		mosaic_source_rethrow(job->source);
	mosaic_report(error);
}

void
mosaic_job_open(ImportJob *job, const char *name, MosaicHostSource *source, int height,
				const MosaicModelOptions *model)
{
	MosaicImportOptions options = {
		.model_name = name,.block_height = height,.weight_dtype = model->dtype,.batch_axis = model->batch_axis,
		/* Names are UTF-8, and stay it where encodings are not looked at. */
		.ascii_names = GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII
	};
	MosaicError error;

	job->source = source;
	job->callback.func = free_job;
	job->callback.arg = job;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &job->callback);
	if ((model->like ? mosaic_like_import(model->like, &options, &job->import, &error) :
		 mosaic_import_new(mosaic_source_callbacks(source), &options, &job->import, &error)) != MOSAIC_OK)
		fail(job, &error);

	job->stats.tensors = mosaic_import_tensor_count(job->import);
	job->maps = palloc0(Max(job->stats.tensors, 1) * sizeof *job->maps);
	for (int i = 0; i < job->stats.tensors; i++)
	{
		const MosaicTensorDesc *t = mosaic_import_tensor(job->import, i);
		Size		n = (Size) t->nblocks;
		int64		elements = 1;

		if (t->nblocks > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model \"%s\", tensor \"%s\": too many blocks", name, t->name)));
		job->maps[i].ids = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(int32) + 1);
		job->maps[i].places = MemoryContextAllocHuge(CurrentMemoryContext,
													 n * sizeof(ItemPointerData) + 1);
		for (int d = 0; d < t->ndim; d++)
			elements *= t->dims[d];
		if (t->dtype == MOSAIC_FLOAT || t->dtype == MOSAIC_DOUBLE ||
			t->dtype == MOSAIC_FLOAT16 || t->dtype == MOSAIC_BFLOAT16)
			job->stats.parameters += elements;
		job->stats.weight_bytes += elements * mosaic_dtype_size(t->layout == MOSAIC_LAYOUT_INLINE ?
																t->dtype : t->stored_dtype);
	}
}

void
mosaic_job_seek_bases(MosaicWriter *writer, HeapTuple old, int keep, Snapshot snapshot)
{
	int64		n = 0;
	int32	   *leaving = NULL;

	if (old && !mosaic_stays(old, keep))
		leaving = mosaic_model_blocks(DatumGetInt64(mosaic_model_attr(old, Anum_model_model_id)), snapshot, &n);
	mosaic_writer_seek_bases(writer, leaving, n);
}

void
mosaic_job_store_blocks(ImportJob *job, MosaicWriter *writer)
{
	MosaicBlock block;
	MosaicError error;
	MosaicCode	code;
	int64		total = 0;

	for (int i = 0; i < job->stats.tensors; i++)
		total += mosaic_import_tensor(job->import, i)->nblocks;
	mosaic_progress_phase(MOSAIC_PHASE_STORING_BLOCKS, total);
	while ((code = mosaic_import_step(job->import, &block, &error)) == MOSAIC_MORE)
	{
		TensorMap  *map = &job->maps[block.tensor];

		CHECK_FOR_INTERRUPTS();
		if (++job->stats.blocks % 64 == 0)
			mosaic_progress_done(job->stats.blocks);
		job->stats.shared += mosaic_writer_use(writer, &block, &map->ids[block.index],
											   &map->places[block.index]);
	}
	if (code != MOSAIC_OK)
		fail(job, &error);
	job->stats.new_bytes = mosaic_writer_new_bytes(writer);
}

static bytea *
make_bytea(const void *data, Size len)
{
	bytea	   *b = palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(b), data, len);
	return b;
}

void
mosaic_job_insert_tensors(ImportJob *job, int64 model_id)
{
	Relation	rel = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic tensor row",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);

	for (int i = 0; i < job->stats.tensors; i++)
	{
		const MosaicTensorDesc *t = mosaic_import_tensor(job->import, i);
		TensorMap  *map = &job->maps[i];
		Datum		values[Natts_tensor];
		bool		nulls[Natts_tensor] = {false};
		Datum		dims[MOSAIC_MAX_DIMS];
		bool		is_inline = t->layout == MOSAIC_LAYOUT_INLINE;

		for (int d = 0; d < t->ndim; d++)
			dims[d] = Int64GetDatum(t->dims[d]);
		values[Anum_tensor_model_id - 1] = Int64GetDatum(model_id);
		values[Anum_tensor_tensor_no - 1] = Int32GetDatum(i);
		values[Anum_tensor_name - 1] = CStringGetTextDatum(t->name);
		values[Anum_tensor_dtype - 1] = Int16GetDatum(t->dtype);
		values[Anum_tensor_dims - 1] =
			PointerGetDatum(construct_array(dims, t->ndim, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
											TYPALIGN_DOUBLE));
		values[Anum_tensor_layout - 1] = Int16GetDatum(t->layout);
		values[Anum_tensor_stored_dtype - 1] = Int16GetDatum(t->stored_dtype);
		values[Anum_tensor_transposed - 1] = BoolGetDatum(t->transposed);
		values[Anum_tensor_matrix_rows - 1] = Int64GetDatum(t->rows);
		values[Anum_tensor_matrix_cols - 1] = Int64GetDatum(t->cols);
		values[Anum_tensor_block_rows - 1] = Int32GetDatum(t->block_rows);
		values[Anum_tensor_block_cols - 1] = Int32GetDatum(t->block_cols);
		nulls[Anum_tensor_value - 1] = !is_inline;
		nulls[Anum_tensor_map - 1] = nulls[Anum_tensor_places - 1] = is_inline;
		if (is_inline)
			values[Anum_tensor_value - 1] = PointerGetDatum(make_bytea(t->value, t->value_bytes));
		else
		{
			values[Anum_tensor_map - 1] = PointerGetDatum(mosaic_make_map(map->ids, t->nblocks));
			values[Anum_tensor_places - 1] =
				PointerGetDatum(make_bytea(map->places, t->nblocks * sizeof(ItemPointerData)));
		}
		CatalogTupleInsertWithInfo(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls), indexes);
		MemoryContextReset(cxt);
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
}

/* As mosaic_read_model() will find it. */
static pg_uuid_t
checksum_of(ImportJob *job, const void *graph, size_t len)
{
	pg_uuid_t	sum;

	mosaic_checksum_graph(graph, len, sum.data);
	for (int i = 0; i < job->stats.tensors; i++)
		mosaic_checksum_tensor(mosaic_import_tensor(job->import, i), job->maps[i].ids, sum.data);
	return sum;
}

/* Loads the graph as predict() will, which checks it once more, and describes the model. */
static Datum
describe_model(ImportJob *job, const char *name, const void *graph, size_t len)
{
	MosaicTensorDesc *descs = palloc(Max(job->stats.tensors, 1) * sizeof *descs);
	MosaicError error;
	const char *json;

	for (int i = 0; i < job->stats.tensors; i++)
		descs[i] = *mosaic_import_tensor(job->import, i);
	if (mosaic_model_new(name, graph, len, descs, (int) job->stats.tensors, &job->model,
						 &error) != MOSAIC_OK ||
		mosaic_model_describe(job->model, &json, &error) != MOSAIC_OK)
		fail(job, &error);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
}

/* What is set of a model, not part of its file. */
static const int optional[] = {
	Anum_model_tokenizer, Anum_model_labels, Anum_model_max_tokens, Anum_model_pooling, Anum_model_normalized,
	Anum_model_input_map, Anum_model_truncates
};

HeapTuple
mosaic_job_model_row(ImportJob *job, int64 model_id, const char *name, Oid owner)
{
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model];
	bool		nulls[Natts_model] = {false};
	size_t		len;
	const void *graph = mosaic_import_graph(job->import, &len);
	pg_uuid_t	sum = checksum_of(job, graph, len);
	HeapTuple	row;

	values[Anum_model_model_id - 1] = Int64GetDatum(model_id);
	values[Anum_model_name - 1] = CStringGetTextDatum(name);
	values[Anum_model_owner - 1] = ObjectIdGetDatum(owner);
	values[Anum_model_domain - 1] = Int32GetDatum(job->domain);
	values[Anum_model_readers - 1] = PointerGetDatum(mosaic_make_roles(NULL, 0));
	values[Anum_model_created - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[Anum_model_parameters - 1] = Int64GetDatum(job->stats.parameters);
	values[Anum_model_weight_bytes - 1] = Int64GetDatum(job->stats.weight_bytes);
	values[Anum_model_description - 1] = describe_model(job, name, graph, len);
	values[Anum_model_graph - 1] = PointerGetDatum(make_bytea(graph, len));
	values[Anum_model_checksum - 1] = UUIDPGetDatum(&sum);
	for (int i = 0; i < lengthof(optional); i++)
		nulls[optional[i] - 1] = true;
	values[Anum_model_version - 1] = values[Anum_model_last_version - 1] = Int32GetDatum(1);
	nulls[Anum_model_predecessor - 1] = nulls[Anum_model_replaced - 1] = nulls[Anum_model_content - 1] = true;
	row = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	table_close(rel, NoLock);
	return row;
}

HeapTuple
mosaic_check_existing(const char *name, bool replace, Snapshot snapshot)
{
	HeapTuple	row = mosaic_find_model(name, snapshot, RowExclusiveLock);

	mosaic_check_no_alias(name, snapshot);
	/* Without replace, any model of this name is in the way, seen or not. */
	if (replace)
		mosaic_check_unchanged(name, row);
	if (!HeapTupleIsValid(row))
		return NULL;
	if (!mosaic_owns_model(row))
		ereport(ERROR,
				(errcode(replace ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_DUPLICATE_OBJECT),
				 errmsg(replace ? "must be owner of model \"%s\" to replace it" :
						"model \"%s\" already exists", name)));
	if (!replace)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", name),
				 errhint("Use replace => true to replace it, or drop_model() first.")));
	return row;
}

int32
mosaic_choose_domain(const char *asked, const char *name, HeapTuple old, Snapshot snapshot,
					 int32 (*find) (const char *name, Snapshot snapshot))
{
	int32		domain;

	if (asked != NULL || old == NULL)
		return find(asked, snapshot);
	domain = DatumGetInt32(mosaic_model_attr(old, Anum_model_domain));
	mosaic_check_domain(domain, name, snapshot);
	return domain;
}

Oid
mosaic_choose_owner(HeapTuple old, Snapshot snapshot)
{
	Oid			owner = old ? DatumGetObjectId(mosaic_model_attr(old, Anum_model_owner)) : GetUserId();

	return mosaic_role_exists(owner, snapshot) ? owner : GetUserId();
}

HeapTuple
mosaic_carry_settings(HeapTuple row, HeapTuple from)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};

	for (int i = 0; i < lengthof(optional); i++)
	{
		replace[optional[i] - 1] = true;
		values[optional[i] - 1] = mosaic_model_option(from, optional[i], &nulls[optional[i] - 1]);
	}
	row = heap_modify_tuple(row, RelationGetDescr(rel), values, nulls, replace);
	table_close(rel, NoLock);
	return row;
}

/* What was set of a model stays when a new version replaces it, which is the next.  kept: the old one is. */
static HeapTuple
succeed(HeapTuple row, HeapTuple old, bool kept)
{
	int32		version = mosaic_last_version(old) + 1,
				predecessor = kept ? mosaic_version_of(old) : mosaic_predecessor_of(old);
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};

	values[Anum_model_version - 1] = values[Anum_model_last_version - 1] = Int32GetDatum(version);
	values[Anum_model_predecessor - 1] = Int32GetDatum(predecessor);
	nulls[Anum_model_predecessor - 1] = predecessor == 0;
	replace[Anum_model_version - 1] = replace[Anum_model_last_version - 1] = true;
	replace[Anum_model_predecessor - 1] = true;
	row = heap_modify_tuple(mosaic_carry_settings(row, old), RelationGetDescr(rel), values, nulls, replace);
	table_close(rel, NoLock);
	return row;
}

void
mosaic_insert_model(HeapTuple row, HeapTuple old, int keep)
{
	Relation	rel;
	int64		model_id = DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id));
	bool		kept = false;

	if (old)
	{
		kept = mosaic_stays(old, keep);
		mosaic_move_dedup_log(DatumGetInt64(mosaic_model_attr(old, Anum_model_model_id)), model_id);
		if (kept)
			mosaic_retire_model(old);
		else
			mosaic_remove_model(old);
	}
	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	CatalogTupleInsert(rel, old ? succeed(row, old, kept) : row);
	mosaic_hold_role(MOSAIC_MODEL_OWNER, DatumGetObjectId(mosaic_model_attr(row, Anum_model_owner)));
	table_close(rel, NoLock);
	if (old)
	{
		mosaic_set_readers(model_id, mosaic_model_attr(old, Anum_model_readers));
		mosaic_leave_domain(DatumGetInt32(mosaic_model_attr(old, Anum_model_domain)));
		mosaic_leave_tokenizer(mosaic_tokenizer_of(old));
		mosaic_prune_versions(mosaic_plain_text(mosaic_model_attr(old, Anum_model_name)), keep);
		mosaic_release_roles();
	}
	CommandCounterIncrement();
}

void
mosaic_store_model(MosaicHostSource *source, const char *name, const MosaicModelOptions *options,
				   MosaicImportStats *stats)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic import",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	ImportJob  *job = palloc0(sizeof *job);
	MosaicWriter *writer;
	Snapshot	snapshot;
	HeapTuple	old,
				row;
	int64		model_id;
	Oid			owner;

	mosaic_progress_start(MOSAIC_PROGRESS_IMPORT);
	snapshot = mosaic_lock_store();
	old = mosaic_check_existing(name, options->replace, snapshot);
	owner = mosaic_choose_owner(old, snapshot);
	job->domain = mosaic_choose_domain(options->domain, name, old, snapshot, mosaic_join_domain);
	model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	mosaic_job_open(job, name, source, mosaic_store_options(NULL).height, options);
	writer = mosaic_writer_open(snapshot, job->domain);
	if (options->lossless)
		mosaic_job_seek_bases(writer, old, options->keep, snapshot);
	mosaic_job_store_blocks(job, writer);
	mosaic_writer_close(writer);
	mosaic_job_insert_tensors(job, model_id);
	row = mosaic_job_model_row(job, model_id, name, owner);
	if (options->like)
		row = mosaic_carry_settings(row, mosaic_like_row(options->like, snapshot));
	UnregisterSnapshot(snapshot);
	mosaic_insert_model(row, old, options->keep);
	if (old)
	{
		mosaic_check_kept_labels(name);
		mosaic_check_kept_inputs(name);
	}
	*stats = job->stats;
	mosaic_progress_end();
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
}
