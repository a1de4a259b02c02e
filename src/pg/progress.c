/*
 * progress.c
 *		How far a long command is, for the view mosaic.progress.
 */
#include "postgres.h"

#include <math.h>

#include "commands/progress.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"

#include "catalog.h"
#include "progress.h"

/* Parameters, numbered from 0; the view's start at 1.  The first few have a meaning for COPY. */
#define PARAM_DONE PROGRESS_COPY_TUPLES_PROCESSED
#define PARAM_MARK 10
#define PARAM_COMMAND 11
#define PARAM_PHASE 12
#define PARAM_TOTAL 13
#define PARAM_EVALUATIONS 14
#define PARAM_METRIC 15			/* in billionths: parameters are integers */

#define BILLION 1e9

#define MARK INT64CONST(0x6d6f73616963)	/* "mosaic" */

void
mosaic_progress_start(MosaicProgressCommand command)
{
	const int	params[] = {PARAM_MARK, PARAM_COMMAND};
	const int64 values[] = {MARK, command};

	pgstat_progress_start_command(PROGRESS_COMMAND_COPY, mosaic_relid("block"));
	pgstat_progress_update_multi_param(2, params, values);
}

void
mosaic_progress_phase(MosaicProgressPhase phase, int64 blocks_total)
{
	const int	params[] = {PARAM_PHASE, PARAM_TOTAL, PARAM_DONE};
	const int64 values[] = {phase, blocks_total, 0};

	pgstat_progress_update_multi_param(3, params, values);
}

void
mosaic_progress_done(int64 blocks_done)
{
	pgstat_progress_update_param(PARAM_DONE, blocks_done);
}

void
mosaic_progress_metric(int64 evaluations, double metric)
{
	const int	params[] = {PARAM_EVALUATIONS, PARAM_METRIC};
	int64		values[] = {evaluations, PG_INT64_MIN};	/* not to be shown */

	if (fabs(metric) < PG_INT64_MAX / BILLION)
		values[1] = (int64) rint(metric * BILLION);
	pgstat_progress_update_multi_param(2, params, values);
}

void
mosaic_progress_end(void)
{
	pgstat_progress_end_command();
}

void
mosaic_progress_save(MosaicProgressReport *report)
{
	report->command = PROGRESS_COMMAND_INVALID;
	if (MyBEEntry == NULL)
		return;
	report->command = MyBEEntry->st_progress_command;
	report->target = MyBEEntry->st_progress_command_target;
	memcpy(report->params, MyBEEntry->st_progress_param, sizeof report->params);
}

void
mosaic_progress_restore(const MosaicProgressReport *report)
{
	int			numbers[PGSTAT_NUM_PROGRESS_PARAM];

	if (report->command == PROGRESS_COMMAND_INVALID)
		return;
	for (int i = 0; i < PGSTAT_NUM_PROGRESS_PARAM; i++)
		numbers[i] = i;
	pgstat_progress_start_command(report->command, report->target);
	pgstat_progress_update_multi_param(PGSTAT_NUM_PROGRESS_PARAM, numbers, report->params);
}
