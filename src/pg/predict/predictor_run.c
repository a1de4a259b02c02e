/*
 * predictor_run.c
 *		Running a model on inputs.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "mosaic/capi_delta.h"
#include "mosaic/capi_prepared.h"

#include "errors.h"
#include "made_blocks.h"
#include "predictor_state.h"
#include "time_limit.h"

/* Activations of one run that are good for caches: this much, or work_mem where that is more. */
#define ACTIVATION_BYTES (12 * 1024 * 1024)
#define MAX_ITEMS 256

int			mosaic_predict_memory = 1024 * 1024;	/* pg_mosaic.predict_memory, kB */

static int64
activation_bytes(void)
{
	return Min(Max(work_mem * INT64CONST(1024), ACTIVATION_BYTES), mosaic_predict_memory * INT64CONST(1024));
}

/* Makes an exec whose requests the pins can serve. */
static void
ensure_exec(MosaicPredictor *p)
{
	int			window = mosaic_pins_window(p->pins);
	MosaicError error;

	if (p->exec == NULL || p->window > window)
	{
		if (p->exec)
			mosaic_exec_free(p->exec);
		p->exec = NULL;
		if (p->payloads)
			pfree(p->payloads);
		p->payloads = NULL;
		p->payloads = MemoryContextAlloc(p->cxt, window * sizeof(void *));
		p->window = window;
		if (mosaic_exec_new(p->handle->model, window, &p->exec, &error) != MOSAIC_OK)
			mosaic_report(&error);
		mosaic_exec_share_prepared(p->exec);
	}
	mosaic_exec_set_memory_limit(p->exec, mosaic_predict_memory * INT64CONST(1024),
								 activation_bytes());
	mosaic_exec_set_made_blocks(p->exec, mosaic_made_window(p->handle));
	mosaic_exec_set_timed(p->exec, p->timed);
}

int
mosaic_predictor_items(MosaicPredictor *p, const MosaicTensorView *inputs, int64 items)
{
	int64		fitting,
				runs;
	MosaicError error;

	items = Min(items, MAX_ITEMS);
	if (!mosaic_predictor_batches(p))
		return (int) items;
	ensure_exec(p);
	/* What is wrong with the inputs shows when they are run. */
	if (mosaic_exec_fitting(p->exec, inputs, items, activation_bytes(), &fitting, &error) != MOSAIC_OK)
		return 1;
	/* Runs of one size: they reuse each other's memory. */
	runs = (items + fitting - 1) / fitting;
	return (int) ((items + runs - 1) / runs);
}

/* Runs the model; MOSAIC_OK, or the failure of the core. */
static MosaicCode
run(MosaicPredictor *p, const MosaicTensorView *inputs, int64 items, bool stacked,
	MosaicError *error)
{
	MosaicBlockRequest request;
	MosaicUsageRun usage;
	MosaicCode	code;
	int64		limit = mosaic_time_limit(Max(items, 1));

	mosaic_usage_run_begin(&p->handle->usage, &usage, items);
	ensure_exec(p);
	code = mosaic_exec_start(p->exec, inputs, items, stacked, error);
	if (code != MOSAIC_OK)
		return code;
	while ((code = mosaic_exec_step(p->exec, &request, error)) != MOSAIC_OK)
	{
		mosaic_check_time_limit(limit);
		if (code == MOSAIC_NEED_BLOCKS)
		{
			mosaic_pins_get(p->pins, request.tensor, request.count, request.indexes, mosaic_exec_takes_deltas(p->exec),
							p->payloads);
			mosaic_exec_supply(p->exec, p->payloads);
		}
		else if (code != MOSAIC_MORE)
			break;
	}
	mosaic_pins_pause(p->pins);
	mosaic_usage_run_end(&p->handle->usage, &usage);
	return code;
}

void
mosaic_predictor_run(MosaicPredictor *p, const MosaicTensorView *inputs, int64 items, bool stacked)
{
	MosaicError error;

	if (run(p, inputs, items, stacked, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

bool
mosaic_predictor_try_run(MosaicPredictor *p, const MosaicTensorView *inputs, int64 items,
						 bool stacked)
{
	MosaicError error;

	return run(p, inputs, items, stacked, &error) == MOSAIC_OK;
}

void
mosaic_predictor_output(MosaicPredictor *p, int i, MosaicTensorView *output)
{
	MosaicError error;

	if (mosaic_exec_output(p->exec, i, output, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

void
mosaic_predictor_item_output(MosaicPredictor *p, int i, bool keep_axis, MosaicTensorView *output)
{
	MosaicError error;
	MosaicCode	code;

	while ((code = mosaic_exec_item_output(p->exec, i, keep_axis, output, &error)) == MOSAIC_MORE)
		CHECK_FOR_INTERRUPTS();
	if (code != MOSAIC_OK)
		mosaic_report(&error);
}
