/*
 * module.c
 *		The module's magic and what is done once when it is loaded.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/guc.h"

#include "cache.h"
#include "compat.h"
#include "made_blocks.h"
#include "pins.h"
#include "plan_hooks.h"
#include "predictor.h"
#include "time_limit.h"
#include "usage_drops.h"

MOSAIC_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	mosaic_pins_init();
	mosaic_cache_module_init();
	mosaic_usage_module_init();
	mosaic_plan_hooks_init();
	DefineCustomIntVariable("pg_mosaic.predict_memory",
							"Most memory that the activations of one prediction may take.",
							"What needs more is computed in fewer items at a time, or refused before it is allocated.",
							&mosaic_predict_memory, 1024 * 1024, 1024, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_mosaic.delta_memory",
							"Memory in which a connection keeps the blocks of models that are stored as differences.",
							"Where it does not suffice for all of the model's, they are made anew for each batch.",
							&mosaic_delta_memory, 32 * 1024, 64, MAX_KILOBYTES,
							PGC_SUSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_mosaic.max_prediction_time",
							"Most time that predicting an item, or making the tokens of a text, may take.",
							"0 sets no limit.",
							&mosaic_max_prediction_time, 0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	/* When all settings are defined: any other name with the prefix is a mistake. */
	MarkGUCPrefixReserved("pg_mosaic");
}
