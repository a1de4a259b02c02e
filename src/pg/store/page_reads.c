/*
 * page_reads.c
 *		Pins many pages of a relation, several of them read at a time where the server can.
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/smgr.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "compat.h"
#include "page_reads.h"

/* How many pages from pages[0] are consecutive, and read into the same buffers. */
static int
run_length(const MosaicPageRead *pages, int n)
{
	int			length = 1;

	while (length < n && pages[length].page == pages[0].page + length && pages[length].ring == pages[0].ring)
		length++;
	return length;
}

#ifdef MOSAIC_READS_RUNS

/* Reads under way at a time. */
#define MAX_READS 16

typedef struct Reading
{
	ReadBuffersOperation operation;
	int			n;				/* pages */
	int			read;			/* of them from the first; the others were in the pool */
} Reading;

/* What is under way: a queue, round. */
typedef struct Queue
{
	Relation	rel;
	Buffer	   *buffers;		/* of each page */
	Reading		readings[MAX_READS];
	int			first,
				count;
} Queue;

/*
 * Begins to read pages[i], and what of the others follows without a gap; returns how many these are.  18 may leave
 * pins of pages beyond these in q->buffers, which the next call for those takes over.
 */
static int
start(Queue *q, const MosaicPageRead *pages, int i, int n, bool jump)
{
	Reading    *r = &q->readings[(q->first + q->count++) % MAX_READS];
	int			flags = jump && effective_io_concurrency > 0 ? READ_BUFFERS_ISSUE_ADVICE : 0;
	bool		reads;

	memset(r, 0, sizeof *r);
	r->n = run_length(&pages[i], Min(n - i, io_combine_limit));
	r->operation.rel = q->rel;
	r->operation.smgr = RelationGetSmgr(q->rel);
	mosaic_set_persistence(&r->operation, q->rel);
	r->operation.forknum = MAIN_FORKNUM;
	r->operation.strategy = pages[i].ring;
	reads = StartReadBuffers(&r->operation, &q->buffers[i], pages[i].page, &r->n, flags);
	r->read = reads ? mosaic_pages_read(&r->operation, r->n) : 0;
	return r->n;
}

void
mosaic_pin_pages(Relation rel, const MosaicPageRead *pages, int n, ResourceOwner owner, MosaicPageFn fn, void *arg)
{
	ResourceOwner saved = CurrentResourceOwner;
	Queue		q = {.rel = rel,.buffers = palloc0(n * sizeof(Buffer))};
	int			started = 0,
				done = 0;

	while (done < n)
	{
		Reading    *r;

		CHECK_FOR_INTERRUPTS();
		CurrentResourceOwner = owner;
		while (started < n && q.count < MAX_READS)
			started += start(&q, pages, started, n, started == 0 || pages[started].page != pages[started - 1].page + 1);
		r = &q.readings[q.first];
		if (r->read > 0)
			WaitReadBuffers(&r->operation);
		CurrentResourceOwner = saved;
		for (int i = 0; i < r->n; i++)
			fn(q.buffers[done + i], i >= r->read, arg);
		done += r->n;
		q.first = (q.first + 1) % MAX_READS;
		q.count--;
	}
	pfree(q.buffers);
}

#else

/* So many pages are a run that the operating system is left to read ahead, in larger pieces than we can ask for. */
#define LONG_RUN 4

static void
announce(Relation rel, const MosaicPageRead *pages, int n)
{
	int			length;

	if (effective_io_concurrency == 0)
		return;
	for (int i = 0; i < n; i += length)
	{
		length = run_length(&pages[i], n - i);
		for (int j = i; j < i + length && length < LONG_RUN; j++)
			PrefetchBuffer(rel, MAIN_FORKNUM, pages[j].page);
	}
}

void
mosaic_pin_pages(Relation rel, const MosaicPageRead *pages, int n, ResourceOwner owner, MosaicPageFn fn, void *arg)
{
	ResourceOwner saved = CurrentResourceOwner;
	bool		announced = false;

	for (int i = 0; i < n; i++)
	{
		int64		read = pgBufferUsage.shared_blks_read;
		Buffer		buffer;
		bool		hit;

		CHECK_FOR_INTERRUPTS();
		CurrentResourceOwner = owner;
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, pages[i].page, RBM_NORMAL, pages[i].ring);
		CurrentResourceOwner = saved;
		hit = pgBufferUsage.shared_blks_read == read;
		fn(buffer, hit, arg);
		/* One page was not cached: neither may the others be. */
		if (!hit && !announced)
		{
			announce(rel, &pages[i + 1], n - i - 1);
			announced = true;
		}
	}
}

#endif
