/*
 * predict_scan.c
 *		The plan node that predicts in batches.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "predict_parallel.h"
#include "predict_scan.h"

MosaicRun	mosaic_current_run;

static const CustomExecMethods exec_methods;

static Node *
create_state(CustomScan *scan)
{
	MosaicPredictScan *s = (MosaicPredictScan *) newNode(sizeof *s, T_CustomScanState);

	s->css.methods = &exec_methods;
	s->info = mosaic_scan_info_of(scan);
	return (Node *) s;
}

const CustomScanMethods mosaic_predict_scan_methods = {
	.CustomName = "Predict",
	.CreateCustomScanState = create_state
};

static MosaicPredictScan *
as_predict_scan(PlanState *state)
{
	if (!IsA(state, CustomScanState) || ((CustomScanState *) state)->methods != &exec_methods)
		return NULL;
	return (MosaicPredictScan *) state;
}

/* ---- begin, end ---- */

/* Also runs when a query ends by an error. */
static void
forget_scan(void *arg)
{
	mosaic_parallel_forget(arg);
}

/*
 * WHERE CURRENT OF looks for the scan of a table among the cursor's nodes, and in
 * its slot for the place of the row.  It does not look below a custom scan: so
 * have both.
 */
static void
pose_as_scan(MosaicPredictScan *s, PlanState *input)
{
	MosaicPredictScan *below = as_predict_scan(input);

	switch (nodeTag(input))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_IndexOnlyScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
		case T_ForeignScanState:
			break;
		default:
			if (below && below->scan)
				break;
			return;
	}
	s->scan = (ScanState *) input;
	s->tids = palloc(MOSAIC_BATCH_ROWS * sizeof *s->tids);
	s->css.ss.ss_currentRelation = s->scan->ss_currentRelation;
}

static ItemPointerData
current_tid(ScanState *scan)
{
	if (IsA(scan, IndexOnlyScanState))
		return ((IndexOnlyScanState *) scan)->ioss_ScanDesc->xs_heaptid;
	return scan->ss_ScanTupleSlot->tts_tid;
}

static void
init_columns(MosaicPredictScan *s, CustomScan *scan)
{
	ListCell   *lc;

	s->nkept = list_length(scan->custom_scan_tlist) - s->info.ncalls;
	s->sources = palloc((s->nkept + 1) * sizeof *s->sources);
	s->kept = palloc((MOSAIC_BATCH_ROWS * s->nkept + 1) * sizeof *s->kept);
	s->kept_null = palloc((MOSAIC_BATCH_ROWS * s->nkept + 1) * sizeof *s->kept_null);
	foreach(lc, scan->custom_scan_tlist)
	{
		TargetEntry *entry = lfirst(lc);

		if (foreach_current_index(lc) < s->nkept)
			s->sources[foreach_current_index(lc)] = castNode(Var, entry->expr)->varattno;
		else
			s->calls = lappend(s->calls, entry->expr);
	}
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;
	CustomScan *scan = (CustomScan *) node->ss.ps.plan;
	PlanState  *input = ExecInitNode(outerPlan(scan), estate, eflags);

	outerPlanState(node) = input;
	/* LIMIT tells this to a sort beneath, but does not see through custom scans. */
	if (s->info.bound >= 0)
		ExecSetTupleBound(s->info.bound, input);
	s->callback.func = forget_scan;
	s->callback.arg = s;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &s->callback);
	init_columns(s, scan);
	s->columns = node->ss.ss_ScanTupleSlot;
	s->row_context = CreateExprContext(estate);
	s->batch = mosaic_batch_new(&node->ss.ps, s->calls, MOSAIC_BATCH_ROWS);
	s->target = 1;
	pose_as_scan(s, input);
}

static void
end_scan(CustomScanState *node)
{
	forget_scan(node);
	ExecEndNode(outerPlanState(node));
}

/* ---- reading ahead ---- */

static void
drop_batch(MosaicPredictScan *s)
{
	mosaic_batch_reset(s->batch);
	s->n = s->next = 0;
	s->pending = NULL;
}

/*
 * A cursor turns back: from now on the input stays at the row that was delivered
 * last.  It is brought there from the start, not by going back, which would meet
 * rows in another order where an index has several of the same key.
 */
static void
go_row_by_row(MosaicPredictScan *s)
{
	EState	   *estate = s->css.ss.ps.state;
	PlanState  *input = outerPlanState(s);
	ScanDirection saved = estate->es_direction;
	int64		rows = s->delivered + s->ended;
	MosaicPredictScan *below = as_predict_scan(input);

	if (s->row_by_row)
		return;
	s->row_by_row = true;
	s->n = s->next = 0;
	s->pending = NULL;
	if (below)
		below->careful = false;
	estate->es_direction = ForwardScanDirection;
	ExecReScan(input);
	while (rows-- > 0)
		ExecProcNode(input);
	estate->es_direction = saved;
}

/* How many rows the next batch may have. */
static int
rows_ahead(MosaicPredictScan *s)
{
	const MosaicRun *run = &mosaic_current_run;
	bool		to_the_end = run->estate == s->css.ss.ps.state && run->count == 0;
	int			rows;

	if (s->row_by_row)
		return 1;
	if (s->info.demand == DEMAND_ALL || (s->info.demand == DEMAND_RUN && to_the_end))
		rows = MOSAIC_BATCH_ROWS;
	else if (!s->info.safe)
		return 1;
	else
	{
		rows = s->target;
		s->target = Min(2 * s->target, MOSAIC_BATCH_ROWS);
	}
	if (s->info.bound >= 0)
		rows = Min(rows, s->info.bound - s->delivered);
	return Max(rows, 1);
}

