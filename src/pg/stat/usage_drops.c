/*
 * usage_drops.c
 *		Counters go with the model that they are of.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "usage_drops.h"
#include "usage_shared.h"

typedef struct Drop
{
	Oid			catalog;
	int64		model_id;
	int			level;			/* of the subtransaction that drops it */
} Drop;

/* What this transaction drops; in TopTransactionContext. */
static List *drops = NIL;

void
mosaic_usage_drops(Oid catalog, int64 model_id)
{
	MemoryContext saved;
	Drop	   *drop;

	/* Maps the counters now: at the commit nothing may fail.  Where there is no room for them, models go nonetheless. */
	if (!mosaic_usage_map())
		return;
	saved = MemoryContextSwitchTo(TopTransactionContext);
	drop = palloc(sizeof *drop);
	drop->catalog = catalog;
	drop->model_id = model_id;
	drop->level = GetCurrentTransactionNestLevel();
	drops = lappend(drops, drop);
	MemoryContextSwitchTo(saved);
}

static void
subxact_callback(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, drops)
	{
		Drop	   *drop = lfirst(lc);

		if (drop->level < level)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			drops = foreach_delete_current(drops, lc);
		else
			drop->level = level - 1;
	}
}

static void
xact_callback(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_PREPARE && event != XACT_EVENT_ABORT)
		return;
	if (event != XACT_EVENT_ABORT)
		foreach(lc, drops)
		{
			Drop	   *drop = lfirst(lc);

			mosaic_usage_remove(drop->catalog, drop->model_id);
		}
	drops = NIL;
}

void
mosaic_usage_module_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
