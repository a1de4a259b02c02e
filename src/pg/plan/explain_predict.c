/*
 * explain_predict.c
 *		What EXPLAIN says of a node that predicts in batches.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/explain.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "aliases.h"
#include "catalog.h"
#include "compat.h"
#include "content.h"
#include "predict_parallel.h"
#include "row.h"

static void
indent(ExplainState *es)
{
	appendStringInfoSpaces(es->str, es->indent * 2);
}

typedef struct ShownModel
{
	const char *name;
	int64		version;		/* its model_id; 0 where it is not known */
	/* Of an alias that shares items out: the two models, and the part of the second. */
	const char *main;			/* NULL: it is none, or not known */
	const char *canary;
	int64		canary_version;
	double		share;
} ShownModel;

/* How the rows of a version were computed, and why one by one; NULL where it is not known. */
static char *
way_of(MosaicBatchStats *stats, int64 version)
{
	const MosaicRowsWay *way = mosaic_rows_way(&stats->ways, version, false);
	StringInfoData text;

	if (way == NULL)
		return NULL;
	initStringInfo(&text);
	if (way->at_once)
		appendStringInfoString(&text, "at once, ");
	if (way->group)
		appendStringInfo(&text, "in groups of %d, ", way->group);
	if (way->mixed)
		appendStringInfo(&text, "one by one%s%s, ", way->because[0] ? ": " : "", way->because);
	if (way->apart)
		appendStringInfoString(&text, "one by one: no batch can have such rows, ");
	if (way->failed)
		appendStringInfoString(&text, "one by one: a batch of them failed, ");
	text.data[text.len - 2] = '\0';
	return text.data;
}

/* A line for each model, by its name where there are several. */
static void
explain_ways(MosaicBatchStats *stats, List *models, ExplainState *es)
{
	ListCell   *lc;

	foreach(lc, models)
	{
		ShownModel *model = lfirst(lc);
		const char *main = model->main ? model->main : list_length(models) > 1 ? model->name : NULL;
		char	   *way = way_of(stats, model->version);
		char	   *canary = model->canary ? way_of(stats, model->canary_version) : NULL;

		if (way)
			ExplainPropertyText(main ? psprintf("Items of %s", main) : "Items", way, es);
		if (canary)
			ExplainPropertyText(psprintf("Items of %s", model->canary), canary, es);
	}
}

static int64
id_of(HeapTuple row)
{
	return DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id));
}

static const char *
name_of(HeapTuple row)
{
	return mosaic_plain_text(mosaic_model_attr(row, Anum_model_name));
}

/* The version that this query has used; else the one that it would use; else 0.  Both of an alias that shares items out. */
static void
find_version(MosaicPredictScan *s, ShownModel *model)
{
	MosaicPredictor *p;
	MosaicMeaning meaning;

	for (int i = 0; (p = mosaic_batch_model(s->batch, i)) != NULL; i++)
		if (strcmp(mosaic_predictor_name(p), model->name) == 0 && mosaic_predictor_version(p) != 0)
			model->version = mosaic_predictor_version(p);
	/* auto_explain may ask when the query has ended. */
	if (!ActiveSnapshotSet() || mosaic_look_up(model->name, GetActiveSnapshot(), &meaning) != MOSAIC_NAME_USABLE)
		return;
	if (model->version == 0 || meaning.canary)
		model->version = id_of(meaning.row);
	if (meaning.canary)
	{
		model->main = name_of(meaning.row);
		model->canary = name_of(meaning.canary);
		model->canary_version = id_of(meaning.canary);
		model->share = meaning.share;
	}
}

static List *
add_model(MosaicPredictScan *s, List *models, const char *name)
{
	ShownModel *model;
	ListCell   *lc;

	foreach(lc, models)
		if (strcmp(((ShownModel *) lfirst(lc))->name, name) == 0)
			return models;
	model = palloc0(sizeof *model);
	model->name = name;
	find_version(s, model);
	return lappend(models, model);
}

/* The models named by constants; where there are others, those last used. */
static List *
shown_models(MosaicPredictScan *s)
{
	List	   *models = NIL;
	ListCell   *lc;
	bool		complete = true;
	MosaicPredictor *p;

	foreach(lc, s->calls)
	{
		Const	   *name = linitial(lfirst_node(FuncExpr, lc)->args);

		if (IsA(name, Const) && !name->constisnull)
			models = add_model(s, models, mosaic_shown_key(mosaic_model_key(name->constvalue, name->consttype)));
		else
			complete = false;
	}
	for (int i = 0; !complete && (p = mosaic_batch_model(s->batch, i)) != NULL; i++)
		models = add_model(s, models, mosaic_predictor_name(p));
	return models;
}

