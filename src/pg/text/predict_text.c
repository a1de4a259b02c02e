/*
 * predict_text.c
 *		predict(), predict_class(), predict_label(), predict_proba() and embed() over texts.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "content.h"
#include "predict_item.h"
#include "predict_text.h"
#include "text_model.h"

static Datum
predict_text(FunctionCallInfo fcinfo, MosaicAnswer answer)
{
	MosaicPredictor *p = mosaic_predictor(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	MosaicTextModel *t;
	int			ninputs = mosaic_model_input_count(mosaic_predictor_model(p));
	MosaicItem	item = {
		.bindings = palloc(ninputs * sizeof *item.bindings),.elements = palloc(ninputs * sizeof *item.elements)
	};
	MosaicTextTokens tokens;

	mosaic_predictor_begin(p);
	t = mosaic_predictor_text(p);
	mosaic_text_tokens(t, PG_GETARG_DATUM(1), PG_NARGS() > 2 ? PG_GETARG_DATUM(2) : (Datum) 0, &tokens);
	item.begin = tokens.first;
	item.n = tokens.tokens.count;
	mosaic_predictor_tokens(p, item.n);
	for (int i = 0; i < ninputs; i++)
	{
		int			dtype = mosaic_model_input(mosaic_predictor_model(p), i)->dtype;
		void	   *elements = palloc(tokens.length * mosaic_dtype_size(dtype));

		mosaic_predictor_bind(p, i, 1, &tokens.length, &item.bindings[i]);
		mosaic_text_fill(t, i, &tokens, elements);
		item.elements[i] = elements;
	}
	mosaic_text_done(t);
	return mosaic_predict_item(p, &item, answer, NULL);
}

/* predict(model text, content text [, second text]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_text);
Datum
mosaic_pg_predict_text(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_NUMBERS);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class_text);
Datum
mosaic_pg_predict_class_text(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_CLASS);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_label_text);
Datum
mosaic_pg_predict_label_text(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_LABEL);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_proba_text);
Datum
mosaic_pg_predict_proba_text(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_PROBA);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_outputs_text);
Datum
mosaic_pg_predict_outputs_text(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_OUTPUTS);
}

/* embed(model text, content text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_embed);
Datum
mosaic_pg_embed(PG_FUNCTION_ARGS)
{
	return predict_text(fcinfo, MOSAIC_ANSWER_VECTOR);
}

bool
mosaic_predict_text_function(const FmgrInfo *info, MosaicPredictFn *fn)
{
	static const struct
	{
		PGFunction	function;
		MosaicAnswer answer;
	}			functions[] = {
		{mosaic_pg_predict_text, MOSAIC_ANSWER_NUMBERS},
		{mosaic_pg_predict_class_text, MOSAIC_ANSWER_CLASS},
		{mosaic_pg_predict_label_text, MOSAIC_ANSWER_LABEL},
		{mosaic_pg_predict_proba_text, MOSAIC_ANSWER_PROBA},
		{mosaic_pg_predict_outputs_text, MOSAIC_ANSWER_OUTPUTS},
		{mosaic_pg_embed, MOSAIC_ANSWER_VECTOR}
	};

	for (int i = 0; i < lengthof(functions); i++)
		if (info->fn_addr == functions[i].function)
		{
			*fn = (MosaicPredictFn) {.answer = functions[i].answer,.texts = info->fn_nargs - 1};
			return true;
		}
	return false;
}
