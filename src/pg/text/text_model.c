/*
 * text_model.c
 *		A model of texts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "catalog.h"
#include "elements.h"
#include "errors.h"
#include "predict_item.h"
#include "row.h"
#include "text_model.h"
#include "time_limit.h"
#include "tokenizer_cache.h"
#include "tokenizer_store.h"

/* A text is padded to what a model's inputs say. */
#define MAX_FIXED_LENGTH (1024 * 1024)

/* What an input is to hold. */
typedef enum Role
{
	IDS, MASK, TYPES, POSITIONS
} Role;

typedef struct TextInput
{
	Role		role;
	int			dtype;
} TextInput;

struct MosaicTextModel
{
	MemoryContextCallback callback;
	MosaicTokenizerHandle *handle;
	MosaicPadding padding;
	int			ninputs;
	TextInput  *inputs;
	int64		fixed_length;	/* of each input; 0: that of the text */
	int64		max_tokens;		/* 0: as the tokenizer says */
	bool		truncates;		/* else a longer text is an error */
	char	   *name;			/* for messages */
	int			output;
	MosaicPooling pooling;
	bool		normalize;
};

static void
release(void *arg)
{
	MosaicTextModel *t = arg;

	if (t->handle)
		mosaic_tokenizer_release(t->handle);
	t->handle = NULL;
}

/* ---- what the model has ---- */

static bool
role_of(const char *name, Role *role)
{
	static const struct
	{
		const char *name;
		Role		role;
	}			known[] = {
		{"input_ids", IDS}, {"attention_mask", MASK}, {"input_mask", MASK}, {"token_type_ids", TYPES},
		{"segment_ids", TYPES}, {"position_ids", POSITIONS}
	};

	for (int i = 0; i < lengthof(known); i++)
		if (strcmp(name, known[i].name) == 0)
		{
			*role = known[i].role;
			return true;
		}
	return false;
}

static bool
may_hold(Role role, int dtype)
{
	return dtype == MOSAIC_INT64 || dtype == MOSAIC_INT32 ||
		(role == MASK && (dtype == MOSAIC_FLOAT || dtype == MOSAIC_BOOL));
}

/* The number of elements of an item of this input: 0: any; -1: not one dimension. */
static int64
length_of(const MosaicValueInfo *info)
{
	int64		length = -1;

	for (int i = 0; i < info->ndim; i++)
	{
		if (i == (info->item_axis >= 0 ? info->item_axis : 0) && info->ndim > 1)
			continue;
		if (length >= 0)
			return -1;
		length = Max(info->dims[i], 0);
	}
	return length;
}

static void
find_inputs(MosaicTextModel *t, const MosaicModel *model, const char *name)
{
	bool		has_ids = false;

	t->ninputs = mosaic_model_input_count(model);
	t->inputs = palloc0(Max(t->ninputs, 1) * sizeof *t->inputs);
	for (int i = 0; i < t->ninputs; i++)
	{
		const MosaicValueInfo *info = mosaic_model_input(model, i);
		Role		role = IDS;
		int64		length = length_of(info);

		if ((!role_of(info->name, &role) && t->ninputs > 1) || !may_hold(role, info->dtype) || length < 0 ||
			(t->fixed_length > 0 && length > 0 && length != t->fixed_length))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" does not take texts: its input \"%s\" is none that tokens fill", name,
							mosaic_shown_name(info->name, (int) strlen(info->name))),
					 errhint("Texts fill the inputs input_ids, attention_mask, token_type_ids and position_ids, of integers, or a single input of them.")));
		t->inputs[i].role = role;
		t->inputs[i].dtype = info->dtype;
		t->fixed_length = Max(t->fixed_length, length);
		if (t->fixed_length > MAX_FIXED_LENGTH)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("model \"%s\" takes texts of %lld tokens, at most %d are allowed", name,
							(long long) t->fixed_length, MAX_FIXED_LENGTH)));
		has_ids |= role == IDS;
	}
	if (!has_ids)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not take texts: it has no input of token ids", name)));
}

