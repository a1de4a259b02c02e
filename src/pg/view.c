/*
 * view.c
 *		Telling one state of the database from another, as cheaply as each call of a prediction needs it.
 *
 * snapXactCompletionCount does not serve: the active snapshot is a copy, in which it is 0.  And while an older
 * transaction runs and a newer one has ended, a commit in between changes neither xmin nor xmax.  What it does
 * change is the set of those that run: below the same xmax nobody begins any more, so this set only shrinks.
 *
 * On a primary a commit takes its transaction out of xip; those of subtransactions say nothing more.  During
 * recovery all are in subxip, each once, and they only become fewer: their number tells.  In xip a transaction
 * that is being prepared may be there twice for a moment, so it is not counted, but hashed.
 *
 * The running transaction's own changes are those before curcid.  Rolled back to a savepoint it may come to the same
 * curcid again, but in another subtransaction; another transaction of the session may, but it has another number.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "view.h"

MosaicView
mosaic_current_view(void)
{
	Snapshot	s = GetActiveSnapshot();
	MosaicView	v;

	memset(&v, 0, sizeof v);
	v.nrunning = s->xcnt;
	v.nsubrunning = s->takenDuringRecovery ? (uint32) s->subxcnt : 0;
	if (s->xcnt > 0)
		v.running = hash_bytes_extended((const unsigned char *) s->xip, (int) (s->xcnt * sizeof(TransactionId)), 0);
	v.xmin = s->xmin;
	v.xmax = s->xmax;
	v.curcid = s->curcid;
	v.subtransaction = GetCurrentSubTransactionId();
	v.transaction = mosaic_local_transaction();
	v.role = GetUserId();
	return v;
}
