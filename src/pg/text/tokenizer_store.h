/*
 * tokenizer_store.h
 *		Tokenizers as rows: which a model has, and their content.
 *
 * Models with equal tokenizers share one row.  What writes holds the store's lock.
 */
#ifndef MOSAIC_TOKENIZER_STORE_H
#define MOSAIC_TOKENIZER_STORE_H

#include "utils/snapshot.h"

/* Column numbers, in the order of sql/55_text.sql. */
enum
{
	Anum_tokenizer_tokenizer_id = 1, Anum_tokenizer_hash, Anum_tokenizer_bytes,
	Anum_tokenizer_description, Anum_tokenizer_content, Natts_tokenizer = 5
};
enum
{
	Anum_model_tokenizer_model_id = 1, Anum_model_tokenizer_tokenizer_id, Natts_model_tokenizer = 2
};

#define MOSAIC_HASH_BYTES 16

/* The tokenizer of a model as snapshot sees it: its id and hash.  False: it has none. */
extern bool mosaic_find_tokenizer(int64 model_id, Snapshot snapshot, int32 *id,
								  uint8 hash[MOSAIC_HASH_BYTES]);

/* The content of a tokenizer, a copy in the current context. */
extern bytea *mosaic_tokenizer_content(int32 id, Snapshot snapshot);

/* Gives a model a tokenizer instead of what it has.  description: as the core tells it. */
extern void mosaic_store_tokenizer(int64 model_id, const void *content, Size len, const char *description);

/* Takes its tokenizer from a model; one that no model has is deleted.  Returns whether it had one. */
extern bool mosaic_remove_tokenizer(int64 model_id);

/* Gives the tokenizer of a model to the version that replaces it. */
extern void mosaic_move_tokenizer(int64 from_model_id, int64 to_model_id);

#endif