/* As exporters name what has been pooled; else what is to be. */
static int
find_output(const MosaicModel *model)
{
	static const char *const names[] = {"sentence_embedding", "last_hidden_state", "token_embeddings"};

	for (int i = 0; i < lengthof(names); i++)
		for (int j = 0; j < mosaic_model_output_count(model); j++)
			if (strcmp(mosaic_model_output(model, j)->name, names[i]) == 0)
				return j;
	return 0;
}

MosaicTextModel *
mosaic_text_model(HeapTuple row, const MosaicModel *model, const char *name)
{
	MosaicTextModel *t = palloc0(sizeof *t);
	bool		isnull;
	Datum		value;

	t->callback.func = release;
	t->callback.arg = t;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &t->callback);
	t->handle = mosaic_tokenizer_acquire(row, GetActiveSnapshot());
	if (t->handle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no tokenizer", name),
				 errhint("set_tokenizer() gives it one. Features in quotes need a type: '{1,2}'::real[].")));
	mosaic_tokenizer_padding(mosaic_tokenizer_of_handle(t->handle), &t->padding);
	find_inputs(t, model, name);
	t->output = find_output(model);
	value = mosaic_model_option(row, Anum_model_max_tokens, &isnull);
	t->max_tokens = isnull ? 0 : DatumGetInt32(value);
	if (t->fixed_length > 0 && (t->max_tokens == 0 || t->max_tokens > t->fixed_length))
		t->max_tokens = t->fixed_length;
	value = mosaic_model_option(row, Anum_model_truncates, &isnull);
	t->truncates = isnull || DatumGetBool(value);
	t->name = pstrdup(name);
	value = mosaic_model_option(row, Anum_model_pooling, &isnull);
	if (isnull || !mosaic_pooling_by_name(mosaic_plain_text(value), &t->pooling))
		t->pooling = MOSAIC_POOL_MEAN;
	value = mosaic_model_option(row, Anum_model_normalized, &isnull);
	t->normalize = !isnull && DatumGetBool(value);
	return t;
}

int
mosaic_text_output(const MosaicTextModel *t)
{
	return t->output;
}

/* ---- tokens ---- */

/* A text in UTF-8; false where that would be an error and careful is set. */
static bool
utf8_of(Datum value, bool careful, const char **s, Size *len)
{
	text	   *t = DatumGetTextPP(value);
	char	   *converted;

	*s = VARDATA_ANY(t);
	*len = VARSIZE_ANY_EXHDR(t);
	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	if (careful)
		return false;
	converted = pg_server_to_any(unconstify(char *, *s), (int) *len, PG_UTF8);
	if (converted != *s)
		*len = strlen(converted);
	*s = converted;
	return true;
}

static MosaicCode
encode(MosaicTextModel *t, Datum first, Datum second, bool careful, MosaicTokens *tokens, MosaicError *error)
{
	MosaicEncoder *encoder = mosaic_tokenizer_encoder(t->handle);
	MosaicEncodeOptions options = {.special_tokens = true,.truncate = true,.max_length = t->max_tokens};
	MosaicCode	code;
	int64		limit = mosaic_time_limit(1);
	const char *a,
			   *b = NULL;
	Size		a_len,
				b_len = 0;

	if (!utf8_of(first, careful, &a, &a_len) ||
		(second != (Datum) 0 && !utf8_of(second, careful, &b, &b_len)))
		return MOSAIC_E_INVALID;
	code = mosaic_encoder_start(encoder, a, a_len, b, b_len, &options, error);
	if (code != MOSAIC_OK)
		return code;
	while ((code = mosaic_encoder_step(encoder, tokens, error)) == MOSAIC_MORE)
	{
		/* Of a row that nobody may ask for. */
		if (careful && mosaic_time_is_up(limit))
			return MOSAIC_E_INVALID;
		mosaic_check_time_limit(limit);
	}
	return code;
}

