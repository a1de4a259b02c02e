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
				mixed,			/* one by one: the model's items are not independent; */
				apart,			/* no batch can have such rows; */
				failed;			/* they were in a batch that failed */
	int			group;			/* the most at a time, where a batch did not fit in memory; else 0 */
	char		because[256];	/* of mixed, as much as fits; or empty */
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

/* Notes rows that were no batch's: because of the model's items, "" where nothing else is known, or, NULL, of the rows. */
extern void mosaic_note_apart(MosaicRowsWays *ways, int64 version, const char *because);

extern void mosaic_add_ways(MosaicRowsWays *to, const MosaicRowsWays *from);

#endif
