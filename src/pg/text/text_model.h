/*
 * text_model.h
 *		A model of texts: which of its inputs the tokens of a text fill, and how, and
 *		where it has the vector of a text.
 *
 * Inputs are known by the names that exporters give them: input_ids, attention_mask,
 * token_type_ids, position_ids; the only input of a model is the ids.  A text has as many
 * elements in each as it has tokens: nothing is padded, since texts are computed together with
 * others of their length only.  Where the model has a fixed length, shorter texts are
 * padded to it as the tokenizer says.
 */
#ifndef MOSAIC_TEXT_MODEL_H
#define MOSAIC_TEXT_MODEL_H

#include "access/htup.h"
#include "utils/array.h"
#include "utils/snapshot.h"

#include "mosaic/capi_text.h"

typedef struct MosaicTextModel MosaicTextModel;

/*
 * Of a model and its row, in the current context until that is reset.  An error (55000) where it has no tokenizer,
 * or (22023) inputs that a text does not fill.  name: for messages.
 */
extern MosaicTextModel *mosaic_text_model(HeapTuple row, const MosaicModel *model, const char *name);

/* The tokens of a text, or of a pair (second 0: one text). */
typedef struct MosaicTextTokens
{
	MosaicTokens tokens;		/* valid until the tokenizer is used again */
	int64		length;			/* elements of each input, */
	int64		first;			/* of which the tokens begin here */
} MosaicTextTokens;

/* Makes tokens of texts, cut as the model says; an error where it cannot.  Interruptible. */
extern void mosaic_text_tokens(MosaicTextModel *t, Datum first, Datum second, MosaicTextTokens *out);
/* The same, but false instead of an error. */
extern bool mosaic_text_try_tokens(MosaicTextModel *t, Datum first, Datum second, MosaicTextTokens *out);

/* The elements of an input of the model; as many as there are, of its element type. */
extern void mosaic_text_fill(const MosaicTextModel *t, int input, const MosaicTextTokens *tokens, void *elements);

/* The tokens are no longer needed: what a long text took besides is given back. */
extern void mosaic_text_done(const MosaicTextModel *t);

/* The output that has the vectors of texts. */
extern int	mosaic_text_output(const MosaicTextModel *t);

/*
 * The vector of a text as an array of real, from that output, whose dimensions are those of one item, which begins at
 * element first: one vector, or one of each element of the inputs, of which tokens [begin, begin + n)
 * count.  NULL where the output is of another shape or type.
 */
extern ArrayType *mosaic_text_vector(const MosaicTextModel *t, const MosaicTensorView *output, int64 first,
									 int64 begin, int64 n);

#endif
