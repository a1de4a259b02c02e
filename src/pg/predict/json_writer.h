/*
 * json_writer.h
 *		Outputs of a model as jsonb, written as it is stored.
 *
 * A tree of JsonbValue, or JSON that is parsed again, takes many times the memory and the time of
 * large arrays.
 */
#ifndef MOSAIC_JSON_WRITER_H
#define MOSAIC_JSON_WRITER_H

#include "utils/jsonb.h"

#include "mosaic/capi.h"

/*
 * {name: array, ...} of all outputs of the model, of the item'th of those in views, whose dimensions are those of one.
 * Numbers are exact; NaN and infinities are strings.  Errors: 54000 where jsonb cannot hold it, 22021 and 22P05
 * for strings that the database cannot.  Interruptible.
 */
extern Jsonb *mosaic_json_outputs(const MosaicModel *model, const MosaicTensorView *views, int64 item);

/* Whether that is sure to succeed. */
extern bool mosaic_json_outputs_fit(const MosaicModel *model, const MosaicTensorView *views, int64 item);

#endif
