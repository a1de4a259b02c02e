/*
 * plan_one_row.h
 *		Statements that predict once: there is nothing to batch.
 */
#ifndef MOSAIC_PLAN_ONE_ROW_H
#define MOSAIC_PLAN_ONE_ROW_H

#include "nodes/plannodes.h"

/*
 * Whether a statement has one call of predict() or its like, and one row at most to call it for: without a table, or
 * found by the whole key of a unique index.  False where that is not known.
 */
extern bool mosaic_predicts_once(PlannedStmt *stmt);

#endif
