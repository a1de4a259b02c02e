/*
 * inputs.h
 *		What was set of a model's inputs: which columns of a row fill them, and what NULL is.
 *
 * It is kept in mosaic.model.input_map as JSON: {"columns": {input: column or [columns]}, "nulls":
 * {input: value}, "ignore_others": true}, of which each may be missing.
 */
#ifndef MOSAIC_INPUTS_H
#define MOSAIC_INPUTS_H

#include "access/htup.h"

#include "mosaic/capi_text.h"

typedef struct MosaicInputOption
{
	int			ncolumns;		/* 0: nothing is said */
	char	  **columns;
	bool		has_null;		/* a NULL is the element null */
	union
	{
		char		bytes[sizeof(MosaicString)];
		int64		aligned;
		MosaicString string;
	}			null;			/* of the input's element type */
} MosaicInputOption;

typedef struct MosaicInputOptions
{
	int			n;
	MosaicInputOption *inputs;	/* of all inputs of the model */
	bool		ignore_others;	/* columns that fill no input are left alone */
} MosaicInputOptions;

/* Of a model and its row, in the current context.  name: for messages. */
extern MosaicInputOptions *mosaic_input_options(HeapTuple row, const MosaicModel *model, const char *name);

/* A model has replaced another: what was set of inputs that it has not is dropped, with a WARNING.  The caller holds the store's lock. */
extern void mosaic_check_kept_inputs(const char *name);

#endif
