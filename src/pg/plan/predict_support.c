/*
 * predict_support.c
 *		What the planner is told of predict(), predict_class() and their like.
 *
 * Costs follow from the model where its name is a constant: a multiplication of
 * a row by every weight matrix, and its pages found and pinned once.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "aliases.h"
#include "catalog.h"
#include "predict_support.h"
#include "mosaic/page_format.h"

/*
 * Measured against the default costs: one unit is some 8 us, in which a core does
 * 4e5 operations of a matrix product; a row costs 2 us besides.
 */
#define OPERATIONS_PER_UNIT 4e5
#define UNITS_PER_ROW 0.25
#define UNITS_PER_PAGE 0.02

typedef struct Known
{
	Oid			funcid;
	uint32		hash;			/* as PlannedStmt.invalItems have it */
} Known;

static Known *known;
static int	n_known,
			max_known;

static void
remember(Oid funcid)
{
	if (mosaic_may_be_predict(funcid))
		return;
	if (n_known == max_known)
	{
		max_known = Max(2 * max_known, 16);
		known = known ? repalloc(known, max_known * sizeof *known)
			: MemoryContextAlloc(TopMemoryContext, max_known * sizeof *known);
	}
	known[n_known].funcid = funcid;
	known[n_known].hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(funcid));
	n_known++;
}

bool
mosaic_may_be_predict(Oid funcid)
{
	for (int i = 0; i < n_known; i++)
		if (known[i].funcid == funcid)
			return true;
	return false;
}

bool
mosaic_stmt_may_predict(PlannedStmt *stmt)
{
	ListCell   *lc;

	if (n_known == 0)
		return false;
	foreach(lc, stmt->invalItems)
	{
		PlanInvalItem *item = lfirst(lc);

		for (int i = 0; i < n_known && item->cacheId == PROCOID; i++)
			if (known[i].hash == item->hashValue)
				return true;
	}
	return false;
}

/* Multiplications and additions of one item, were every matrix used once. */
typedef struct Work
{
	Oid			catalog;
	int64		model_id;
	double		operations;
} Work;

static void
add_work(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Work	   *work = arg;
	bool		isnull;
	int			layout = DatumGetInt16(heap_getattr(tuple, Anum_tensor_layout, desc, &isnull));

	if (layout == MOSAIC_LAYOUT_STRIP)
		work->operations += 2.0 * DatumGetInt64(heap_getattr(tuple, Anum_tensor_matrix_rows, desc, &isnull)) *
			DatumGetInt64(heap_getattr(tuple, Anum_tensor_matrix_cols, desc, &isnull));
}

/* A model_id names content that never changes, so what was found can be kept. */
static double
operations_of(HeapTuple model)
{
	static Work cache[64];
	int64		id = DatumGetInt64(mosaic_model_attr(model, Anum_model_model_id));
	Oid			catalog = mosaic_relid("model");
	Work	   *slot = &cache[id % lengthof(cache)];

	if (slot->catalog != catalog || slot->model_id != id)
	{
		Work		work = {catalog, id, 0};

		mosaic_scan_tensors(id, GetActiveSnapshot(), add_work, &work);
		*slot = work;
	}
	return slot->operations;
}

/* Where the model is not known now, the cost declared for the function stands. */
static SupportRequestCost *
cost(SupportRequestCost *request)
{
	Const	   *name;
	MosaicMeaning meaning;
	HeapTuple	model;
	double		pages;

	if (request->node == NULL || !IsA(request->node, FuncExpr) || !ActiveSnapshotSet())
		return NULL;
	name = linitial(((FuncExpr *) request->node)->args);
	if (!IsA(name, Const) || name->constisnull || name->consttype != TEXTOID)
		return NULL;
	/* Whom a model is not for is not told its size. */
	if (mosaic_look_up(TextDatumGetCString(name->constvalue), GetActiveSnapshot(), &meaning) != MOSAIC_NAME_USABLE)
		return NULL;
	model = meaning.row;
	pages = DatumGetInt64(mosaic_model_attr(model, Anum_model_weight_bytes)) / (double) BLCKSZ;
	request->startup = UNITS_PER_PAGE * pages;
	request->per_tuple = UNITS_PER_ROW + operations_of(model) / OPERATIONS_PER_UNIT;
	heap_freetuple(model);
	return request;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_support);
Datum
mosaic_pg_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
		remember(((SupportRequestSimplify *) request)->fcall->funcid);
	if (IsA(request, SupportRequestCost))
		PG_RETURN_POINTER(cost((SupportRequestCost *) request));
	PG_RETURN_POINTER(NULL);
}
