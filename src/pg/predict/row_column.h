/*
 * row_column.h
 *		One column of a row as elements of an input.
 */
#ifndef MOSAIC_ROW_COLUMN_H
#define MOSAIC_ROW_COLUMN_H

#include "fmgr.h"
#include "utils/array.h"

#include "inputs.h"

typedef struct MosaicRowColumn
{
	int			attno;
	const char *name;
	bool		array;
	bool		is_string;
	Oid			type;			/* of an element, without domains */
	int16		typlen;			/* of an element, likewise */
	bool		typbyval;
	char		typalign;
	FmgrInfo	output;			/* of types whose text it makes */
} MosaicRowColumn;

/* Of a type (an array's, an element's); false where it can be no input of dtype. */
extern bool mosaic_row_column(Oid type, int dtype, MosaicRowColumn *out);

/*
 * Element i of an input from a value that is not NULL: false where it does not fit.  strings: where those are copied.  careful: no
 * error either.
 */
extern bool mosaic_column_element(MosaicRowColumn *column, Datum value, int dtype, void *elements, int64 i,
								  MemoryContext strings, bool careful);

#endif
