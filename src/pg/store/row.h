/*
 * row.h
 *		Rows of the store's tables, read without trust.
 *
 * Data checksums may be off, and then a byte that went bad on disk reaches us.
 * The server takes the headers of rows and values at their word; here a row is
 * looked at before anything is taken from it (mosaic/page_reader.h), and what is
 * damaged is an error (XX001) that names table, page and line.  After that,
 * heap_getattr() is safe; values of variable length go through mosaic_plain().
 */
#ifndef MOSAIC_ROW_H
#define MOSAIC_ROW_H

#include "access/genam.h"
#include "access/htup_details.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/relcache.h"

#include "compat.h"

/* What is wrong with a row of rel, in words, in the current context; NULL: nothing. */
extern char *mosaic_row_damage(Relation rel, HeapTuple row);

/* Raises the error.  detail: what is wrong with the row. */
pg_noreturn extern void mosaic_row_is_damaged(Relation rel, const ItemPointerData *place, const char *detail);

/* The row of a scan of an index that is in slot; an error where it is damaged. */
extern HeapTuple mosaic_slot_row(Relation rel, TupleTableSlot *slot);

/* A copy of the row at a place that a scan of all pages gave (page_scan.h). */
extern HeapTuple mosaic_fetch_row(Relation rel, const ItemPointerData *place);

/* As systable_getnext() and systable_getnext_ordered(), but an error where the row is damaged. */
extern HeapTuple mosaic_getnext(SysScanDesc scan);
extern HeapTuple mosaic_getnext_ordered(SysScanDesc scan, ScanDirection direction);

/* A value of a sound row as a copy of its own, in one piece, with a header of 4 bytes. */
extern struct varlena *mosaic_plain(Datum value);
/*
 * The same, but NULL and what is wrong, in words, where it is not to be had.  An error (XX001) only of the server's, of
 * a value compressed by another method than pglz.
 */
extern struct varlena *mosaic_plain_or(Datum value, char **damage);
/* The same of one that may be lost (never compressed): NULL where it cannot be read. */
extern struct varlena *mosaic_plain_hint(Datum value);
/* The same as a string. */
extern char *mosaic_plain_text(Datum value);
/* The same of an array of at most one dimension, without NULLs; an error (XX001) for any other. */
extern ArrayType *mosaic_plain_array(Datum value, Oid element_type, Size element_bytes);
/* The texts within an array that mosaic_plain() gave; NULL where it is not one of at most one dimension, without NULLs. */
extern text **mosaic_array_texts(struct varlena *array, int *n);
/* A value compressed by pglz as a copy of its own; NULL where it is damaged, or compressed otherwise. */
extern struct varlena *mosaic_decompress(const struct varlena *value);

/* An attribute of a sound row that is not NULL: an integer of so many bytes, or of one a bool. */
static inline int64
mosaic_int_attr(HeapTuple tuple, TupleDesc desc, int attnum, int len)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return len == 1 ? DatumGetBool(value) : len == 2 ? DatumGetInt16(value) :
		len == 4 ? DatumGetInt32(value) : DatumGetInt64(value);
}

#endif
