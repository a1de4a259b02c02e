/*
 * predictor.c
 *		A model made ready to predict, kept from row to row of a query.
 *
 * The name is resolved again whenever the active snapshot or the role differs
 * from that of the last call, so that a prediction follows its statement's
 * snapshot exactly, also where an expression outlives a statement (PL/pgSQL).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "mosaic/capi_items.h"
#include "mosaic/capi_text.h"

#include "aliases.h"
#include "content.h"
#include "errors.h"
#include "predictor_state.h"

/* Models that one expression keeps ready, where the name differs from row to row, unless asked for more. */
#define KEPT_PREDICTORS 16

static MosaicSingles singles = {MOSAIC_USAGE_SINGLE_PLAN, NULL};

/* Hangs at flinfo->fn_extra. */
typedef struct PredictorSet
{
	dlist_head	list;
	int			n,
				room;			/* the most that are kept */
} PredictorSet;

/* Lets go of the model; the predictor stays.  Never raises an error. */
static void
unload(MosaicPredictor *p)
{
	if (p->exec)
		mosaic_exec_free(p->exec);
	p->exec = NULL;
	if (p->pins)
		mosaic_pins_free(p->pins);
	p->pins = NULL;
	if (p->handle)
		mosaic_model_release(p->handle);
	p->handle = NULL;
}

/*
 * Children of the context are gone when its callback runs, so the pins (which
 * live in a child) have released themselves.
 */
static void
context_callback(void *arg)
{
	MosaicPredictor *p = arg;

	p->pins = NULL;
	p->options_cxt = NULL;
	p->canary = NULL;
	unload(p);
}

static MosaicPredictor *
new_predictor(MemoryContext parent, text *name)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "pg_mosaic predictor", ALLOCSET_SMALL_SIZES);
	MosaicPredictor *p = MemoryContextAllocZero(cxt, sizeof *p);

	p->cxt = cxt;
	p->name = MemoryContextAlloc(cxt, VARSIZE_ANY_EXHDR(name) + VARHDRSZ);
	SET_VARSIZE(p->name, VARSIZE_ANY_EXHDR(name) + VARHDRSZ);
	memcpy(VARDATA(p->name), VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	p->callback.func = context_callback;
	p->callback.arg = p;
	MemoryContextRegisterResetCallback(cxt, &p->callback);
	return p;
}

/* Makes p stand for a model. */
static void
take_model(MosaicPredictor *p, HeapTuple row, const MosaicView *view)
{
	MosaicModelHandle *handle = mosaic_model_acquire(row);

	/* Without pins an error had come between. */
	if (handle == p->handle && p->pins)
		mosaic_model_release(handle);	/* as before */
	else
	{
		unload(p);
		p->handle = handle;
		p->pins = mosaic_pins_new(p->cxt, handle);
	}
	mosaic_usage_attach(&handle->usage, handle->key.catalog, handle->key.model_id);
	p->view = *view;
	if (p->options_cxt)
		MemoryContextDelete(p->options_cxt);
	p->options_cxt = NULL;
	heap_freetuple(row);
}

/* Makes p, and where its name is that of an alias of two its canary, stand for what the name means in this view. */
static void
resolve(MosaicPredictor *p, const MosaicView *view)
{
	char	   *name = text_to_cstring(p->name);
	MosaicMeaning meaning;
	pg_uuid_t	content;

	if (mosaic_is_content(p->name, &content))
	{
		memset(&meaning, 0, sizeof meaning);
		meaning.row = mosaic_usable_content(&content);
	}
	else
		mosaic_usable_model(name, &meaning);
	p->share = meaning.share;
	p->seed = meaning.seed;
	if (meaning.canary)
	{
		HeapTuple	main = heap_copytuple(meaning.row),
					canary = heap_copytuple(meaning.canary);

		if (p->canary == NULL)
			p->canary = new_predictor(p->cxt, p->name);
		take_model(p->canary, meaning.canary, view);
		take_model(p, meaning.row, view);
		mosaic_check_same_inputs(name, main, p->handle->model, canary, p->canary->handle->model);
		heap_freetuple(main);
		heap_freetuple(canary);
	}
	else
	{
		if (p->canary)
			MemoryContextDelete(p->canary->cxt);
		p->canary = NULL;
		take_model(p, meaning.row, view);
	}
	pfree(name);
}

