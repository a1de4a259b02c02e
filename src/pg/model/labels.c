/*
 * labels.c
 *		The names of a model's classes: set_labels().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "catalog.h"
#include "errors.h"
#include "labels.h"
#include "model_cache.h"
#include "row.h"

#define MAX_LABELS 1000000

text	  **
mosaic_read_labels(HeapTuple row, int *n)
{
	bool		isnull;
	Datum		value = mosaic_model_option(row, Anum_model_labels, &isnull);
	text	  **labels;

	*n = 0;
	if (isnull)
		return NULL;
	labels = mosaic_array_texts(mosaic_plain(value), n);
	if (labels == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the labels of model \"%s\" are damaged",
						mosaic_plain_text(mosaic_model_attr(row, Anum_model_name)))));
	return labels;
}

/*
 * How many classes an item has by the shape of the first output; 0 where that does not tell: it is
 * the class itself, or of a size that only a run knows.
 */
static int64
class_count(const MosaicModel *model)
{
	const MosaicValueInfo *output = mosaic_model_output(model, 0);
	int64		n = 1;

	for (int i = 0; i < output->ndim; i++)
	{
		if (i == output->item_axis)
			continue;
		if (output->dims[i] < 0)
			return 0;
		n *= output->dims[i];
	}
	if (n > 1)
		return n;
	return output->dtype == MOSAIC_FLOAT || output->dtype == MOSAIC_DOUBLE || output->dtype == MOSAIC_FLOAT16 ||
		output->dtype == MOSAIC_BFLOAT16 ? 2 : 0;
}

/* To be released. */
static MosaicModelHandle *
acquire(HeapTuple row)
{
	MosaicModelHandle *handle;

	/* The cache reads a model with the active snapshot. */
	PushActiveSnapshot(GetLatestSnapshot());
	handle = mosaic_model_acquire(row);
	PopActiveSnapshot();
	return handle;
}

/* The same of a model's row. */
static int64
classes_of(HeapTuple row)
{
	MosaicModelHandle *handle = acquire(row);
	int64		classes;

	classes = mosaic_model_output_count(handle->model) > 0 ? class_count(handle->model) : 0;
	mosaic_model_release(handle);
	return classes;
}

static void
check_count(const char *name, HeapTuple row, int n)
{
	int64		classes = classes_of(row);

	if (classes != 0 && classes != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has " INT64_FORMAT " classes, not %d",
						mosaic_shown_name(name, (int) strlen(name)), classes, n),
				 errhint("Its labels are one for each class, in the order of the first output.")));
}

/* Of a model that names the class of each token: how many there are. */
static int64
last_dimension(const MosaicModel *model)
{
	const MosaicValueInfo *output = mosaic_model_output(model, 0);

	return output->ndim > 0 ? output->dims[output->ndim - 1] : 0;
}

void
mosaic_offer_labels(const char *name, ArrayType *labels)
{
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	MosaicModelHandle *handle = acquire(row);
	int64		n = ArrayGetNItems(ARR_NDIM(labels), ARR_DIMS(labels));
	int64		classes = 0;

	if (mosaic_model_output_count(handle->model) > 0)
	{
		classes = class_count(handle->model);
		if (classes == 0)
			classes = last_dimension(handle->model);
	}
	mosaic_model_release(handle);
	if (classes == n)
		mosaic_set_labels(name, row, labels);
	UnregisterSnapshot(snapshot);
}

void
mosaic_check_kept_labels(const char *name)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	HeapTuple	row = mosaic_find_model(name, snapshot, RowExclusiveLock);
	int			n;

	if (HeapTupleIsValid(row) && mosaic_read_labels(row, &n) != NULL)
	{
		int64		classes = classes_of(row);

		if (classes != 0 && classes != n)
		{
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("model \"%s\" has " INT64_FORMAT " classes now: the %d labels that it had are dropped",
							mosaic_shown_name(name, (int) strlen(name)), classes, n),
					 errhint("set_labels() gives it new ones.")));
			mosaic_clear_model(row, Anum_model_labels);
		}
	}
	UnregisterSnapshot(snapshot);
}

void
mosaic_set_labels(const char *name, HeapTuple row, ArrayType *labels)
{
	int			n;

	if (labels == NULL)
	{
		mosaic_clear_model(row, Anum_model_labels);
		return;
	}
	n = ArrayGetNItems(ARR_NDIM(labels), ARR_DIMS(labels));
	if (ARR_NDIM(labels) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("labels must be an array of one dimension, and not empty"),
				 errhint("NULL takes its labels from a model.")));
	if (array_contains_nulls(labels))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a label must not be NULL")));
	if (n > MAX_LABELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d labels were given, at most %d are allowed", n, MAX_LABELS)));
	check_count(name, row, n);
	mosaic_update_model(row, Anum_model_labels, PointerGetDatum(labels));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_labels);
Datum
mosaic_pg_set_labels(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	ArrayType  *labels = PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1);
	Snapshot	snapshot = mosaic_lock_store();

	mosaic_set_labels(name, mosaic_owned_model(name, snapshot), labels);
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}
