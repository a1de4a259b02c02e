/*
 * predict_row.c
 *		predict(), predict_class(), predict_label() and predict_proba() over rows.
 */
#include "postgres.h"

#include "fmgr.h"

#include "content.h"
#include "errors.h"
#include "predict_row.h"
#include "row_map.h"

static void
bind_input(MosaicPredictor *p, const MosaicRowMap *map, int i, MosaicBinding *binding)
{
	MosaicError error;

	if (mosaic_model_bind(mosaic_predictor_model(p), i, mosaic_row_ndim(map, i), mosaic_row_dims(map, i), binding,
						  &error) != MOSAIC_OK)
	{
		/* Its hint is of arrays. */
		strlcpy(error.hint, "The columns of a row fill an input in their order, unless set_inputs() names them.", sizeof error.hint);
		mosaic_report(&error);
	}
	if (binding->batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: a row is one item, not a batch of %lld", mosaic_predictor_input_name(p, i),
						(long long) binding->items)));
}

static Datum
predict_row(FunctionCallInfo fcinfo, MosaicAnswer answer, text *output)
{
	MosaicPredictor *p = mosaic_predictor(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(1);
	MosaicRowMap *map;
	int			ninputs = mosaic_model_input_count(mosaic_predictor_model(p));
	MosaicItem	item = {
		.bindings = palloc(Max(ninputs, 1) * sizeof *item.bindings),.elements = palloc(Max(ninputs, 1) * sizeof *item.elements)
	};

	mosaic_predictor_begin(p);
	map = mosaic_predictor_row_map(p, row, false);
	mosaic_row_read(map, row, false);
	for (int i = 0; i < ninputs; i++)
	{
		int64		n = 1;
		void	   *elements;

		bind_input(p, map, i, &item.bindings[i]);
		for (int d = 0; d < mosaic_row_ndim(map, i); d++)
			n *= mosaic_row_dims(map, i)[d];
		elements = palloc_extended(Max(n * mosaic_dtype_size(mosaic_model_input(mosaic_predictor_model(p), i)->dtype), 1),
								   MCXT_ALLOC_HUGE);
		mosaic_row_fill(map, i, elements, CurrentMemoryContext, false);
		item.elements[i] = elements;
	}
	return mosaic_predict_item(p, &item, answer, output);
}

/* predict(model text, columns record) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_row);
Datum
mosaic_pg_predict_row(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_NUMBERS, NULL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class_row);
Datum
mosaic_pg_predict_class_row(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_CLASS, NULL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_label_row);
Datum
mosaic_pg_predict_label_row(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_LABEL, NULL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_proba_row);
Datum
mosaic_pg_predict_proba_row(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_PROBA, NULL);
}

/* predict(model text, columns record, output text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_row_output);
Datum
mosaic_pg_predict_row_output(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_NUMBERS, PG_GETARG_TEXT_PP(2));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_outputs_row);
Datum
mosaic_pg_predict_outputs_row(PG_FUNCTION_ARGS)
{
	return predict_row(fcinfo, MOSAIC_ANSWER_OUTPUTS, NULL);
}

bool
mosaic_predict_row_function(const FmgrInfo *info, MosaicPredictFn *fn)
{
	static const struct
	{
		PGFunction	function;
		MosaicAnswer answer;
	}			functions[] = {
		{mosaic_pg_predict_row, MOSAIC_ANSWER_NUMBERS},
		{mosaic_pg_predict_row_output, MOSAIC_ANSWER_NUMBERS},
		{mosaic_pg_predict_outputs_row, MOSAIC_ANSWER_OUTPUTS},
		{mosaic_pg_predict_class_row, MOSAIC_ANSWER_CLASS},
		{mosaic_pg_predict_label_row, MOSAIC_ANSWER_LABEL},
		{mosaic_pg_predict_proba_row, MOSAIC_ANSWER_PROBA}
	};

	for (int i = 0; i < lengthof(functions); i++)
		if (info->fn_addr == functions[i].function)
		{
			*fn = (MosaicPredictFn) {.answer = functions[i].answer,.row = true,.named = info->fn_nargs == 3};
			return true;
		}
	return false;
}
