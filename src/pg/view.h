/*
 * view.h
 *		What a name was resolved for: the state of the database that a snapshot sees, and the role that asks.
 */
#ifndef MOSAIC_VIEW_H
#define MOSAIC_VIEW_H

#include "access/xact.h"

/* To be compared byte by byte: equal ones see the same rows, and may do the same. */
typedef struct MosaicView
{
	uint64		running;		/* a hash of the transactions that the snapshot takes for running */
	uint32		nrunning,
				nsubrunning;
	TransactionId xmin,
				xmax;
	CommandId	curcid;
	SubTransactionId subtransaction;
	LocalTransactionId transaction;
	Oid			role;
} MosaicView;

/* Of the active snapshot and the current role. */
extern MosaicView mosaic_current_view(void);

#endif
