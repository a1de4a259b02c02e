/*
 * tokenizer_cache.h
 *		The tokenizers that this backend has compiled.
 *
 * They are kept from statement to statement, within MOSAIC_TOKENIZER_MEMORY; what is in use stays.
 */
#ifndef MOSAIC_TOKENIZER_CACHE_H
#define MOSAIC_TOKENIZER_CACHE_H

#include "access/htup.h"
#include "utils/snapshot.h"

#include "mosaic/capi_text.h"

#define MOSAIC_TOKENIZER_MEMORY (128 * 1024 * 1024)
#define MOSAIC_MAX_TOKENIZERS 16

typedef struct MosaicTokenizerHandle MosaicTokenizerHandle;

/* The tokenizer of a model, given its row, read with snapshot; NULL: it has none.  To be released. */
extern MosaicTokenizerHandle *mosaic_tokenizer_acquire(HeapTuple model, Snapshot snapshot);

/* Whether it can be read and compiled: raises the error where not. */
extern void mosaic_tokenizer_try_load(HeapTuple model, Snapshot snapshot);
/* Never raises an error. */
extern void mosaic_tokenizer_release(MosaicTokenizerHandle *handle);

extern const MosaicTokenizer *mosaic_tokenizer_of_handle(MosaicTokenizerHandle *handle);

/* One for all who use the handle: nothing may run between a start and the last step but steps. */
extern MosaicEncoder *mosaic_tokenizer_encoder(MosaicTokenizerHandle *handle);

#endif
