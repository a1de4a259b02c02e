/*
 * predict_support.h
 *		What the planner is told of predict(), predict_class() and their like.
 */
#ifndef MOSAIC_PREDICT_SUPPORT_H
#define MOSAIC_PREDICT_SUPPORT_H

#include "nodes/plannodes.h"

/*
 * The planner asks the support function about every call of these functions, so
 * all calls in the plans of this backend have been seen.  That is what tells, at
 * no cost, that a plan has none, and what loads the module in time.
 */
extern bool mosaic_may_be_predict(Oid funcid);
extern bool mosaic_stmt_may_predict(PlannedStmt *stmt);

#endif
