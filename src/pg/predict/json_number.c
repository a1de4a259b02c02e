/*
 * json_number.c
 *		Numbers of a model as values of jsonb.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"
#include "json_number.h"

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
		out->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
															   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
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
