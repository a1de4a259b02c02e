/*
 * admin.h
 *		Removing models and changing what may change about them.
 */
#ifndef MOSAIC_ADMIN_H
#define MOSAIC_ADMIN_H

#include "access/htup.h"
#include "fmgr.h"
#include "utils/snapshot.h"

/*
 * Deletes a model's rows and the blocks that it used last.  The caller holds the store's lock, and
 * then leaves its domain and its tokenizer.
 */
extern void mosaic_remove_model(HeapTuple model);

/* Sets the readers of a model. */
extern void mosaic_set_readers(int64 model_id, Datum readers);

/* The row of a model that the current role owns; an error (42704, 42501) otherwise.  The caller holds the store's lock. */
extern HeapTuple mosaic_owned_model(const char *name, Snapshot snapshot);

/* Replaces columns of a model's row; one column; one by NULL. */
extern void mosaic_update_columns(HeapTuple row, int n, const int *columns, const Datum *new_values,
								  const bool *new_nulls);
extern void mosaic_update_model(HeapTuple row, int attnum, Datum value);
extern void mosaic_clear_model(HeapTuple row, int attnum);

/* Arguments of functions that are not STRICT: 22004 where they are NULL. */
extern char *mosaic_name_argument(FunctionCallInfo fcinfo, int arg, const char *what);
extern Oid	mosaic_role_argument(FunctionCallInfo fcinfo, int arg, const char *what);

#endif