/* Of any number of bytes. */
static uint64
hash_of_bytes(const void *data, int64 n, uint64 seed)
{
	const unsigned char *bytes = data;

	for (; n > PG_INT32_MAX / 2; n -= PG_INT32_MAX / 2, bytes += PG_INT32_MAX / 2)
		seed = hash_bytes_extended(bytes, PG_INT32_MAX / 2, seed);
	return hash_bytes_extended(bytes, (int) n, seed);
}

/* The predictor of a name in the set, now the most recently used; or NULL. */
static MosaicPredictor *
find_predictor(PredictorSet *set, text *name)
{
	Size		len = VARSIZE_ANY_EXHDR(name);
	dlist_iter	iter;

	dlist_foreach(iter, &set->list)
	{
		MosaicPredictor *p = dlist_container(MosaicPredictor, node, iter.cur);

		if (VARSIZE(p->name) - VARHDRSZ == len &&
			memcmp(VARDATA(p->name), VARDATA_ANY(name), len) == 0)
		{
			dlist_move_head(&set->list, &p->node);
			return p;
		}
	}
	return NULL;
}

static MosaicPredictor *
add_predictor(PredictorSet *set, MemoryContext cxt, text *name)
{
	MosaicPredictor *p;

	if (set->n == set->room)
	{
		MosaicPredictor *last = dlist_tail_element(MosaicPredictor, node, &set->list);

		dlist_delete(&last->node);
		set->n--;
		MemoryContextDelete(last->cxt);
	}
	p = new_predictor(cxt, name);
	dlist_push_head(&set->list, &p->node);
	set->n++;
	return p;
}

static bool
is_ready(MosaicPredictor *p, const MosaicView *view)
{
	return p && p->handle && memcmp(&p->view, view, sizeof *view) == 0;
}

void
mosaic_predictor_room(FmgrInfo *flinfo, int n)
{
	PredictorSet *set = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof *set);

	dlist_init(&set->list);
	set->room = Max(n, KEPT_PREDICTORS);
	flinfo->fn_extra = set;
}

MosaicPredictor *
mosaic_predictor(FmgrInfo *flinfo, text *model_name)
{
	PredictorSet *set;
	MosaicPredictor *p;
	MosaicView	view = mosaic_current_view();

	if (flinfo->fn_extra == NULL)
		mosaic_predictor_room(flinfo, 0);
	set = flinfo->fn_extra;
	p = find_predictor(set, model_name);
	if (p == NULL)
		p = add_predictor(set, flinfo->fn_mcxt, model_name);
	if (!is_ready(p, &view))
		resolve(p, &view);
	return p;
}

MosaicPredictor *
mosaic_predictor_ready(FmgrInfo *flinfo, text *model_name)
{
	MosaicView	view = mosaic_current_view();
	MosaicPredictor *p = flinfo->fn_extra ? find_predictor(flinfo->fn_extra, model_name) : NULL;

	return is_ready(p, &view) ? p : NULL;
}

MosaicPredictor *
mosaic_predictor_kept(FmgrInfo *flinfo, int i)
{
	PredictorSet *set = flinfo->fn_extra;
	dlist_iter	iter;

	if (set == NULL)
		return NULL;
	dlist_foreach(iter, &set->list)
		if (i-- == 0)
			return dlist_container(MosaicPredictor, node, iter.cur);
	return NULL;
}

const MosaicModel *
mosaic_predictor_model(MosaicPredictor *p)
{
	return p->handle->model;
}

bool
mosaic_predictor_splits(MosaicPredictor *p)
{
	return p->canary != NULL;
}

