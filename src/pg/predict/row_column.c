/*
 * row_column.c
 *		One column of a row as elements of an input.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "elements.h"
#include "numeric_value.h"
#include "row_column.h"

#define DAYS_BEFORE_2000 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)

/* ---- which types ---- */

static bool
is_number(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case BOOLOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

/* Those whose text is made by their output function, which raises no error. */
static bool
has_output(Oid type)
{
	return type == CHAROID || type == UUIDOID || get_typtype(type) == TYPTYPE_ENUM;
}

/* A literal in ROW() has no type yet. */
static bool
is_text(Oid type)
{
	return type == UNKNOWNOID || type == BPCHAROID || type == NAMEOID || has_output(type) || IsBinaryCoercible(type, TEXTOID);
}

bool
mosaic_row_column(Oid type, int dtype, MosaicRowColumn *out)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	Oid			function;
	bool		varlena;

	memset(out, 0, sizeof *out);
	out->array = OidIsValid(element) && base != NAMEOID;
	out->type = out->array ? getBaseType(element) : base;
	out->is_string = dtype == MOSAIC_STRING;
	/* An untyped NULL may be a number. */
	if (!(out->is_string ? is_text(out->type) : is_number(out->type) || out->type == UNKNOWNOID))
		return false;
	get_typlenbyvalalign(out->array ? element : out->type, &out->typlen, &out->typbyval, &out->typalign);
	if (out->is_string && has_output(out->type))
	{
		getTypeOutputInfo(out->type, &function, &varlena);
		fmgr_info(function, &out->output);
	}
	return true;
}

/* ---- strings ---- */

/* The bytes of a value in the database's encoding. */
static void
text_of(MosaicRowColumn *column, Datum value, const char **s, Size *len)
{
	if (OidIsValid(column->output.fn_oid))
	{
		*s = OutputFunctionCall(&column->output, value);
		*len = strlen(*s);
	}
	else if (column->type == NAMEOID || column->type == UNKNOWNOID)
	{
		/* Both are pointers to characters that a zero ends. */
		*s = DatumGetCString(value);
		*len = strlen(*s);
	}
	else
	{
		struct varlena *t = PG_DETOAST_DATUM_PACKED(value);

		*s = VARDATA_ANY(t);
		*len = VARSIZE_ANY_EXHDR(t);
		/* Blanks at the end say nothing: so the cast to text has it. */
		if (column->type == BPCHAROID)
			*len = bpchartruelen(unconstify(char *, *s), (int) *len);
	}
}

static bool
string_element(MosaicRowColumn *column, Datum value, MosaicString *out, MemoryContext cxt, bool careful)
{
	const char *s;
	Size		len;
	char	   *copy;

	text_of(column, value, &s, &len);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char	   *converted;

		if (careful)
			return false;
		converted = pg_server_to_any(unconstify(char *, s), (int) len, PG_UTF8);
		if (converted != s)
			len = strlen(converted);
		s = converted;
	}
	copy = MemoryContextAlloc(cxt, Max(len, 1));
	memcpy(copy, s, len);
	out->data = copy;
	out->size = len;
	return true;
}

/* ---- numbers ---- */

/* Seconds since 1970-01-01 00:00. */
static double
seconds_of_timestamp(Timestamp t)
{
	if (TIMESTAMP_NOT_FINITE(t))
		return TIMESTAMP_IS_NOBEGIN(t) ? -INFINITY : INFINITY;
	return t / (double) USECS_PER_SEC + DAYS_BEFORE_2000 * (double) SECS_PER_DAY;
}

static double
seconds_of_date(DateADT d)
{
	if (DATE_NOT_FINITE(d))
		return DATE_IS_NOBEGIN(d) ? -INFINITY : INFINITY;
	return ((double) d + DAYS_BEFORE_2000) * SECS_PER_DAY;
}

bool
mosaic_column_element(MosaicRowColumn *column, Datum value, int dtype, void *elements, int64 i, MemoryContext strings,
					  bool careful)
{
	if (column->is_string)
		return string_element(column, value, (MosaicString *) elements + i, strings, careful);
	switch (column->type)
	{
		case INT2OID:
			return mosaic_try_element_int64(DatumGetInt16(value), dtype, elements, i);
		case INT4OID:
			return mosaic_try_element_int64(DatumGetInt32(value), dtype, elements, i);
		case INT8OID:
			return mosaic_try_element_int64(DatumGetInt64(value), dtype, elements, i);
		case BOOLOID:
			return mosaic_try_element_int64(DatumGetBool(value), dtype, elements, i);
		case FLOAT4OID:
			return mosaic_try_element_double(DatumGetFloat4(value), dtype, elements, i);
		case FLOAT8OID:
			return mosaic_try_element_double(DatumGetFloat8(value), dtype, elements, i);
		case NUMERICOID:
			return mosaic_try_element_numeric(DatumGetNumeric(value), dtype, elements, i);
		case UNKNOWNOID:
			return false;
		case DATEOID:
			return mosaic_try_element_double(seconds_of_date(DatumGetDateADT(value)), dtype, elements, i);
		default:
			return mosaic_try_element_double(seconds_of_timestamp(DatumGetTimestamp(value)), dtype, elements, i);
	}
}
