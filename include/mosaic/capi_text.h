/*
 * The part of the boundary that makes text tokens: tokenizers, and encoding with them
 * (src/core/text/).  Rules as in capi.h.  All texts are UTF-8.
 */
#ifndef MOSAIC_CAPI_TEXT_H
#define MOSAIC_CAPI_TEXT_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Tokenizer: immutable, shared by any number of encodings ---- */

#define MOSAIC_MAX_TOKENIZER_BYTES (64 * 1024 * 1024)
#define MOSAIC_MAX_TEXT_BYTES (16 * 1024 * 1024)

typedef struct MosaicTokenizer MosaicTokenizer;

/*
 * From the bytes of a tokenizer.json, a SentencePiece model or a vocab.txt; which it is is seen from
 * them.  Takes up to a second for the largest vocabularies.  On error *out is NULL.
 */
MosaicCode mosaic_tokenizer_new(const void *bytes, size_t len, MosaicTokenizer **out, MosaicError *err);
void mosaic_tokenizer_free(MosaicTokenizer *tokenizer);
/* Bytes of memory, about. */
size_t mosaic_tokenizer_memory(const MosaicTokenizer *tokenizer);
/*
 * What it is, as a JSON object: {"model": "WordPiece", "tokens": 30522, "added_tokens": 5, "max_length": 128
 * or null, "special_tokens": 2}.  *json is valid until the tokenizer is freed.
 */
MosaicCode mosaic_tokenizer_describe(MosaicTokenizer *tokenizer, const char **json, MosaicError *err);
/* XXH3-128 of the bytes, canonical (big endian): equal tokenizers have equal ones. */
void mosaic_tokenizer_hash(const void *bytes, size_t len, uint8_t hash[16]);

/* ---- From text to tokens ---- */

typedef struct MosaicEncodeOptions {
  bool special_tokens; /* sets the text among the tokenizer's special tokens */
  bool truncate;       /* as the tokenizer says */
  int64_t max_length;  /* > 0: truncates to this many tokens, special ones included, instead */
} MosaicEncodeOptions;

/* The tokens of a text.  Valid until the next start or free. */
typedef struct MosaicTokens {
  const int32_t *ids;
  const int32_t *type_ids; /* which of two texts a token is of */
  int64_t count;
  bool truncated; /* something was cut */
} MosaicTokens;

/* Encodes one text after another.  The tokenizer must outlive it. */
typedef struct MosaicEncoder MosaicEncoder;

MosaicCode mosaic_encoder_new(const MosaicTokenizer *tokenizer, MosaicEncoder **out, MosaicError *err);
/*
 * Begins a text, or a pair of them (second NULL: one text); forgets an unfinished one.  The texts are
 * borrowed until it is done.  MOSAIC_E_LIMIT beyond MOSAIC_MAX_TEXT_BYTES, MOSAIC_E_INVALID where it is not UTF-8.
 */
MosaicCode mosaic_encoder_start(MosaicEncoder *encoder, const char *first, size_t first_len,
                                const char *second, size_t second_len,
                                const MosaicEncodeOptions *options, MosaicError *err);
/* MOSAIC_MORE, or MOSAIC_OK: *tokens is set. */
MosaicCode mosaic_encoder_step(MosaicEncoder *encoder, MosaicTokens *tokens, MosaicError *err);
void mosaic_encoder_free(MosaicEncoder *encoder);

/*
 * Many texts as the rectangles that a model takes: count x length, row-major, shorter texts padded as
 * the tokenizer says.  Valid until the batch is cleared, added to or freed.
 */
typedef struct MosaicTokenRows {
  int64_t count, length;
  const int64_t *ids;
  const int64_t *mask; /* 1: a token, 0: padding */
  const int64_t *type_ids;
} MosaicTokenRows;

typedef struct MosaicTokenBatch MosaicTokenBatch;

MosaicCode mosaic_token_batch_new(const MosaicTokenizer *tokenizer, MosaicTokenBatch **out, MosaicError *err);
/* Adds what an encoding gave. */
MosaicCode mosaic_token_batch_add(MosaicTokenBatch *batch, const MosaicTokens *tokens, MosaicError *err);
MosaicCode mosaic_token_batch_rows(MosaicTokenBatch *batch, MosaicTokenRows *rows, MosaicError *err);
void mosaic_token_batch_clear(MosaicTokenBatch *batch);
void mosaic_token_batch_free(MosaicTokenBatch *batch);

/* ---- From tokens to text ---- */

/* Ids that the vocabulary has not are left out.  *text is valid until the encoder's next start, decode or free. */
MosaicCode mosaic_encoder_decode(MosaicEncoder *encoder, const int32_t *ids, int64_t count,
                                 bool skip_special, const char **text, size_t *len, MosaicError *err);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_TEXT_H */
