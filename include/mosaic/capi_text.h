/*
 * The part of the boundary that is about text: elements that are text, tokenizers, and encoding
 * with them (src/core/text/).  Rules as in capi.h.  All texts are UTF-8.
 */
#ifndef MOSAIC_CAPI_TEXT_H
#define MOSAIC_CAPI_TEXT_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An element of a MOSAIC_STRING array: UTF-8, not terminated. */
typedef struct MosaicString {
  const char *data;
  int64_t size;
} MosaicString;

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
#define MOSAIC_ENCODER_KEPT 1048576 /* bytes of buffers that are kept from text to text */

/*
 * Frees what long texts or lists of tokens have taken beyond that.  What it gave before is no longer valid; a text
 * that is not done is forgotten.  Never fails.
 */
void mosaic_encoder_give_back(MosaicEncoder *encoder);
void mosaic_encoder_free(MosaicEncoder *encoder);

/* How the tokenizer makes a text longer where a model wants that. */
typedef struct MosaicPadding {
  bool left;
  int32_t id, type_id;
} MosaicPadding;

void mosaic_tokenizer_padding(const MosaicTokenizer *tokenizer, MosaicPadding *out);

/* ---- From the vectors of a text's tokens to one: src/core/text/pooling.h ---- */

typedef enum MosaicPooling {
  MOSAIC_POOL_MEAN = 0,
  MOSAIC_POOL_CLS,
  MOSAIC_POOL_MAX,
  MOSAIC_POOL_LAST
} MosaicPooling;

/* "mean", "cls", "max", "last"; false: another name. */
bool mosaic_pooling_by_name(const char *name, MosaicPooling *out);
/* rows: count x width; out: width.  At most some 10 ms for 10^7 elements. */
void mosaic_pool(MosaicPooling pooling, const float *rows, int64_t count, int64_t width, float *out);
/* To Euclidean length 1. */
void mosaic_normalize(float *vector, int64_t width);

/* ---- What the files beside a model say: src/core/text/folder_settings.h ---- */

typedef enum MosaicFolderFile {
  MOSAIC_FOLDER_CONFIG = 0,       /* config.json */
  MOSAIC_FOLDER_TOKENIZER_CONFIG, /* tokenizer_config.json */
  MOSAIC_FOLDER_SENTENCE_CONFIG,  /* sentence_bert_config.json */
  MOSAIC_FOLDER_MODULES,          /* modules.json */
  MOSAIC_FOLDER_POOLING,          /* 1_Pooling/config.json */
  MOSAIC_FOLDER_FILES
} MosaicFolderFile;

/* By MosaicFolderFile; NULL: there is no such file.  Borrowed while they are read. */
typedef struct MosaicFolderFiles {
  const char *content[MOSAIC_FOLDER_FILES];
  size_t len[MOSAIC_FOLDER_FILES];
} MosaicFolderFiles;

typedef struct MosaicFolderSettings MosaicFolderSettings;

/* On error *out is NULL. */
MosaicCode mosaic_folder_settings_new(const MosaicFolderFiles *files, MosaicFolderSettings **out,
                                      MosaicError *err);
/* Labels of the classes, in order; 0: none.  UTF-8, valid until the settings are freed. */
int mosaic_folder_label_count(const MosaicFolderSettings *settings);
const char *mosaic_folder_label(const MosaicFolderSettings *settings, int i, size_t *len);
/* As mosaic_pooling_by_name() has it; NULL: they say nothing of it. */
const char *mosaic_folder_pooling(const MosaicFolderSettings *settings);
bool mosaic_folder_normalizes(const MosaicFolderSettings *settings);
/* Whether a dense layer follows the pooling. */
bool mosaic_folder_has_dense(const MosaicFolderSettings *settings);
/* To how many tokens a text is cut; 0: they say nothing of it. */
int mosaic_folder_max_tokens(const MosaicFolderSettings *settings);
void mosaic_folder_settings_free(MosaicFolderSettings *settings);

/* ---- From tokens to text ---- */

/* Ids that the vocabulary has not are left out.  *text is valid until the encoder's next start, decode or free. */
MosaicCode mosaic_encoder_decode(MosaicEncoder *encoder, const int32_t *ids, int64_t count,
                                 bool skip_special, const char **text, size_t *len, MosaicError *err);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_TEXT_H */
