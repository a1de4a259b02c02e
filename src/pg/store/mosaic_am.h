/*
 * mosaic_am.h
 *		The table access method "mosaic".
 *
 * A table USING mosaic has the columns (block_id int4, data bytea STORAGE
 * PLAIN) and ordinary heap pages, in which every tuple has the layout of
 * include/mosaic/page_format.h.  The access method guarantees that layout for
 * whatever it lets in; the readers in mosaic/page_reader.h trust nothing that
 * comes from disk.
 */
#ifndef MOSAIC_AM_H
#define MOSAIC_AM_H

#include "access/tableam.h"
#include "utils/rel.h"

#include "compat.h"
#include "mosaic/page_reader.h"

/* Column numbers of a table USING mosaic. */
#define MOSAIC_ATTNO_BLOCK_ID 1
#define MOSAIC_ATTNO_DATA 2

/* The routine; lives as long as the backend. */
extern const TableAmRoutine *mosaic_table_am(void);

/* Is rel a table USING mosaic? */
static inline bool
mosaic_relation_is_store(Relation rel)
{
	return rel->rd_tableam == mosaic_table_am();
}

#endif							/* MOSAIC_AM_H */
