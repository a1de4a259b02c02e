/*
 * answer.c
 *		What a model's output becomes in SQL.
 *
 * Everything that can fail is found by one function that says how; who batches
 * leaves such a row to whoever asks for it, and the error is raised then.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "mosaic/capi_text.h"

#include "answer.h"
#include "elements.h"
#include "errors.h"
#include "json_writer.h"
#include "predict_item.h"
#include "proba.h"
#include "text_model.h"

/* What keeps an output from being the answer.  UNSURE: what is called further on would raise it, or not. */
typedef enum Failure
{
	NONE, NOT_REAL, NOT_CLASS, TEXT_OUTPUT, NO_ELEMENTS, NO_LABELS, UNKNOWN_LABEL, NO_VECTOR, NO_PROBA, UNSURE
} Failure;

typedef struct Answer
{
	bool		careful;		/* nothing may raise an error */
	int64		element;		/* of the output: NOT_REAL, NOT_CLASS */
	int64		class;			/* UNKNOWN_LABEL */
	int			nlabels;
	MosaicProbaFailure proba;	/* NO_PROBA */
	Datum		value;
} Answer;

static bool
is_integer(int dtype)
{
	switch (dtype)
	{
		case MOSAIC_INT64:
		case MOSAIC_INT32:
		case MOSAIC_INT16:
		case MOSAIC_INT8:
		case MOSAIC_UINT64:
		case MOSAIC_UINT32:
		case MOSAIC_UINT16:
		case MOSAIC_UINT8:
		case MOSAIC_BOOL:
			return true;
		default:
			return false;
	}
}

/* ---- numbers ---- */

/* Integers of more bits than a real's 24 may be between two of its numbers. */
static bool
element_to_real(const MosaicTensorView *t, int64 i, float4 *to)
{
	double		v = mosaic_element_to_double(t, i);

	*to = (float4) v;
	switch (t->dtype)
	{
		case MOSAIC_DOUBLE:
			return isinf(v) || !isinf(*to);
		case MOSAIC_INT32:
		case MOSAIC_UINT32:
			return (double) *to == v;
		case MOSAIC_INT64:
			return *to >= -0x1p63f && *to < 0x1p63f && (int64) *to == ((const int64 *) t->data)[i];
		case MOSAIC_UINT64:
			return *to < 0x1p64f && (uint64) *to == ((const uint64 *) t->data)[i];
		default:
			return true;
	}
}

/* Whether all are real; else *element is the first that is not. */
static bool
to_real(float4 *to, const MosaicTensorView *from, int64 first, int64 n, int64 *element)
{
	if (from->dtype == MOSAIC_FLOAT)
	{
		mosaic_copy_floats(to, from, first, n);
		return true;
	}
	for (int64 i = 0; i < n; i++)
	{
		if (i % MOSAIC_ELEMENTS_AT_ONCE == 0)
			CHECK_FOR_INTERRUPTS();
		if (!element_to_real(from, first + i, &to[i]))
		{
			*element = first + i;
			return false;
		}
	}
	return true;
}

static Failure
numbers_of(const MosaicTensorView *output, int64 first, Answer *a)
{
	int64		n = mosaic_view_size(output);
	ArrayType  *array;

	if (output->dtype == MOSAIC_STRING)
		return TEXT_OUTPUT;
	/* One that an array of real can be made of. */
	if (a->careful && n > MaxAllocSize / sizeof(float4))
		return UNSURE;
	array = mosaic_make_result(false, 1, output->ndim, output->dims);
	if (n > 0 && !to_real((float4 *) ARR_DATA_PTR(array), output, first, n, &a->element))
	{
		pfree(array);
		return NOT_REAL;
	}
	a->value = PointerGetDatum(array);
	return NONE;
}

/* ---- classes ---- */

/* A single integer, which is the class itself. */
static Failure
given_class(const MosaicTensorView *output, int64 first, Answer *a)
{
	a->element = first;
	if (output->dtype == MOSAIC_UINT64)
	{
		uint64		v = ((const uint64 *) output->data)[first];

		a->class = (int64) v;
		return v > PG_INT32_MAX ? NOT_CLASS : NONE;
	}
	a->class = output->dtype == MOSAIC_INT64 ? ((const int64 *) output->data)[first]
		: (int64) mosaic_element_to_double(output, first);
	return a->class < PG_INT32_MIN || a->class > PG_INT32_MAX ? NOT_CLASS : NONE;
}

/* The place of a label among those of the model, which are texts of the database, or else of its graph. */
static Failure
class_of_text(MosaicPredictor *p, const MosaicString *s, Answer *a)
{
	text	  **labels = mosaic_predictor_labels(p, &a->nlabels);
	const char *bytes = s->data;
	Size		size = s->size;

	if (a->nlabels == 0)
	{
		a->class = mosaic_proba_class(mosaic_predictor_proba(p), s);
		return a->class < 0 ? TEXT_OUTPUT : NONE;
	}
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		if (a->careful)
			return UNSURE;
		bytes = pg_any_to_server(s->data, (int) s->size, PG_UTF8);
		if (bytes != s->data)
			size = strlen(bytes);
	}
	for (int i = 0; i < a->nlabels; i++)
		if (VARSIZE(labels[i]) - VARHDRSZ == size && memcmp(VARDATA(labels[i]), bytes, size) == 0)
		{
			a->class = i;
			return NONE;
		}
	return TEXT_OUTPUT;
}

