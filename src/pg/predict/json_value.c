/*
 * json_value.c
 *		Between a model's elements and values of jsonb.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "elements.h"
#include "json_value.h"
#include "numeric_value.h"

static void
constant_string(JsonbValue *out, const char *s)
{
	out->type = jbvString;
	out->val.string.val = unconstify(char *, s);
	out->val.string.len = (int) strlen(s);
}

void
mosaic_json_number(JsonbValue *out, double v, bool single)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isnan(v))
		constant_string(out, "NaN");
	else if (isinf(v))
		constant_string(out, v > 0 ? "Infinity" : "-Infinity");
	else
	{
		if (single)
			float_to_shortest_decimal_buf((float) v, text);
		else
			double_to_shortest_decimal_buf(v, text);
		out->type = jbvNumeric;
		out->val.numeric = mosaic_numeric_of_decimal(text);
	}
}

void
mosaic_json_string(JsonbValue *out, const char *s, Size len)
{
	char	   *terminated = pnstrdup(s, len);
	char	   *converted = pg_any_to_server(terminated, (int) len, PG_UTF8);

	out->type = jbvString;
	out->val.string.val = converted;
	out->val.string.len = (int) (converted == terminated ? len : strlen(converted));
}

/* ---- inputs ---- */

void
mosaic_bad_json(const char *what, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s: %s", what, why),
			 errhint("An input is a number or a (nested) array of numbers, all rows of one length.")));
}

/* A float that JSON has no number for. */
static bool
named_float(const JsonbValue *v, double *out)
{
	static const struct
	{
		const char *name;
		double		value;
	}			names[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

	for (int i = 0; i < lengthof(names); i++)
		if (v->val.string.len == strlen(names[i].name) &&
			memcmp(v->val.string.val, names[i].name, v->val.string.len) == 0)
		{
			*out = names[i].value;
			return true;
		}
	return false;
}

/* In the current context; false where it would have to be converted, if careful. */
static bool
string_element(const JsonbValue *v, MosaicString *out, bool careful)
{
	char	   *copy;
	char	   *converted;

	if (careful && GetDatabaseEncoding() != PG_UTF8)
		return false;
	copy = pnstrdup(v->val.string.val, v->val.string.len);
	converted = pg_server_to_any(copy, v->val.string.len, PG_UTF8);
	out->data = converted;
	out->size = converted == copy ? v->val.string.len : (int64) strlen(converted);
	return true;
}

static bool
try_element(const JsonbValue *v, int dtype, void *elements, int64 i, bool careful)
{
	double		number;

	if (dtype == MOSAIC_STRING)
		return v->type == jbvString && string_element(v, &((MosaicString *) elements)[i], careful);
	if (v->type == jbvBool)
		return mosaic_try_element_int64(v->val.boolean, dtype, elements, i);
	if (v->type == jbvNumeric)
		return mosaic_try_element_numeric(v->val.numeric, dtype, elements, i);
	return v->type == jbvString && mosaic_is_float(dtype) && named_float(v, &number) &&
		mosaic_try_element_double(number, dtype, elements, i);
}

bool
mosaic_try_json_element(const JsonbValue *v, int dtype, void *elements, int64 i)
{
	return try_element(v, dtype, elements, i, true);
}

void
mosaic_json_element(const JsonbValue *v, int dtype, void *elements, int64 i, const char *what)
{
	Numeric		whole;

	if (try_element(v, dtype, elements, i, false))
		return;
	if (dtype == MOSAIC_STRING)
		mosaic_bad_json(what, "contains something that is not a string");
	if (v->type == jbvBool)
		mosaic_element_from_int64(v->val.boolean, dtype, elements, i, what);
	if (v->type != jbvNumeric)
		mosaic_bad_json(what, "contains something that is not a number");
	whole = DatumGetNumeric(DirectFunctionCall2(numeric_trunc, NumericGetDatum(v->val.numeric), Int32GetDatum(0)));
	if (!mosaic_is_float(dtype) &&
		!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(whole), NumericGetDatum(v->val.numeric))))
		mosaic_bad_json(what, "contains a number that is not whole");
	mosaic_element_from_numeric(v->val.numeric, dtype, elements, i, what);
}
