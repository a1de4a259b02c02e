/*
 * module.c
 *		The module's magic and what is done once when it is loaded.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "cache.h"
#include "compat.h"
#include "pins.h"
#include "plan_hooks.h"

MOSAIC_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	mosaic_pins_init();
	mosaic_cache_module_init();
	mosaic_plan_hooks_init();
	/* When all settings are defined: any other name with the prefix is a mistake. */
	MarkGUCPrefixReserved("pg_mosaic");
}
