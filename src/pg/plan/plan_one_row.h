/*
 * plan_one_row.h
 *		Plans that deliver one row at most: there is nothing to batch.
 */
#ifndef MOSAIC_PLAN_ONE_ROW_H
#define MOSAIC_PLAN_ONE_ROW_H

#include "nodes/plannodes.h"

/* Whether a node delivers one row at most each time it is started, whatever the data.  False where that is not known. */
extern bool mosaic_one_row(Plan *plan);

/* Whether no node of a statement delivers more. */
extern bool mosaic_only_one_row(PlannedStmt *stmt);

#endif
