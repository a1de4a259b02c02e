/*
 * rows_way.h
 *		How the rows of each model were computed, for EXPLAIN.
 */
#ifndef MOSAIC_ROWS_WAY_H
#define MOSAIC_ROWS_WAY_H

#include "mosaic/capi.h"

/* Of one model; where more than one of them is set, some rows so and some so. */
typedef struct MosaicRowsWay
{
	int64		version;		/* its model_id; 0: none */
	bool		at_once,
				singly;			/* they were in a batch that failed */
	char		groups[40];		/* "in groups of 12", where a batch did not fit in memory; or empty */
} MosaicRowsWay;

#define MOSAIC_ROWS_WAYS 8		/* of more models it is not kept */

/* Plain data, shared with parallel workers. */
typedef struct MosaicRowsWays
{
	MosaicRowsWay of[MOSAIC_ROWS_WAYS];
} MosaicRowsWays;

/* A version's; add: made where there is none.  Else NULL. */
extern MosaicRowsWay *mosaic_rows_way(MosaicRowsWays *ways, int64 version, bool add);

/* Notes the last run of exec: of items, of as many as were to be computed. */
extern void mosaic_note_way(MosaicRowsWays *ways, int64 version, const MosaicExec *exec, int items, int of);

extern void mosaic_add_ways(MosaicRowsWays *to, const MosaicRowsWays *from);

#endif