static Failure
class_of(MosaicPredictor *p, const MosaicTensorView *output, int64 first, Answer *a)
{
	int64		n = mosaic_view_size(output);

	if (n == 0)
		return NO_ELEMENTS;
	if (output->dtype == MOSAIC_STRING)
		return n == 1 ? class_of_text(p, (const MosaicString *) output->data + first, a) : TEXT_OUTPUT;
	if (n == 1 && is_integer(output->dtype))
		return given_class(output, first, a);
	if (n == 1)
		a->class = mosaic_element_to_double(output, first) >= 0.5;
	else
		a->class = mosaic_argmax(output, first, n);
	return NONE;
}

/* ---- labels ---- */

/* UTF-8 of the model's as a text of the database. */
static Failure
text_of(const MosaicString *s, Answer *a)
{
	char	   *converted;

	if (a->careful && (GetDatabaseEncoding() != PG_UTF8 || !pg_verify_mbstr(PG_UTF8, s->data, (int) s->size, true)))
		return UNSURE;
	converted = pg_any_to_server(s->data, (int) s->size, PG_UTF8);
	a->value = PointerGetDatum(cstring_to_text_with_len(converted, converted == s->data ? (int) s->size
														: (int) strlen(converted)));
	return NONE;
}

static Failure
label_of(MosaicPredictor *p, const MosaicTensorView *output, int64 first, Answer *a)
{
	text	  **labels = mosaic_predictor_labels(p, &a->nlabels);
	bool		single = mosaic_view_size(output) == 1;
	Failure		failure;

	if (output->dtype == MOSAIC_STRING && single)
		return text_of((const MosaicString *) output->data + first, a);
	failure = class_of(p, output, first, a);
	if (failure != NONE)
		return failure;
	if (a->nlabels == 0)
	{
		if (!single || !is_integer(output->dtype))
			return NO_LABELS;
		a->value = CStringGetTextDatum(psprintf(INT64_FORMAT, a->class));
		return NONE;
	}
	if (a->class < 0 || a->class >= a->nlabels)
		return UNKNOWN_LABEL;
	a->value = PointerGetDatum(memcpy(palloc(VARSIZE(labels[a->class])), labels[a->class],
									  VARSIZE(labels[a->class])));
	return NONE;
}

/* ---- vectors of texts ---- */

static Failure
vector_of(MosaicPredictor *p, const MosaicTensorView *output, int64 first, const MosaicPart *part, Answer *a)
{
	ArrayType  *vector = mosaic_text_vector(mosaic_predictor_text(p), output, first, part->begin, part->n);

	a->value = PointerGetDatum(vector);
	return vector ? NONE : NO_VECTOR;
}

/* ---- probabilities ---- */

static Failure
proba_of(MosaicPredictor *p, const MosaicTensorView *output, int64 first, Answer *a)
{
	a->value = mosaic_proba_make(mosaic_predictor_proba(p), output, first, &a->proba);
	return a->proba.kind == PROBA_OK ? NONE : NO_PROBA;
}

/* ---- all of them ---- */

/* All outputs of an item. */
static Failure
outputs_of(MosaicPredictor *p, const MosaicPart *part, Answer *a)
{
	const MosaicModel *model = mosaic_predictor_model(p);

	if (a->careful && !mosaic_json_outputs_fit(model, part->outputs, part->item))
		return UNSURE;
	a->value = JsonbPGetDatum(mosaic_json_outputs(model, part->outputs, part->item));
	return NONE;
}

static Failure
make_answer(MosaicPredictor *p, MosaicAnswer kind, const MosaicPart *part, Answer *a)
{
	const MosaicTensorView *output = part->outputs;
	int64		first = part->item * mosaic_view_size(output);
	Failure		failure;

	switch (kind)
	{
		case MOSAIC_ANSWER_NUMBERS:
			return numbers_of(output, first, a);
		case MOSAIC_ANSWER_CLASS:
			failure = class_of(p, output, first, a);
			a->value = Int32GetDatum((int32) a->class);
			return failure;
		case MOSAIC_ANSWER_LABEL:
			return label_of(p, output, first, a);
		case MOSAIC_ANSWER_PROBA:
			return proba_of(p, output, first, a);
		case MOSAIC_ANSWER_VECTOR:
			return vector_of(p, output, first, part, a);
		case MOSAIC_ANSWER_OUTPUTS:
			return outputs_of(p, part, a);
	}
	return NONE;
}

/* An element in words, for messages. */
static const char *
shown_element(const MosaicTensorView *t, int64 i)
{
	if (t->dtype == MOSAIC_INT64)
		return psprintf(INT64_FORMAT, ((const int64 *) t->data)[i]);
	if (t->dtype == MOSAIC_UINT64)
		return psprintf(UINT64_FORMAT, ((const uint64 *) t->data)[i]);
	return psprintf("%.17g", mosaic_element_to_double(t, i));
}

