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

/* A whole number without its sign; false where it is none, or has more than 64 bits. */
static bool
magnitude(Numeric number, bool *negative, uint64 *out)
{
	const char *s = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	*negative = *s == '-';
	*out = 0;
	s += *negative;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if (pg_mul_u64_overflow(*out, 10, out) || pg_add_u64_overflow(*out, *s - '0', out))
			return false;
	for (s += *s == '.'; *s == '0'; s++)
		;
	return *s == '\0';
}

bool
mosaic_numeric_whole(Numeric number, int64 *out)
{
	bool		negative;
	uint64		n;

	if (!magnitude(number, &negative, &n) || n > (uint64) PG_INT64_MAX + negative)
		return false;
	*out = (int64) (negative ? 0 - n : n);
	return true;
}

/*
 * The layout of a numeric that has no more than four digits of base 10,000, as the comment of the server's numeric.c describes it; it is on
 * disk and in jsonb, so it stays.
 */
#define IS_SHORT(header) (((header) & 0xC000) == 0x8000)
#define IS_SPECIAL(header) (((header) & 0xC000) == 0xC000)
#define SHORT_NEGATIVE 0x2000
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT 0x003F
#define LONG_NEGATIVE 0x4000

/* Its digits are the number times 10,000 ^ *exponent; false where they are more than four. */
static bool
few_digits(Numeric number, int64 *digits, int *exponent)
{
	const uint16 *p = (const uint16 *) VARDATA(number);
	uint16		header = p[0];
	int			n = (int) ((VARSIZE(number) - VARHDRSZ) / sizeof(uint16)) - 1;
	bool		negative;

	if (IS_SHORT(header))
	{
		negative = (header & SHORT_NEGATIVE) != 0;
		*exponent = (header & SHORT_WEIGHT) - (header & SHORT_WEIGHT_SIGN ? SHORT_WEIGHT + 1 : 0);
		p++;
	}
	else if (!IS_SPECIAL(header) && n >= 1)
	{
		negative = (header & LONG_NEGATIVE) != 0;
		*exponent = (int16) p[1];
		p += 2;
		n--;
	}
	else
		return false;
	if (n > 4)
		return false;
	*digits = 0;
	for (int i = 0; i < n; i++)
		*digits = *digits * 10000 + p[i];
	*exponent -= n - 1;
	if (negative)
		*digits = -*digits;
	return true;
}

/*
 * Exactly rounded, like the server's, which goes by way of decimal text: a whole number below 2^53 and a power of ten up to
 * 10^22 are both exact, so that there is one rounding.  (W. Clinger, How to Read Floating Point Numbers Accurately, 1990.)
 */
static bool
double_of_few(Numeric number, double *out)
{
	static const double powers[] = {1, 1e4, 1e8, 1e12, 1e16, 1e20};
	int64		digits;
	int			exponent;

	if (!few_digits(number, &digits, &exponent) || digits >= INT64CONST(1) << 53 || digits <= -(INT64CONST(1) << 53) ||
		abs(exponent) >= lengthof(powers))
		return false;
	*out = exponent < 0 ? (double) digits / powers[-exponent] : (double) digits * powers[exponent];
	return true;
}

bool
mosaic_numeric_double(Numeric number, double *out)
{
	if (double_of_few(number, out))
		return true;
	*out = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	return !isinf(*out) || numeric_is_inf(number);
}

Numeric
mosaic_numeric_of_decimal(const char *text)
{
	int64		digits = 0;
	int			scale = 0,
				exponent;
	bool		negative = *text == '-',
				point = false;
	const char *s = text + negative;

	for (; (*s >= '0' && *s <= '9') || *s == '.'; s++)
	{
		if (*s == '.')
			point = true;
		else
		{
			digits = digits * 10 + (*s - '0');
			scale += point;
		}
	}
	exponent = *s == 'e' ? atoi(s + 1) : 0;
	/* Of a double at most 17 digits, unless zeros are written out. */
	if (s - text > 18 || exponent > 0 || scale - exponent > 40)
		return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
	return int64_div_fast_to_numeric(negative ? -digits : digits, scale - exponent);
}

bool
mosaic_try_element_numeric(Numeric number, int dtype, void *elements, int64 i)
{
	double		v;
	int64		whole;
	bool		negative;
	uint64		n;

	/* Half of its numbers are none of int64. */
	if (dtype == MOSAIC_UINT64)
	{
		if (!magnitude(number, &negative, &n) || (negative && n != 0))
			return false;
		((uint64 *) elements)[i] = n;
		return true;
	}
	if (!mosaic_is_float(dtype))
		return mosaic_numeric_whole(number, &whole) && mosaic_try_element_int64(whole, dtype, elements, i);
	return mosaic_numeric_double(number, &v) && mosaic_try_element_double(v, dtype, elements, i);
}
