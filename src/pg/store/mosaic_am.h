/*
 * mosaic_am.h
 *		The table access method "mosaic", and the reader's view of its pages.
 *
 * A table USING mosaic has the columns (block_id int4, data bytea STORAGE
 * PLAIN) and ordinary heap pages, in which every tuple has the layout of
 * include/mosaic/page_format.h.  The access method guarantees that layout for
 * whatever it lets in; the reader below trusts nothing that comes from disk.
 */
#ifndef MOSAIC_AM_H
#define MOSAIC_AM_H

#include "access/htup_details.h"
#include "access/tableam.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

#include "compat.h"
#include "mosaic/page_format.h"

/* Column numbers of a table USING mosaic. */
#define MOSAIC_ATTNO_BLOCK_ID 1
#define MOSAIC_ATTNO_DATA 2

/* Payload lengths that a tuple may have. */
#define MOSAIC_PAYLOAD_LENGTH_IS_VALID(len) \
	((len) >= MOSAIC_MIN_PAYLOAD && (len) <= MOSAIC_MAX_PAYLOAD && \
	 (len) % MOSAIC_TUPLE_ALIGN == 0)

/* The routine; lives as long as the backend. */
extern const TableAmRoutine *mosaic_table_am(void);

/* Is rel a table USING mosaic? */
static inline bool
mosaic_relation_is_store(Relation rel)
{
	return rel->rd_tableam == mosaic_table_am();
}

/*
 * The payload of the tuple at line pointer "off", and its block_id and length;
 * NULL if there is no tuple, or it is none of ours (damaged page, other
 * layout).  Reads nothing outside the page whatever the page holds.  Says
 * nothing about visibility: that is the caller's business.
 *
 * REQUIRES: the page is pinned.  The pointer is valid as long as the pin; a
 * tuple of which the caller's snapshot sees a live version does not move while
 * pinned, since moving it takes a cleanup lock.  32-byte aligned.
 */
static inline const void *
mosaic_page_payload(Page page, OffsetNumber off, int32 *block_id, uint32 *length)
{
	ItemId		lp;
	HeapTupleHeader tuple;
	const char *base;
	uint32		len;

	if (off < FirstOffsetNumber || off > PageGetMaxOffsetNumber(page) ||
		PageGetMaxOffsetNumber(page) > MaxHeapTuplesPerPage)
		return NULL;
	lp = PageGetItemId(page, off);
	if (!ItemIdIsNormal(lp) ||
		ItemIdGetLength(lp) <= MOSAIC_PAYLOAD_OFFSET ||
		ItemIdGetOffset(lp) % MOSAIC_TUPLE_ALIGN != 0 ||
		ItemIdGetOffset(lp) + ItemIdGetLength(lp) > BLCKSZ)
		return NULL;

	len = ItemIdGetLength(lp) - MOSAIC_PAYLOAD_OFFSET;
	tuple = (HeapTupleHeader) PageGetItem(page, lp);
	base = (const char *) tuple;
	if (!MOSAIC_PAYLOAD_LENGTH_IS_VALID(len) ||
		tuple->t_hoff != MOSAIC_PAYLOAD_OFFSET - sizeof(int32) - VARHDRSZ ||
		(tuple->t_infomask & HEAP_HASNULL) != 0 ||
		!VARATT_IS_4B_U(base + MOSAIC_PAYLOAD_OFFSET - VARHDRSZ) ||
		VARSIZE_4B(base + MOSAIC_PAYLOAD_OFFSET - VARHDRSZ) != len + VARHDRSZ)
		return NULL;

	*block_id = *(const int32 *) (base + tuple->t_hoff);
	*length = len;
	return base + MOSAIC_PAYLOAD_OFFSET;
}

#endif							/* MOSAIC_AM_H */
