/*
 * proba.c
 *		The probabilities of a model's classes as jsonb.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "elements.h"
#include "errors.h"
#include "json_value.h"
#include "proba.h"

#define MAX_CLASSES 100000

/* How far rounding may take a probability out of [0, 1]. */
#define ROUNDING 1e-5

struct MosaicProba
{
	MemoryContext cxt;
	const char *model;
	MosaicScores scores;
	MosaicString *texts;		/* scores.ntexts */
	int64	   *numbers;		/* scores.nnumbers */
	text	  **labels;
	int			nlabels;
	MemoryContext names_cxt;	/* of names */
	int64		n;				/* classes that names are of; 0: none yet */
	JsonbValue *names;			/* n */
};

MosaicProba *
mosaic_proba_new(const MosaicModel *model, text **labels, int n, const char *name)
{
	MosaicProba *proba = palloc0(sizeof *proba);
	MosaicError error;

	proba->cxt = CurrentMemoryContext;
	proba->model = name;
	proba->labels = labels;
	proba->nlabels = n;
	if (mosaic_model_scores(model, &proba->scores, &error) != MOSAIC_OK)
		mosaic_report(&error);
	proba->texts = palloc(Max(proba->scores.ntexts, 1) * sizeof *proba->texts);
	proba->numbers = palloc(Max(proba->scores.nnumbers, 1) * sizeof *proba->numbers);
	if (mosaic_model_class_labels(model, proba->texts, proba->numbers, &error) != MOSAIC_OK)
		mosaic_report(&error);
	return proba;
}

int
mosaic_proba_output(const MosaicProba *proba, bool careful)
{
	if (proba->scores.output < 0 && !careful)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has no output of scores", proba->model),
				 errhint("predict_label() and predict_class() return the class.")));
	return proba->scores.output;
}

int
mosaic_proba_class(const MosaicProba *proba, const MosaicString *s)
{
	for (int i = 0; i < proba->scores.ntexts; i++)
		if (proba->texts[i].size == s->size && memcmp(proba->texts[i].data, s->data, s->size) == 0)
			return i;
	return -1;
}

/* ---- names ---- */

static void
name_of_label(JsonbValue *name, text *label)
{
	name->type = jbvString;
	name->val.string.val = VARDATA_ANY(label);
	name->val.string.len = VARSIZE_ANY_EXHDR(label);
}

static void
name_of_number(JsonbValue *name, int64 number)
{
	name->type = jbvString;
	name->val.string.val = psprintf(INT64_FORMAT, number);
	name->val.string.len = (int) strlen(name->val.string.val);
}

/* Of class i of n; false where the model's labels have none for it. */
static bool
name_class(const MosaicProba *proba, int64 i, int64 n, JsonbValue *name, int64 *number)
{
	*number = -1;
	if (proba->scores.ntexts == n)
		mosaic_json_string(name, proba->texts[i].data, proba->texts[i].size);
	else if (proba->scores.nnumbers == n)
	{
		*number = proba->numbers[i];
		if (proba->nlabels == 0)
			name_of_number(name, *number);
		else if (*number < 0 || *number >= proba->nlabels)
			return false;
		else
			name_of_label(name, proba->labels[*number]);
	}
	else if (proba->nlabels == n)
		name_of_label(name, proba->labels[i]);
	else if (proba->nlabels != 0)
		return false;
	else
		name_of_number(name, i);
	return true;
}

static int
compare_names(const void *a, const void *b)
{
	const JsonbValue *x = *(const JsonbValue *const *) a;
	const JsonbValue *y = *(const JsonbValue *const *) b;

	if (x->val.string.len != y->val.string.len)
		return x->val.string.len < y->val.string.len ? -1 : 1;
	return memcmp(x->val.string.val, y->val.string.val, x->val.string.len);
}

/* A name that two classes have, or NULL: an object has each key once. */
static const char *
same_name(JsonbValue *names, int64 n)
{
	JsonbValue **sorted = palloc(n * sizeof *sorted);

	for (int64 i = 0; i < n; i++)
		sorted[i] = &names[i];
	qsort(sorted, n, sizeof *sorted, compare_names);
	for (int64 i = 1; i < n; i++)
		if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
			return pnstrdup(sorted[i]->val.string.val, sorted[i]->val.string.len);
	return NULL;
}

/* Makes the names of n classes, once. */
static bool
make_names(MosaicProba *proba, int64 n, MosaicProbaFailure *failure)
{
	MemoryContext saved;
	JsonbValue *names;

	if (proba->n == n)
		return true;
	proba->n = 0;
	if (proba->names_cxt)
		MemoryContextReset(proba->names_cxt);
	else
		proba->names_cxt = AllocSetContextCreate(proba->cxt, "pg_mosaic class names", ALLOCSET_SMALL_SIZES);
	saved = MemoryContextSwitchTo(proba->names_cxt);
	names = palloc(n * sizeof *names);
	failure->n = n;
	for (int64 i = 0; i < n; i++)
		if (!name_class(proba, i, n, &names[i], &failure->number))
		{
			failure->kind = PROBA_LABELS;
			break;
		}
	if (failure->kind == PROBA_OK && (failure->label = same_name(names, n)) != NULL)
		failure->kind = PROBA_SAME_LABEL;
	MemoryContextSwitchTo(saved);
	if (failure->kind != PROBA_OK)
		return false;
	proba->names = names;
	proba->n = n;
	return true;
}