static void
place(const MosaicTextModel *t, MosaicTextTokens *out)
{
	out->length = Max(out->tokens.count, t->fixed_length);
	out->first = t->padding.left ? out->length - out->tokens.count : 0;
}

void
mosaic_text_tokens(MosaicTextModel *t, Datum first, Datum second, MosaicTextTokens *out)
{
	MosaicError error;

	if (encode(t, first, second, false, &out->tokens, &error) != MOSAIC_OK)
		mosaic_report(&error);
	if (out->tokens.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the text has no tokens")));
	if (out->tokens.truncated && !t->truncates)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\": the text has more than %lld tokens", t->name, (long long) out->tokens.count),
				 errhint("token_count() tells how many. set_tokenizer(..., truncate => true) lets longer texts be cut.")));
	place(t, out);
}

bool
mosaic_text_try_tokens(MosaicTextModel *t, Datum first, Datum second, MosaicTextTokens *out)
{
	MosaicError error;

	if (encode(t, first, second, true, &out->tokens, &error) != MOSAIC_OK || out->tokens.count == 0 ||
		(out->tokens.truncated && !t->truncates))
		return false;
	place(t, out);
	return true;
}

static int64
element_of(const MosaicTextModel *t, Role role, const MosaicTextTokens *tokens, int64 i)
{
	int64		k = i - tokens->first;
	bool		is_token = k >= 0 && k < tokens->tokens.count;

	switch (role)
	{
		case IDS:
			return is_token ? tokens->tokens.ids[k] : t->padding.id;
		case MASK:
			return is_token;
		case TYPES:
			return is_token ? tokens->tokens.type_ids[k] : t->padding.type_id;
		case POSITIONS:
			return is_token ? k : 0;
	}
	return 0;
}

void
mosaic_text_fill(const MosaicTextModel *t, int input, const MosaicTextTokens *tokens, void *elements)
{
	const TextInput *in = &t->inputs[input];

	for (int64 i = 0; i < tokens->length; i++)
		mosaic_element_from_int64(element_of(t, in->role, tokens, i), in->dtype, elements, i, "tokens");
}

void
mosaic_text_done(const MosaicTextModel *t)
{
	mosaic_encoder_give_back(mosaic_tokenizer_encoder(t->handle));
}

/* ---- vectors ---- */

ArrayType *
mosaic_text_vector(const MosaicTextModel *t, const MosaicTensorView *output, int64 first, int64 begin, int64 n)
{
	int64		width = output->ndim > 0 ? output->dims[output->ndim - 1] : 0;
	int64		rows = output->ndim == 2 ? output->dims[0] : 1;
	ArrayType  *result;
	float4	   *vector,
			   *tokens;

	if (output->ndim < 1 || output->ndim > 2 || width == 0 || width > MaxAllocSize / sizeof(float4) || begin + n > rows + (output->ndim == 1 ? n : 0))
		return NULL;
	if (output->dtype != MOSAIC_FLOAT && output->dtype != MOSAIC_DOUBLE && output->dtype != MOSAIC_FLOAT16 &&
		output->dtype != MOSAIC_BFLOAT16)
		return NULL;
	result = mosaic_make_result(false, 1, 1, &width);
	vector = (float4 *) ARR_DATA_PTR(result);
	if (output->ndim == 1)
		mosaic_copy_floats(vector, output, first, width);
	else if (output->dtype == MOSAIC_FLOAT)
		mosaic_pool(t->pooling, (const float *) output->data + first + begin * width, n, width, vector);
	else
	{
		tokens = palloc_extended(n * width * sizeof(float4), MCXT_ALLOC_HUGE);
		mosaic_copy_floats(tokens, output, first + begin * width, n * width);
		mosaic_pool(t->pooling, tokens, n, width, vector);
		pfree(tokens);
	}
	if (t->normalize)
		mosaic_normalize(vector, width);
	return result;
}
