/*
 * plan_hooks.h
 *		Where plans are rewritten: at the start of their execution.
 *
 * The planner's hook would miss the first query of a connection: the module is
 * loaded while that is planned (predict_support.h).  The executor's comes in
 * time, sees every statement, cached plans included, and EXPLAIN goes through it.
 */
#ifndef MOSAIC_PLAN_HOOKS_H
#define MOSAIC_PLAN_HOOKS_H

/* Called once when the module is loaded. */
extern void mosaic_plan_hooks_init(void);

#endif
