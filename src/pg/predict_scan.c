/*
 * predict_scan.c
 *		The plan node that predicts in batches.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "predict_parallel.h"
#include "predict_scan.h"

MosaicRun	mosaic_current_run;

/* Nodes that pose as the scan beneath them, of all running queries. */
static dlist_head posing_scans = DLIST_STATIC_INIT(posing_scans);

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
	MosaicPredictScan *s = arg;

	if (s->poses)
		dlist_delete(&s->posing);
	s->poses = false;
	mosaic_parallel_forget(s);
}

/*
 * WHERE CURRENT OF looks for the scan of a table among the cursor's nodes, and in
 * its slot for the row.  It does not look below a custom scan: so be that scan.
 */
static void
pose(MosaicPredictScan *s, PlanState *input)
{
	ScanState  *scan = (ScanState *) input;
	MosaicPredictScan *below = as_predict_scan(input);

	switch (nodeTag(input))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
		case T_ForeignScanState:
			break;
		case T_CustomScanState:
			if (below && below->poses)
				break;
			return;
		default:
			return;
	}
	if (scan->ss_currentRelation == NULL)
		return;
	s->css.ss.ss_currentRelation = scan->ss_currentRelation;
	s->css.ss.ss_ScanTupleSlot = scan->ss_ScanTupleSlot;
	s->poses = true;
	dlist_push_head(&posing_scans, &s->posing);
}

static bool
can_go_back(PlanState *input)
{
	MosaicPredictScan *below = as_predict_scan(input);

	return below ? below->can_go_back : ExecSupportsBackwardScan(input->plan);
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
	s->callback.func = forget_scan;
	s->callback.arg = s;
	MemoryContextRegisterResetCallback(estate->es_query_cxt, &s->callback);
	init_columns(s, scan);
	s->columns = node->ss.ss_ScanTupleSlot;
	s->row_context = CreateExprContext(estate);
	s->batch = mosaic_batch_new(&node->ss.ps, s->calls, MOSAIC_BATCH_ROWS);
	s->target = 1;
	s->can_go_back = can_go_back(input);
	pose(s, input);
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

/* Puts the input back to the row that was delivered last. */
static void
settle(MosaicPredictScan *s)
{
	EState	   *estate = s->css.ss.ps.state;
	ScanDirection saved = estate->es_direction;
	MosaicPredictScan *below = as_predict_scan(outerPlanState(s));
	int			steps = s->n - s->next + (s->pending != NULL) + (s->end && !s->ended);

	if (below)
		below->careful = false;
	/* The row delivered last may still be in use: its memory goes with the next batch. */
	s->n = s->next = 0;
	s->pending = NULL;
	if (!s->ended)
		s->end = false;
	estate->es_direction = BackwardScanDirection;
	while (steps-- > 0)
		ExecProcNode(outerPlanState(s));
	estate->es_direction = saved;
}

void
mosaic_predict_scans_settle(EState *estate)
{
	dlist_iter	iter;

	/* Those above first: their inputs then step back by themselves. */
	dlist_foreach(iter, &posing_scans)
	{
		MosaicPredictScan *s = dlist_container(MosaicPredictScan, posing, iter.cur);

		if (s->css.ss.ps.state == estate && s->can_go_back)
			settle(s);
	}
}

/* How many rows the next batch may have. */
static int
rows_ahead(MosaicPredictScan *s)
{
	EState	   *estate = s->css.ss.ps.state;
	const MosaicRun *run = &mosaic_current_run;
	bool		ours = run->estate == estate;
	int			rows;

	if (s->info.demand == DEMAND_ALL || (s->info.demand == DEMAND_RUN && ours && run->count == 0))
		rows = MOSAIC_BATCH_ROWS;
	else if (!s->info.safe)
		rows = 1;
	else
	{
		int64		left;

		if (!ours || s->run != run->serial)
			s->run_delivered = 0;
		s->run = ours ? run->serial : 0;
		left = ours && run->count > 0 ? (int64) run->count - s->run_delivered : 0;
		rows = s->target;
		s->target = Min(2 * s->target, MOSAIC_BATCH_ROWS);
		if (left > 0)
			rows = Min(rows, left);
		/* A cursor that must point at its row, but cannot be put back. */
		if (ours && run->count > 0 && s->poses && !s->can_go_back && (left <= 0 || s->css.ss.ps.qual))
			rows = 1;
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
	s->n++;
	return true;
}

/* Reads and computes a batch.  False: there is no row, or (s->stopped) it would be an error. */
static bool
fill_batch(MosaicPredictScan *s)
{
	bool		forward = ScanDirectionIsForward(s->css.ss.ps.state->es_direction);
	int			rows = forward ? rows_ahead(s) : 1;
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
	while (s->n < rows && MemoryContextMemAllocated(mosaic_batch_memory(s->batch), true) < work_mem * (Size) 1024)
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
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;

	s->stopped = false;
	if (!ScanDirectionIsForward(node->ss.ps.state->es_direction))
		settle(s);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (s->next >= s->n && !fill_batch(s))
			return NULL;
		if (s->careful && !mosaic_batch_has_values(s->batch, s->next))
		{
			s->stopped = true;
			return NULL;
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
		s->run_delivered++;
		return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : s->columns;
	}
}

static void
rescan(CustomScanState *node)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;

	drop_batch(s);
	s->end = s->ended = false;
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
