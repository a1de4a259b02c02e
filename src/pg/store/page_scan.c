/*
 * page_scan.c
 *		All rows of a table of the store, whatever its pages hold.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "damage.h"
#include "mosaic/page_reader.h"
#include "page_scan.h"
#include "row.h"

/*
 * So many pages are read in one subtransaction, which is what catches a page that
 * cannot be read.  It takes as long as hashing a page or two.
 */
#define PAGES_AT_A_TIME 64

typedef struct State
{
	Relation	rel;
	const MosaicPageScan *scan;
	BufferAccessStrategy ring;
	BlockNumber page;			/* the next one */
	BlockNumber end;			/* of those that are read now */
} State;

/* Whether a transaction is one that a row can still name. */
static bool
xid_is_possible(Relation rel, TransactionId xid)
{
	return TransactionIdIsNormal(xid) && TransactionIdPrecedes(xid, ReadNextTransactionId()) &&
		TransactionIdPrecedesOrEquals(rel->rd_rel->relfrozenxid, xid);
}

/*
 * Whether the transactions of a row are possible, so that they can be looked up.
 * Those that are no more, or not yet, would be an error at best.
 */
static const char *
transactions_damage(Relation rel, HeapTupleHeader row)
{
	TransactionId xmax = HeapTupleHeaderGetRawXmax(row);
	uint16		mask = row->t_infomask;

	if (mask & HEAP_MOVED)
		return "its header says that an old VACUUM FULL moved it";
	if (!HeapTupleHeaderXminFrozen(row) && !HeapTupleHeaderXminInvalid(row) &&
		!xid_is_possible(rel, HeapTupleHeaderGetRawXmin(row)))
		return "its header names an impossible transaction that inserted it";
	if ((mask & HEAP_XMAX_INVALID) || !TransactionIdIsValid(xmax))
		return NULL;
	if (mask & HEAP_XMAX_IS_MULTI)
	{
		if (HEAP_LOCKED_UPGRADED(mask))
			return NULL;
		if (MultiXactIdPrecedes(xmax, ReadNextMultiXactId()) &&
			MultiXactIdPrecedesOrEquals(rel->rd_rel->relminmxid, xmax))
			return NULL;
	}
	else if (xid_is_possible(rel, xmax))
		return NULL;
	return "its header names an impossible transaction that deleted or locked it";
}

/* Notes the line if it has a sound row that the snapshot sees.  The page is locked. */
static bool
look_at_line(State *s, Buffer buffer, OffsetNumber line, HeapTuple row)
{
	Page		page = BufferGetPage(buffer);
	uint32		offset,
				length;
	const char *damage = NULL;

	switch (mosaic_page_line(page, line, &offset, &length))
	{
		case MOSAIC_LINE_EMPTY:
			return false;
		case MOSAIC_LINE_DAMAGED:
			damage = "it would lie outside its page";
			break;
		case MOSAIC_LINE_ROW:
			row->t_data = (HeapTupleHeader) ((char *) page + offset);
			row->t_len = length;
			row->t_tableOid = RelationGetRelid(s->rel);
			ItemPointerSet(&row->t_self, BufferGetBlockNumber(buffer), line);
			damage = transactions_damage(s->rel, row->t_data);
			if (damage == NULL && !HeapTupleSatisfiesVisibility(row, s->scan->snapshot, buffer))
				return false;
			if (damage == NULL)
				damage = mosaic_row_damage(s->rel, row);
			break;
	}
	if (damage)
		s->scan->damage(s->rel, BufferGetBlockNumber(buffer), line, damage, s->scan->arg);
	return damage == NULL;
}

static void
read_page(State *s)
{
	Buffer		buffer = ReadBufferExtended(s->rel, MAIN_FORKNUM, s->page, RBM_NORMAL, s->ring);
	HeapTupleData rows[MOSAIC_MAX_LINES];
	int			nrows = 0;
	unsigned	nlines;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	nlines = mosaic_page_lines(BufferGetPage(buffer));
	if (nlines == 0 && ((PageHeader) BufferGetPage(buffer))->pd_lower > SizeOfPageHeaderData)
		s->scan->damage(s->rel, s->page, 0, "it says that it has more lines than a page can have",
						s->scan->arg);
	for (unsigned line = FirstOffsetNumber; line <= nlines; line++)
		nrows += look_at_line(s, buffer, line, &rows[nrows]);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	/* They stay in place while the page is pinned. */
	for (int i = 0; i < nrows; i++)
		s->scan->row(s->rel, &rows[i], s->scan->arg);
	ReleaseBuffer(buffer);
}

static void
read_pages(void *arg)
{
	State	   *s = arg;

	for (; s->page < s->end; s->page++)
	{
		CHECK_FOR_INTERRUPTS();
		read_page(s);
	}
}

void
mosaic_scan_pages(Relation rel, const MosaicPageScan *scan)
{
	State		s = {.rel = rel,.scan = scan};
	BlockNumber npages = RelationGetNumberOfBlocks(rel);

	/* As a scan of the server: a large table is not to push out all else. */
	if (npages > (BlockNumber) NBuffers / 4)
		s.ring = GetAccessStrategy(BAS_BULKREAD);
	while (s.page < npages)
	{
		char	   *damage;

		s.end = s.page + Min(npages - s.page, PAGES_AT_A_TIME);
		damage = mosaic_catch_damage(read_pages, &s);
		if (damage)
		{
			scan->damage(rel, s.page, 0, damage, scan->arg);
			s.page++;
		}
	}
	if (s.ring)
		FreeAccessStrategy(s.ring);
}
