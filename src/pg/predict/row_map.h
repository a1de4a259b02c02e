/*
 * row_map.h
 *		Which columns of a row fill which inputs of a model, and how.
 *
 * An input takes the columns that set_inputs() names, else the column of its own name (as it is
 * spelled, or else whatever the case).  Where a model has one input and no column is called so,
 * the columns fill it in their order; so they do, one for each of several inputs, where the row has no
 * names (ROW(...)), whatever was set.  Elements of several columns of one input, and of arrays, follow each other.
 *
 * Numbers, booleans, dates and timestamps (seconds since 1970-01-01 00:00) are elements of numbers; texts
 * and enums those of strings.
 */
#ifndef MOSAIC_ROW_MAP_H
#define MOSAIC_ROW_MAP_H

#include "access/htup_details.h"

#include "inputs.h"

typedef struct MosaicRowMap MosaicRowMap;

/*
 * Of a model and a row type, in the current context; model and options are borrowed.  What does not fit is an error only
 * when a row is read.
 */
extern MosaicRowMap *mosaic_row_map_new(const MosaicModel *model, const MosaicInputOptions *options, TupleDesc desc,
										const char *name);

/*
 * Takes the values of a row.  Raises an error (22023, 42804) where its columns do not fit the model, or
 * (22004) where one is NULL that may not be: with the names of all.  careful: false instead.
 */
extern bool mosaic_row_read(MosaicRowMap *map, HeapTupleHeader row, bool careful);

/* Of the row that was read: the shape of what an input is given. */
extern int	mosaic_row_ndim(const MosaicRowMap *map, int input);
extern const int64 *mosaic_row_dims(const MosaicRowMap *map, int input);

/*
 * Its elements, of the input's element type; strings are copied into a context.  An error (22003) where one does not
 * fit; careful: false instead.
 */
extern bool mosaic_row_fill(MosaicRowMap *map, int input, void *elements, MemoryContext strings, bool careful);

#endif
