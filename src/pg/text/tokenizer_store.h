/*
 * tokenizer_store.h
 *		Tokenizers as rows.
 *
 * A model's row has the id of its tokenizer; models with equal ones share one row.
 * What writes holds the store's lock.
 */
#ifndef MOSAIC_TOKENIZER_STORE_H
#define MOSAIC_TOKENIZER_STORE_H

#include "access/htup.h"
#include "utils/snapshot.h"

/* The id of the tokenizer of a model, given its row; 0: it has none. */
extern int32 mosaic_tokenizer_of(HeapTuple model);

/* The content of a tokenizer, whose hash is verified, a copy in the current context; XX001 where it is missing or damaged. */
extern bytea *mosaic_read_tokenizer(int32 id, Snapshot snapshot);

/* The tokenizer with this content, stored if it is not yet.  description: as the core tells it. */
extern int32 mosaic_store_tokenizer(const void *content, Size len, const char *description);

/* Deletes a tokenizer (0: none) that no model has any more. */
extern void mosaic_leave_tokenizer(int32 id);

#endif