/* The next row of the input, or NULL; *stopped: because there would be an error. */
static TupleTableSlot *
read_input(MosaicPredictScan *s, bool careful, bool *stopped)
{
	TupleTableSlot *slot = s->pending;
	MosaicPredictScan *below = as_predict_scan(outerPlanState(s));

	*stopped = false;
	s->pending = NULL;
	if (slot)
		return slot;
	if (below)
		below->careful = careful;
	slot = ExecProcNode(outerPlanState(s));
	if (!TupIsNull(slot))
		return slot;
	*stopped = below && below->stopped;
	return NULL;
}

static void
keep_columns(MosaicPredictScan *s, TupleTableSlot *slot)
{
	TupleDesc	desc = s->columns->tts_tupleDescriptor;
	Datum	   *values = s->kept + s->n * s->nkept;
	bool	   *isnull = s->kept_null + s->n * s->nkept;
	MemoryContext saved = MemoryContextSwitchTo(mosaic_batch_memory(s->batch));

	for (int i = 0; i < s->nkept; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, i);

		values[i] = slot_getattr(slot, s->sources[i], &isnull[i]);
		if (!attr->attbyval && !isnull[i])
			values[i] = datumCopy(values[i], false, attr->attlen);
	}
	MemoryContextSwitchTo(saved);
}

/* Adds a row to the batch.  careful: false rather than an error. */
static bool
add_row(MosaicPredictScan *s, TupleTableSlot *slot, bool careful)
{
	ResetExprContext(s->row_context);
	s->row_context->ecxt_outertuple = slot;
	if (!mosaic_batch_add(s->batch, s->row_context, careful))
	{
		if (careful)
			return false;
		mosaic_batch_add_computed(s->batch, s->row_context);
	}
	keep_columns(s, slot);
	if (s->scan)
		s->tids[s->n] = current_tid(s->scan);
	s->n++;
	return true;
}

/* Reads and computes a batch.  False: there is no row, or (s->stopped) it would be an error. */
static bool
fill_batch(MosaicPredictScan *s)
{
	bool		forward = ScanDirectionIsForward(s->css.ss.ps.state->es_direction);
	int			rows = rows_ahead(s);
	bool		stopped = false;
	TupleTableSlot *pending = s->pending;

	drop_batch(s);
	s->pending = pending;
	if (s->end && forward)
	{
		s->ended = true;
		return false;
	}
	s->end = s->ended = false;
	while (s->n < rows)
	{
		bool		careful = s->careful || s->n > 0;
		TupleTableSlot *slot = read_input(s, careful, &stopped);

		if (slot == NULL)
		{
			s->end = forward && !stopped;
			break;
		}
		if (!add_row(s, slot, careful))
		{
			s->pending = slot;
			stopped = true;
			break;
		}
		if (mosaic_batch_is_full(s->batch))
			break;
	}
	if (s->n == 0)
	{
		s->stopped = stopped;
		s->ended = s->end;
		return false;
	}
	mosaic_batch_run(s->batch);
	return true;
}

/* ---- delivering ---- */

static void
store_columns(MosaicPredictScan *s, int row)
{
	TupleTableSlot *slot = s->columns;

	ExecClearTuple(slot);
	memcpy(slot->tts_values, s->kept + row * s->nkept, s->nkept * sizeof(Datum));
	memcpy(slot->tts_isnull, s->kept_null + row * s->nkept, s->nkept * sizeof(bool));
	mosaic_batch_values(s->batch, row, slot->tts_values + s->nkept, slot->tts_isnull + s->nkept);
	ExecStoreVirtualTuple(slot);
	if (s->scan)
		slot->tts_tid = s->tids[row];
}

/* As a scan does: to WHERE CURRENT OF, one with an empty slot is on no row, but another table's scan may be. */
static TupleTableSlot *
no_row(MosaicPredictScan *s)
{
	ExecClearTuple(s->columns);
	return NULL;
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;

	s->stopped = false;
	if (!ScanDirectionIsForward(node->ss.ps.state->es_direction))
		go_row_by_row(s);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (s->next >= s->n && !fill_batch(s))
			return no_row(s);
		if (s->careful && !mosaic_batch_has_values(s->batch, s->next))
		{
			s->stopped = true;
			return no_row(s);
		}
		ResetExprContext(econtext);
		store_columns(s, s->next);
		s->next++;
		s->delivered++;
		econtext->ecxt_scantuple = s->columns;
		if (node->ss.ps.qual && !ExecQual(node->ss.ps.qual, econtext))
		{
			InstrCountFiltered1(node, 1);
			continue;
		}
		return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : s->columns;
	}
}

static void
rescan(CustomScanState *node)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;

	drop_batch(s);
	ExecClearTuple(s->columns);
	s->end = s->ended = s->row_by_row = false;
	s->target = 1;
	s->delivered = 0;
	if (outerPlanState(node)->chgParam == NULL)
		ExecReScan(outerPlanState(node));
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Predict",
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = mosaic_parallel_estimate,
	.InitializeDSMCustomScan = mosaic_parallel_init,
	.ReInitializeDSMCustomScan = mosaic_parallel_reinit,
	.InitializeWorkerCustomScan = mosaic_parallel_init_worker,
	.ShutdownCustomScan = mosaic_parallel_shutdown,
	.ExplainCustomScan = mosaic_explain_predict_scan
};

void
mosaic_predict_scan_init(void)
{
	RegisterCustomScanMethods(&mosaic_predict_scan_methods);
}
