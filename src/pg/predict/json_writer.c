/*
 * json_writer.c
 *		Outputs of a model as jsonb, written as it is stored.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "elements.h"
#include "json_value.h"
#include "json_writer.h"

/* The least that an element takes: its entry, and a numeric. */
#define LEAST_BYTES 12

/* Far from any limit: sure to fit, numerics of float64 having at most some 20 bytes. */
#define SAFE_ELEMENTS (4 * 1024 * 1024)

static void
too_large(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the outputs do not fit in jsonb"),
			 errhint("predict(model, ..., output => 'name') returns one of them as an array.")));
}

/* Zeros up to the next multiple of four. */
static void
pad(StringInfo buf)
{
	int			n = INTALIGN(buf->len) - buf->len;

	enlargeStringInfo(buf, n);
	memset(buf->data + buf->len, 0, n);
	buf->len += n;
}

/* Room for n entries; where they begin. */
static int
reserve(StringInfo buf, int64 n)
{
	int			at = buf->len;

	if (n > JENTRY_OFFLENMASK / (int64) sizeof(JEntry))
		too_large();
	enlargeStringInfo(buf, (int) (n * sizeof(JEntry)));
	buf->len += (int) (n * sizeof(JEntry));
	return at;
}

static void
put_entry(StringInfo buf, int at, int64 i, JEntry type, int64 length, int64 *total)
{
	JEntry		entry = type | (JEntry) length;

	*total += length;
	if (*total > JENTRY_OFFLENMASK)
		too_large();
	if (i % JB_OFFSET_STRIDE == 0)
		entry = type | (JEntry) *total | JENTRY_HAS_OFF;
	memcpy(buf->data + at + i * sizeof(JEntry), &entry, sizeof entry);
}

static void
put_header(StringInfo buf, int at, uint32 header)
{
	memcpy(buf->data + at, &header, sizeof header);
}

/* ---- elements ---- */

/* Appends a value that is no container; its type. */
static JEntry
append_value(StringInfo buf, const JsonbValue *v)
{
	if (v->type == jbvBool)
		return v->val.boolean ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
	if (v->type == jbvNumeric)
	{
		pad(buf);
		appendBinaryStringInfo(buf, (char *) v->val.numeric, VARSIZE_ANY(v->val.numeric));
		return JENTRY_ISNUMERIC;
	}
	appendBinaryStringInfo(buf, v->val.string.val, v->val.string.len);
	return JENTRY_ISSTRING;
}

static void
string_value(JsonbValue *v, const MosaicString *s)
{
	if (memchr(s->data, '\0', s->size))
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("an output has a character that jsonb cannot hold"),
				 errdetail("The character is \\u0000.")));
	mosaic_json_string(v, s->data, s->size);
}

static Numeric
numeric_of_uint64(uint64 value)
{
	char	   *s = psprintf(UINT64_FORMAT, value);

	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(s), ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static void
element_value(JsonbValue *v, const MosaicTensorView *t, int64 i)
{
	switch (t->dtype)
	{
		case MOSAIC_STRING:
			string_value(v, (const MosaicString *) t->data + i);
			return;
		case MOSAIC_BOOL:
			v->type = jbvBool;
			v->val.boolean = ((const uint8 *) t->data)[i] != 0;
			return;
		case MOSAIC_INT64:
			v->type = jbvNumeric;
			v->val.numeric = int64_to_numeric(((const int64 *) t->data)[i]);
			return;
		case MOSAIC_UINT64:
			v->type = jbvNumeric;
			v->val.numeric = numeric_of_uint64(((const uint64 *) t->data)[i]);
			return;
		default:
			mosaic_json_number(v, mosaic_element_to_double(t, i), t->dtype == MOSAIC_FLOAT);
	}
}

/* ---- arrays ---- */

/* Dimensions [axis, ndim) as nested arrays, from element *next on.  cxt: reset now and then. */
static JEntry
append_array(StringInfo buf, const MosaicTensorView *t, int axis, int64 *next, MemoryContext cxt)
{
	int64		n = t->dims[axis];
	int64		total = 0;
	int			header,
				entries;

	pad(buf);
	header = reserve(buf, 1);
	entries = reserve(buf, n);
	put_header(buf, header, (uint32) n | JB_FARRAY);
	for (int64 i = 0; i < n; i++)
	{
		int			start = buf->len;
		JEntry		type;

		if (axis + 1 < t->ndim)
			type = append_array(buf, t, axis + 1, next, cxt);
		else
		{
			MemoryContext saved = MemoryContextSwitchTo(cxt);
			JsonbValue	v;

			element_value(&v, t, (*next)++);
			MemoryContextSwitchTo(saved);
			type = append_value(buf, &v);
		}
		if (i % 1024 == 1023 || i == n - 1)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(cxt);
		}
		put_entry(buf, entries, i, type, buf->len - start, &total);
	}
	return JENTRY_ISCONTAINER;
}

