/*
 * page_scan.h
 *		All rows of a table of the store, whatever its pages hold.
 *
 * A scan of the server takes line pointers and row headers at their word, and may
 * even write (hint bits) where a damaged one points to.  This one looks at every
 * page and row before it is used, says what is damaged, and goes on behind it.
 */
#ifndef MOSAIC_PAGE_SCAN_H
#define MOSAIC_PAGE_SCAN_H

#include "access/htup.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct MosaicPageScan
{
	Snapshot	snapshot;
	/* A sound row that the snapshot sees, on its pinned page. */
	void		(*row) (Relation rel, HeapTuple row, void *arg);
	/* What is damaged, one line of text; line 0: the page. */
	void		(*damage) (Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg);
	void	   *arg;
} MosaicPageScan;

/*
 * Calls row and damage in the order of the table.  An error in row counts as one of
 * its page, unless it is of the outside (damage.h).  Interruptible; not in parallel mode.
 */
extern void mosaic_scan_pages(Relation rel, const MosaicPageScan *scan);

#endif
