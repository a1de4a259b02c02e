/*
 * damage.c
 *		Going on where what the database holds is damaged.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "catalog.h"
#include "damage.h"
#include "progress.h"
#include "row.h"

/* Whether an error tells of the outside, not of what is stored. */
static bool
is_outside(int sqlstate)
{
	/* A file of the relation, or of the status of transactions that a row names, is not there. */
	if (sqlstate == ERRCODE_UNDEFINED_FILE)
		return false;
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
		case ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK):
			return true;
		default:
			return false;
	}
}

char *
mosaic_catch_damage(void (*fn) (void *arg), void *arg)
{
	MemoryContext cxt = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *message = NULL;
	MosaicProgressReport progress;

	mosaic_progress_save(&progress);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(cxt);
	PG_TRY();
	{
		fn(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(cxt);
		CurrentResourceOwner = owner;
		mosaic_progress_restore(&progress); /* a rollback ends the report */
		if (is_outside(error->sqlerrcode))
			ReThrowError(error);
		message = error->message ? pstrdup(error->message) : pstrdup("unknown error");
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	CurrentResourceOwner = owner;
	return message;
}

typedef struct MapRead
{
	Datum		value;
	bytea	   *map;
} MapRead;

static void
read_map(void *arg)
{
	MapRead    *r = arg;
	int64		n;

	r->map = (bytea *) mosaic_plain(r->value);
	(void) mosaic_map_ids(r->map, &n);
}

bytea *
mosaic_read_map(HeapTuple tensor, TupleDesc desc, char **damage)
{
	MapRead		r = {0};
	bool		isnull;

	*damage = NULL;
	r.value = heap_getattr(tensor, Anum_tensor_map, desc, &isnull);
	if (isnull)
		return NULL;
	*damage = mosaic_catch_damage(read_map, &r);
	return *damage ? NULL : r.map;
}