uint64
mosaic_predictor_hash(MosaicPredictor *p, uint64 hash, int input, const MosaicBinding *binding, const void *elements)
{
	int			dtype = mosaic_model_input(p->handle->model, input)->dtype;
	int64		n = 1;

	if (input == 0)
		hash = p->seed;
	for (int i = 0; i < binding->ndim; i++)
		n *= binding->dims[i];
	if (dtype != MOSAIC_STRING)
		return hash_of_bytes(elements, n * mosaic_dtype_size(dtype), hash);
	for (int64 i = 0; i < n; i++)
	{
		const MosaicString *s = &((const MosaicString *) elements)[i];

		hash = hash_of_bytes(s->data, s->size, hash);
	}
	return hash;
}

MosaicPredictor *
mosaic_predictor_side(MosaicPredictor *p, uint64 hash)
{
	/* The upper 53 bits, as a number of [0, 1). */
	return (hash >> 11) * 0x1p-53 < p->share ? p->canary : p;
}

void
mosaic_predictor_begin(MosaicPredictor *p)
{
	mosaic_usage_begin(&p->handle->usage);
}

void
mosaic_predictor_end(MosaicPredictor *p, int64 calls, int64 rows, bool together)
{
	MosaicUsage *u = &p->handle->usage;

	if (!mosaic_predictor_batches(p))
		mosaic_usage_end_single(u, rows, MOSAIC_USAGE_SINGLE_MODEL);
	else if (together)
		mosaic_usage_end_batch(u, calls, rows);
	else
		mosaic_usage_end_single(u, rows, singles.reason);
	if (singles.ways)
		mosaic_note_apart(singles.ways, mosaic_predictor_version(p), mosaic_model_items_because(p->handle->model));
}

void
mosaic_predictor_give_up(MosaicPredictor *p)
{
	mosaic_usage_give_up(&p->handle->usage);
}

void
mosaic_predictor_tokens(MosaicPredictor *p, int64 tokens)
{
	mosaic_usage_tokens(&p->handle->usage, tokens);
}

MosaicSingles
mosaic_predictor_singles(MosaicSingles how)
{
	MosaicSingles was = singles;

	singles = how;
	return was;
}

const char *
mosaic_predictor_input_name(MosaicPredictor *p, int input)
{
	const char *name = mosaic_model_input(p->handle->model, input)->name;

	return psprintf("model \"%s\", input \"%s\"", mosaic_shown_key(p->name),
					mosaic_shown_name(name, (int) strlen(name)));
}

const char *
mosaic_predictor_output_name(MosaicPredictor *p, int output)
{
	const char *name = mosaic_model_output(p->handle->model, output)->name;

	return psprintf("model \"%s\", output \"%s\"", mosaic_shown_key(p->name),
					mosaic_shown_name(name, (int) strlen(name)));
}

const char *
mosaic_predictor_name(MosaicPredictor *p)
{
	return mosaic_shown_key(p->name);
}

int64
mosaic_predictor_version(MosaicPredictor *p)
{
	return p->handle ? p->handle->key.model_id : 0;
}

int64
mosaic_predictor_pinned(MosaicPredictor *p)
{
	return p->pins ? mosaic_pins_held(p->pins) : 0;
}

const MosaicExec *
mosaic_predictor_exec(MosaicPredictor *p)
{
	return p->exec;
}

bool
mosaic_predictor_batches(MosaicPredictor *p)
{
	return mosaic_model_items_independent(p->handle->model);
}

void
mosaic_predictor_set_timed(MosaicPredictor *p, bool timed)
{
	p->timed = timed;
}

void
mosaic_predictor_bind(MosaicPredictor *p, int input, int ndim, const int64 *dims,
					  MosaicBinding *binding)
{
	MosaicError error;

	if (mosaic_model_bind(p->handle->model, input, ndim, dims, binding, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

bool
mosaic_predictor_try_bind(MosaicPredictor *p, int input, int ndim, const int64 *dims,
						  MosaicBinding *binding)
{
	MosaicError error;

	return mosaic_model_bind(p->handle->model, input, ndim, dims, binding, &error) == MOSAIC_OK;
}