/* stats: NULL where nothing was computed. */
static void
explain_models(MosaicPredictScan *s, MosaicBatchStats *stats, ExplainState *es)
{
	List	   *models = shown_models(s);
	List	   *texts = NIL;
	ListCell   *lc;

	if (es->format == EXPLAIN_FORMAT_TEXT)
	{
		foreach(lc, models)
		{
			ShownModel *model = lfirst(lc);

			texts = lappend(texts, model->version == 0 ? pstrdup(model->name)
							: model->main ? psprintf("%s (%s, version " INT64_FORMAT "; %g of the items: %s, version " INT64_FORMAT ")",
													 model->name, model->main, model->version, model->share, model->canary,
													 model->canary_version)
							: psprintf("%s (version " INT64_FORMAT ")", model->name, model->version));
		}
		if (texts)
			ExplainPropertyList("Model", texts, es);
		if (stats)
			explain_ways(stats, models, es);
		return;
	}
	ExplainOpenGroup("Models", "Models", false, es);
	foreach(lc, models)
	{
		ShownModel *model = lfirst(lc);
		char	   *way;

		ExplainOpenGroup("Model", NULL, true, es);
		ExplainPropertyText("Model", model->name, es);
		if (model->version != 0)
			ExplainPropertyInteger("Version", NULL, model->version, es);
		if (model->main)
		{
			ExplainPropertyText("Main", model->main, es);
			ExplainPropertyText("Canary", model->canary, es);
			ExplainPropertyInteger("Canary Version", NULL, model->canary_version, es);
			ExplainPropertyFloat("Share", NULL, model->share, 6, es);
		}
		if (stats && (way = way_of(stats, model->version)) != NULL)
			ExplainPropertyText("Items", way, es);
		if (stats && model->main && (way = way_of(stats, model->canary_version)) != NULL)
			ExplainPropertyText("Canary Items", way, es);
		ExplainCloseGroup("Model", NULL, true, es);
	}
	ExplainCloseGroup("Models", "Models", false, es);
}

static void
explain_batches(const MosaicBatchStats *stats, ExplainState *es)
{
	double		per_batch = stats->batches ? (double) stats->rows / stats->batches : 0;

	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyInteger("Batches", NULL, stats->batches, es);
		ExplainPropertyFloat("Rows per Batch", NULL, per_batch, 1, es);
		ExplainPropertyInteger("Rows Predicted Singly", NULL, stats->single, es);
		ExplainPropertyInteger("Pages Hit", NULL, stats->hit, es);
		ExplainPropertyInteger("Pages Read", NULL, stats->read, es);
		ExplainPropertyInteger("Pages Pinned", NULL, stats->pinned, es);
		return;
	}
	indent(es);
	appendStringInfo(es->str, "Batches: " INT64_FORMAT "  Rows per Batch: %.1f", stats->batches, per_batch);
	if (stats->single)
		appendStringInfo(es->str, "  Rows Predicted Singly: " INT64_FORMAT, stats->single);
	appendStringInfoChar(es->str, '\n');
	indent(es);
	appendStringInfo(es->str, "Model Pages: hit=" INT64_FORMAT " read=" INT64_FORMAT " pinned=" INT64_FORMAT "\n",
					 stats->hit, stats->read, stats->pinned);
}

/* Of texts only. */
static void
explain_tokens(const MosaicBatchStats *stats, ExplainState *es)
{
	if (stats->tokens == 0)
		return;
	ExplainPropertyInteger("Tokens", NULL, stats->tokens, es);
	if (es->timing)
		ExplainPropertyFloat("Tokenizer Time", "ms", stats->token_seconds * 1000, 3, es);
}

static void
explain_kernel(MosaicPredictScan *s, double seconds, ExplainState *es)
{
	MosaicPredictor *p = mosaic_batch_model(s->batch, 0);

	if (p && mosaic_predictor_exec(p))
	{
		int			dtype = mosaic_model_weight_dtype(mosaic_predictor_model(p));

		ExplainPropertyText("Kernel", mosaic_kernel_name(dtype), es);
		if (dtype != 0)
			ExplainPropertyText("Weights", mosaic_dtype_name(dtype), es);
	}
	if (es->timing)
		ExplainPropertyFloat("Kernel Time", "ms", seconds * 1000, 3, es);
}

/* The time of each operator, of this process. */
static void
explain_layers(MosaicPredictScan *s, ExplainState *es)
{
	MosaicPredictor *p;

	ExplainOpenGroup("Layers", "Layers", false, es);
	for (int i = 0; (p = mosaic_batch_model(s->batch, i)) != NULL; i++)
	{
		const MosaicExec *exec = mosaic_predictor_exec(p);
		MosaicNodeStats node;

		for (int j = 0; exec && mosaic_exec_node_stats(exec, j, &node); j++)
		{
			if (es->format == EXPLAIN_FORMAT_TEXT)
			{
				indent(es);
				appendStringInfo(es->str, "Layer %s (%s): %.3f ms\n", node.name, node.op_type, node.seconds * 1000);
				continue;
			}
			ExplainOpenGroup("Layer", NULL, true, es);
			ExplainPropertyText("Layer", node.name, es);
			ExplainPropertyText("Operator", node.op_type, es);
			ExplainPropertyFloat("Time", "ms", node.seconds * 1000, 3, es);
			ExplainCloseGroup("Layer", NULL, true, es);
		}
	}
	ExplainCloseGroup("Layers", "Layers", false, es);
}

void
mosaic_explain_predict_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;
	MosaicBatchStats stats = *mosaic_batch_stats(s->batch);

	mosaic_add_stats(&stats, &s->workers);
	explain_models(s, es->analyze ? &stats : NULL, es);
	if (!es->analyze)
		return;
	explain_batches(&stats, es);
	explain_tokens(&stats, es);
	explain_kernel(s, stats.seconds, es);
	if (es->verbose && es->timing)
		explain_layers(s, es);
}
