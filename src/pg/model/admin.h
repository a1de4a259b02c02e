/*
 * admin.h
 *		Removing models and changing what may change about them.
 */
#ifndef MOSAIC_ADMIN_H
#define MOSAIC_ADMIN_H

#include "access/htup.h"

/* Deletes a model's rows and the blocks that it used last.  The caller holds the store's lock. */
extern void mosaic_remove_model(HeapTuple model);

/* Sets the readers of a model. */
extern void mosaic_set_readers(int64 model_id, Datum readers);

#endif