pg_noreturn static void
report(MosaicPredictor *p, int no, Failure failure, const Answer *a, const MosaicTensorView *output)
{
	const char *what = mosaic_predictor_output_name(p, no);

	switch (failure)
	{
		case NOT_REAL:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("%s: value %s does not fit type real", what, shown_element(output, a->element)),
					 errhint("predict_outputs() returns outputs exactly.")));
			break;
		case NOT_CLASS:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("%s: class %s does not fit type integer", what, shown_element(output, a->element))));
			break;
		case TEXT_OUTPUT:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s is text", what),
					 errhint("predict_label() returns it. predict_class() needs to know the labels in their order: set_labels() names them.")));
			break;
		case NO_ELEMENTS:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s has no elements", what)));
			break;
		case NO_LABELS:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("model \"%s\" has no labels", mosaic_predictor_name(p)),
					 errhint("set_labels() gives it some; predict_class() returns the number of the class.")));
			break;
		case UNKNOWN_LABEL:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has %d labels, none for class " INT64_FORMAT,
							mosaic_predictor_name(p), a->nlabels, a->class),
					 errhint("set_labels() names the classes, from 0 on.")));
			break;
		case NO_VECTOR:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s is neither a vector of the text nor one of each of its tokens", what)));
			break;
		case NO_PROBA:
			mosaic_proba_report(mosaic_predictor_proba(p), &a->proba, output, what);
		case UNSURE:
		case NONE:
			break;
	}
	elog(ERROR, "%s: no answer and no reason", what);
}

static int
named_output(MosaicPredictor *p, text *name, bool careful)
{
	const MosaicModel *model = mosaic_predictor_model(p);
	int			n = mosaic_model_output_count(model);
	StringInfoData names;

	for (int i = 0; i < n; i++)
	{
		const char *s = mosaic_model_output(model, i)->name;

		if (strlen(s) == VARSIZE_ANY_EXHDR(name) && memcmp(s, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) == 0)
			return i;
	}
	if (careful)
		return -1;
	initStringInfo(&names);
	for (int i = 0; i < n && names.len < 1000; i++)
	{
		const char *s = mosaic_model_output(model, i)->name;

		appendStringInfo(&names, "%s\"%s\"", i ? ", " : "", mosaic_shown_name(s, (int) strlen(s)));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("model \"%s\" has no output \"%s\"", mosaic_predictor_name(p),
					mosaic_shown_name(VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name))),
			 errhint("Its outputs are %s.", names.data)));
}

int
mosaic_answer_output(MosaicPredictor *p, MosaicAnswer kind, text *name, bool careful)
{
	if (name)
		return named_output(p, name, careful);
	switch (kind)
	{
		case MOSAIC_ANSWER_VECTOR:
			return mosaic_text_output(mosaic_predictor_text(p));
		case MOSAIC_ANSWER_PROBA:
			return mosaic_proba_output(mosaic_predictor_proba(p), careful);
		default:
			return 0;
	}
}

const MosaicTensorView *
mosaic_answer_views(MosaicPredictor *p, MosaicAnswer kind, int no, MosaicGiven given)
{
	bool		all = kind == MOSAIC_ANSWER_OUTPUTS;
	int			n = all ? mosaic_model_output_count(mosaic_predictor_model(p)) : 1;
	MosaicTensorView *views = palloc(n * sizeof *views);

	for (int i = 0; i < n; i++)
		if (given == MOSAIC_GIVEN_WHOLE)
			mosaic_predictor_output(p, all ? i : no, &views[i]);
		else
			mosaic_predictor_item_output(p, all ? i : no, given == MOSAIC_GIVEN_ONES, &views[i]);
	return views;
}

Datum
mosaic_answer(MosaicPredictor *p, MosaicAnswer kind, int no, const MosaicPart *part)
{
	Answer		a = {0};
	Failure		failure = make_answer(p, kind, part, &a);

	if (failure != NONE)
		report(p, no, failure, &a, part->outputs);
	return a.value;
}

bool
mosaic_try_answer(MosaicPredictor *p, MosaicAnswer kind, int no, const MosaicPart *part, Datum *value)
{
	Answer		a = {.careful = true};

	if (make_answer(p, kind, part, &a) != NONE)
		return false;
	*value = a.value;
	return true;
}

void
mosaic_answer_type(MosaicAnswer kind, bool *byval, int *len)
{
	*byval = kind == MOSAIC_ANSWER_CLASS;
	*len = *byval ? sizeof(int32) : -1;
}

void
mosaic_output_to_real(MosaicPredictor *p, int no, float4 *to, const MosaicTensorView *from, int64 first, int64 n)
{
	Answer		a = {0};

	if (from->dtype == MOSAIC_STRING)
		report(p, no, TEXT_OUTPUT, &a, from);
	if (!to_real(to, from, first, n, &a.element))
		report(p, no, NOT_REAL, &a, from);
}
