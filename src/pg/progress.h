/*
 * progress.h
 *		How far a long command is, for the view mosaic.progress.
 *
 * The counters are those of the server's own progress reporting, which every
 * connection can read and an error resets.  Its list of commands cannot be
 * extended, so ours go by COPY, which moves data of a table likewise, with a
 * mark of our own; pg_stat_progress_copy shows them as a nameless copy.
 */
#ifndef MOSAIC_PROGRESS_H
#define MOSAIC_PROGRESS_H

#include "utils/backend_progress.h"

/* Numbered as in sql/65_progress.sql. */
typedef enum MosaicProgressCommand
{
	MOSAIC_PROGRESS_IMPORT = 1,
	MOSAIC_PROGRESS_PACK,
	MOSAIC_PROGRESS_CHECK,
	MOSAIC_PROGRESS_REPAIR,
	MOSAIC_PROGRESS_DEDUP
} MosaicProgressCommand;

typedef enum MosaicProgressPhase
{
	MOSAIC_PHASE_READING_MAPS = 1,
	MOSAIC_PHASE_PLANNING,
	MOSAIC_PHASE_MOVING_BLOCKS,
	MOSAIC_PHASE_WRITING_PLACES,
	MOSAIC_PHASE_STORING_BLOCKS,
	MOSAIC_PHASE_VERIFYING_BLOCKS,
	MOSAIC_PHASE_REPAIRING,
	MOSAIC_PHASE_SEARCHING,
	MOSAIC_PHASE_EVALUATING,
	MOSAIC_PHASE_WRITING_MERGES
} MosaicProgressPhase;

extern void mosaic_progress_start(MosaicProgressCommand command);
/* blocks_total: to be done in this phase; 0 where unknown. */
extern void mosaic_progress_phase(MosaicProgressPhase phase, int64 blocks_total);
extern void mosaic_progress_done(int64 blocks_done);
/* Evaluations so far, and what the last one measured. */
extern void mosaic_progress_metric(int64 evaluations, double metric);
/* Not needed after an error. */
extern void mosaic_progress_end(void);

/* Rolling back a subtransaction ends the report, too: where the command goes on, so does its report. */
typedef struct MosaicProgressReport
{
	ProgressCommandType command;
	Oid			target;
	int64		params[PGSTAT_NUM_PROGRESS_PARAM];
} MosaicProgressReport;

extern void mosaic_progress_save(MosaicProgressReport *report);
extern void mosaic_progress_restore(const MosaicProgressReport *report);

#endif
