/*
 * labels.h
 *		The names of a model's classes: mosaic.model.labels.
 */
#ifndef MOSAIC_LABELS_H
#define MOSAIC_LABELS_H

#include "access/htup.h"
#include "utils/array.h"

/* The labels in a model's row, in the order of the classes, in the current context; NULL: it has none. */
extern text **mosaic_read_labels(HeapTuple model_row, int *n);

/*
 * Gives a model (its row) labels instead of those it has; NULL: none.  An error (22004, 22023) where they
 * cannot be its labels.  The caller holds the store's lock.
 */
extern void mosaic_set_labels(const char *name, HeapTuple model_row, ArrayType *labels);

/* The same where the model has as many classes, or tokens of as many; else it is left as it is. */
extern void mosaic_offer_labels(const char *name, ArrayType *labels);

/* Of a new version of a model: labels of the one before that do not fit it are dropped, with a WARNING. */
extern void mosaic_check_kept_labels(const char *name);

#endif
