/*
 * predictor_state.h
 *		What a predictor consists of, for the files that make it one: predictor.c, predictor_options.c, predictor_run.c.
 */
#ifndef MOSAIC_PREDICTOR_STATE_H
#define MOSAIC_PREDICTOR_STATE_H

#include "access/htup.h"
#include "lib/ilist.h"

#include "inputs.h"
#include "model_cache.h"
#include "pins.h"
#include "predictor.h"
#include "proba.h"
#include "row_map.h"
#include "text_model.h"
#include "view.h"

/* Row types that a model is given at a time. */
#define KEPT_ROW_TYPES 4

typedef struct KnownRow
{
	uint64		type;			/* PostgreSQL's number of this definition of the type */
	MemoryContext cxt;			/* of map */
	MosaicRowMap *map;
} KnownRow;

struct MosaicPredictor
{
	dlist_node	node;			/* in its set, most recently used first */
	MemoryContext cxt;
	MemoryContextCallback callback;
	text	   *name;
	MosaicView	view;
	MosaicModelHandle *handle;
	MosaicPins *pins;
	MosaicExec *exec;
	int			window;			/* the exec's max_blocks */
	const void **payloads;		/* window */
	bool		timed;
	MosaicPredictor *canary;	/* its share of the items: of an alias of two, else NULL */
	double		share;
	uint64		seed;
	MemoryContext options_cxt;	/* what follows: NULL where it was not asked for since the name was looked up */
	HeapTuple	row;
	text	  **labels;
	int			nlabels;		/* -1: not read yet */
	MosaicTextModel *text;		/* NULL: likewise */
	MosaicProba *proba;
	MosaicInputOptions *inputs;
	KnownRow	rows[KEPT_ROW_TYPES];
	int			nrows;
};

#endif
