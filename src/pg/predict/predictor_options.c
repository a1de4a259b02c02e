/*
 * predictor_options.c
 *		What most predictions do not need of a model: labels, tokenizer, how rows become inputs.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "catalog.h"
#include "content.h"
#include "labels.h"
#include "predictor_state.h"

/*
 * The model's row once more, for what most predictions do not need of it.  The view is that in which its
 * name was looked up.
 */
static MemoryContext
options(MosaicPredictor *p)
{
	MemoryContext cxt,
				saved;

	if (p->options_cxt)
		return p->options_cxt;
	cxt = AllocSetContextCreate(p->cxt, "pg_mosaic options", ALLOCSET_SMALL_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	p->row = mosaic_find_version(p->handle->key.model_id, GetActiveSnapshot());
	if (!HeapTupleIsValid(p->row))
		mosaic_no_such_model(mosaic_shown_key(p->name));
	p->nlabels = -1;
	p->text = NULL;
	p->proba = NULL;
	p->inputs = NULL;
	p->nrows = 0;
	p->options_cxt = cxt;
	MemoryContextSwitchTo(saved);
	return cxt;
}

text	  **
mosaic_predictor_labels(MosaicPredictor *p, int *n)
{
	MemoryContext saved = MemoryContextSwitchTo(options(p));

	if (p->nlabels < 0)
	{
		int			found;

		p->labels = mosaic_read_labels(p->row, &found);
		p->nlabels = found;
	}
	MemoryContextSwitchTo(saved);
	*n = p->nlabels;
	return p->labels;
}

MosaicProba *
mosaic_predictor_proba(MosaicPredictor *p)
{
	int			n;
	text	  **labels = mosaic_predictor_labels(p, &n);
	MemoryContext saved = MemoryContextSwitchTo(options(p));

	if (p->proba == NULL)
		p->proba = mosaic_proba_new(p->handle->model, labels, n, mosaic_predictor_name(p));
	MemoryContextSwitchTo(saved);
	return p->proba;
}

static void
make_row_map(MosaicPredictor *p, HeapTupleHeader row, KnownRow *known)
{
	MemoryContext saved = MemoryContextSwitchTo(options(p));
	TupleDesc	desc;

	if (p->inputs == NULL)
		p->inputs = mosaic_input_options(p->row, p->handle->model, mosaic_predictor_name(p));
	known->cxt = AllocSetContextCreate(p->options_cxt, "pg_mosaic row type", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(known->cxt);
	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	known->map = mosaic_row_map_new(p->handle->model, p->inputs, desc, mosaic_predictor_name(p));
	ReleaseTupleDesc(desc);
	MemoryContextSwitchTo(saved);
}

MosaicRowMap *
mosaic_predictor_row_map(MosaicPredictor *p, HeapTupleHeader row, bool ready)
{
	uint64		type = assign_record_type_identifier(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	KnownRow	known = {.type = type};

	for (int i = 0; p->options_cxt && i < p->nrows; i++)
		if (p->rows[i].type == type)
			return p->rows[i].map;
	if (ready)
		return NULL;
	make_row_map(p, row, &known);
	/* Where types come and go, the last place is theirs. */
	if (p->nrows == KEPT_ROW_TYPES)
		MemoryContextDelete(p->rows[--p->nrows].cxt);
	p->rows[p->nrows++] = known;
	return known.map;
}

MosaicTextModel *
mosaic_predictor_text(MosaicPredictor *p)
{
	MemoryContext saved = MemoryContextSwitchTo(options(p));

	if (p->text == NULL)
		p->text = mosaic_text_model(p->row, p->handle->model, mosaic_predictor_name(p));
	MemoryContextSwitchTo(saved);
	return p->text;
}

MosaicTextModel *
mosaic_predictor_text_ready(MosaicPredictor *p)
{
	return p->options_cxt ? p->text : NULL;
}