/* ---- probabilities ---- */

/* Makes n logits probabilities; of NaN all are. */
static void
softmax(double *v, int64 n)
{
	double		most = v[0],
				sum = 0;

	for (int64 i = 1; i < n; i++)
		most = Max(most, v[i]);
	for (int64 i = 0; i < n; i++)
	{
		/* Where one is infinite, it has all. */
		v[i] = isinf(most) && most > 0 ? (v[i] == most ? 1 : (isnan(v[i]) ? v[i] : 0)) : exp(v[i] - most);
		sum += v[i];
	}
	for (int64 i = 0; i < n; i++)
		v[i] /= sum;
}

/* The probabilities of all classes; false where an element is none. */
static bool
probabilities(const MosaicProba *proba, const MosaicTensorView *output, int64 first, int64 size, double *p,
			  MosaicProbaFailure *failure)
{
	MosaicScoreKind kind = proba->scores.kind;

	for (int64 i = 0; i < size; i++)
	{
		p[i] = mosaic_element_to_double(output, first + i);
		if (kind == MOSAIC_SCORES_LOG_PROBABILITIES)
			p[i] = exp(p[i]);
	}
	if (kind == MOSAIC_SCORES_LOGITS && size > 1)
	{
		softmax(p, size);
		return true;
	}
	for (int64 i = 0; i < size; i++)
		if (p[i] < -ROUNDING || p[i] > 1 + ROUNDING)
		{
			failure->kind = PROBA_RANGE;
			failure->n = first + i;
			return false;
		}
	if (size == 1)
	{
		p[1] = p[0];
		p[0] = output->dtype == MOSAIC_DOUBLE ? 1 - p[1] : (double) (1 - (float) p[1]);
	}
	return true;
}

/* The number of classes; 0 where the output is not one score for each. */
static int64
class_count(const MosaicTensorView *output)
{
	int64		n = 1;

	for (int i = 0; i < output->ndim; i++)
	{
		if (output->dims[i] != 1 && n != 1)
			return 0;
		n *= output->dims[i];
	}
	return n;
}

static Datum
make_object(const MosaicProba *proba, const double *p, bool single)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int64 i = 0; i < proba->n; i++)
	{
		pushJsonbValue(&state, WJB_KEY, &proba->names[i]);
		mosaic_json_number(&value, p[i], single);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

Datum
mosaic_proba_make(MosaicProba *proba, const MosaicTensorView *output, int64 first,
				  MosaicProbaFailure *failure)
{
	int64		size = class_count(output);
	int64		n = size == 1 ? 2 : size;
	double	   *p;
	Datum		result = (Datum) 0;

	memset(failure, 0, sizeof *failure);
	if (size == 0)
		failure->kind = PROBA_SHAPE;
	else if (n > MAX_CLASSES)
	{
		failure->kind = PROBA_MANY;
		failure->n = n;
	}
	else if (make_names(proba, n, failure))
	{
		p = palloc(n * sizeof *p);
		if (probabilities(proba, output, first, size, p, failure))
			result = make_object(proba, p, output->dtype != MOSAIC_DOUBLE);
		pfree(p);
	}
	return result;
}

void
mosaic_proba_report(const MosaicProba *proba, const MosaicProbaFailure *failure, const MosaicTensorView *output,
					const char *what)
{
	switch (failure->kind)
	{
		case PROBA_SHAPE:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s is not one score for each class", what)));
			break;
		case PROBA_MANY:
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("%s has " INT64_FORMAT " classes, at most %d can be named", what, failure->n, MAX_CLASSES),
					 errhint("predict() returns an array.")));
			break;
		case PROBA_RANGE:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: %.9g is no probability", what, mosaic_element_to_double(output, failure->n)),
					 errhint("predict() returns it as it is.")));
			break;
		case PROBA_LABELS:
			if (failure->number >= 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("model \"%s\" has %d labels, none for class " INT64_FORMAT, proba->model, proba->nlabels,
								failure->number),
						 errhint("set_labels() names the classes, from 0 on.")));
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has %d labels for " INT64_FORMAT " classes", proba->model, proba->nlabels,
							failure->n),
					 errhint("set_labels() names the classes, from 0 on.")));
			break;
		case PROBA_SAME_LABEL:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has two classes with the label \"%s\"", proba->model, failure->label),
					 errhint("set_labels() names the classes. predict() returns an array.")));
			break;
		case PROBA_OK:
			break;
	}
	elog(ERROR, "%s: no probabilities and no reason", what);
}