static JEntry
append_output(StringInfo buf, const MosaicTensorView *t, int64 item, MemoryContext cxt)
{
	int64		next = item * mosaic_view_size(t);
	JsonbValue	v;

	if (t->ndim > 0)
		return append_array(buf, t, 0, &next, cxt);
	element_value(&v, t, next);
	return append_value(buf, &v);
}

/* ---- the object ---- */

/* As jsonb sorts keys: the shorter first. */
static int
compare_outputs(const void *a, const void *b, void *model)
{
	const char *x = mosaic_model_output(model, *(const int *) a)->name;
	const char *y = mosaic_model_output(model, *(const int *) b)->name;
	Size		nx = strlen(x),
				ny = strlen(y);

	return nx == ny ? memcmp(x, y, nx) : nx < ny ? -1 : 1;
}

/* The outputs in the order of their names, each name once. */
static int
sort_outputs(const MosaicModel *model, int *order)
{
	int			n = mosaic_model_output_count(model);
	int			distinct = 0;

	for (int i = 0; i < n; i++)
		order[i] = i;
	qsort_arg(order, n, sizeof *order, compare_outputs, unconstify(MosaicModel *, model));
	for (int i = 0; i < n; i++)
		if (distinct == 0 || compare_outputs(&order[distinct - 1], &order[i], unconstify(MosaicModel *, model)) != 0)
			order[distinct++] = order[i];
	return distinct;
}

static int64
element_count(const MosaicModel *model, const MosaicTensorView *views)
{
	int64		n = 0;

	for (int i = 0; i < mosaic_model_output_count(model); i++)
		n += mosaic_view_size(&views[i]);
	return n;
}

bool
mosaic_json_outputs_fit(const MosaicModel *model, const MosaicTensorView *views, int64 item)
{
	if (element_count(model, views) > SAFE_ELEMENTS)
		return false;
	for (int i = 0; i < mosaic_model_output_count(model); i++)
	{
		int64		size = mosaic_view_size(&views[i]);
		const MosaicString *s = (const MosaicString *) views[i].data + item * size;
		int64		bytes = 0;

		if (views[i].dtype != MOSAIC_STRING)
			continue;
		for (int64 k = 0; k < size; k++)
		{
			bytes += s[k].size;
			if (GetDatabaseEncoding() != PG_UTF8 || bytes > 16 * 1024 * 1024 ||
				!pg_verify_mbstr(PG_UTF8, s[k].data, (int) s[k].size, true))
				return false;
		}
	}
	return true;
}

Jsonb *
mosaic_json_outputs(const MosaicModel *model, const MosaicTensorView *views, int64 item)
{
	int		   *order = palloc(Max(mosaic_model_output_count(model), 1) * sizeof *order);
	int			n = sort_outputs(model, order);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic jsonb", ALLOCSET_SMALL_SIZES);
	int64		total = 0;
	int			header,
				entries;
	StringInfoData buf;

	if (element_count(model, views) > JENTRY_OFFLENMASK / LEAST_BYTES)
		too_large();
	initStringInfo(&buf);
	buf.len = VARHDRSZ;
	header = reserve(&buf, 1);
	entries = reserve(&buf, 2 * n);
	put_header(&buf, header, (uint32) n | JB_FOBJECT);
	for (int i = 0; i < n; i++)
	{
		const char *name = mosaic_model_output(model, order[i])->name;

		appendBinaryStringInfo(&buf, name, (int) strlen(name));
		put_entry(&buf, entries, i, JENTRY_ISSTRING, strlen(name), &total);
	}
	for (int i = 0; i < n; i++)
	{
		int			start = buf.len;
		JEntry		type = append_output(&buf, &views[order[i]], item, cxt);

		put_entry(&buf, entries, n + i, type, buf.len - start, &total);
	}
	MemoryContextDelete(cxt);
	SET_VARSIZE(buf.data, buf.len);
	return (Jsonb *) buf.data;
}
