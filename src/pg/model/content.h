/*
 * content.h
 *		What a model is, whatever it is called: its content id.
 *
 * 128 bits over all that its answers depend on: graph, tensors, blocks (by their bytes, not by their numbers), tokenizer, labels,
 * pooling, and what was set of its inputs.  It is the same in every database whose blocks have the same height.  It is made
 * when it is first asked for (content_id()), and gone as soon as any of that changes: an id never means anything else.
 */
#ifndef MOSAIC_CONTENT_H
#define MOSAIC_CONTENT_H

#include "access/htup.h"
#include "fmgr.h"
#include "utils/uuid.h"

/* The first argument of predict() and its like, a name or a content id (uuid), as the key that a predictor has. */
extern text *mosaic_model_argument(FunctionCallInfo fcinfo);
extern text *mosaic_model_key(Datum value, Oid type);

/* Whether a key is that of a content, and of which. */
extern bool mosaic_is_content(text *key, pg_uuid_t *id);

/* A key in words, for messages. */
extern char *mosaic_shown_key(text *key);

/*
 * The row of a model with this content that the current role may use, as the active snapshot sees it, a copy; an error (42704,
 * 42501) where there is none.
 */
extern HeapTuple mosaic_usable_content(const pg_uuid_t *id);

/* Whether answers depend on a column of mosaic.model that may change. */
extern bool mosaic_changes_content(int attnum);

#endif
