/*
 * numeric_value.c
 *		Between numeric and the numbers of a tensor.
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "elements.h"
#include "numeric_value.h"

bool
mosaic_numeric_whole(Numeric number, int64 *out)
{
	const char *s = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	bool		negative = *s == '-';

	*out = 0;
	s += negative;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
	{
		int64		digit = *s - '0';

		if (pg_mul_s64_overflow(*out, 10, out) || pg_sub_s64_overflow(*out, digit, out))
			return false;
	}
	for (s += *s == '.'; *s == '0'; s++)
		;
	if (!negative && pg_mul_s64_overflow(*out, -1, out))
		return false;
	return *s == '\0';
}

bool
mosaic_numeric_double(Numeric number, double *out)
{
	*out = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	return !isinf(*out) || numeric_is_inf(number);
}

bool
mosaic_try_element_numeric(Numeric number, int dtype, void *elements, int64 i)
{
	double		v;
	int64		whole;

	if (!mosaic_is_float(dtype))
		return mosaic_numeric_whole(number, &whole) && mosaic_try_element_int64(whole, dtype, elements, i);
	return mosaic_numeric_double(number, &v) && mosaic_try_element_double(v, dtype, elements, i);
}
