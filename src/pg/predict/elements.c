/*
 * elements.c
 *		Between SQL's numbers and a tensor's elements.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/toast_compression.h"
#include "access/toast_internals.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "compat.h"
#include "elements.h"
#include "numeric_value.h"
#include "row.h"

ArrayType *
mosaic_detoast_array(Datum value)
{
	struct varlena *toasted = (struct varlena *) DatumGetPointer(value);
	struct varlena *array = NULL;

	if (VARATT_IS_EXTERNAL_ONDISK(toasted))
		toasted = detoast_external_attr(toasted);
	if (VARATT_IS_COMPRESSED(toasted))
		array = mosaic_decompress(toasted);
	return array ? (ArrayType *) array : DatumGetArrayTypeP(PointerGetDatum(toasted));
}

static void
not_representable(const char *value, int dtype, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("%s: value %s does not fit element type %s", what, value, mosaic_dtype_name(dtype))));
}

static bool
is_half(int dtype)
{
	return dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16;
}

/* Whether dtype has the number, which then is element i; *known: whether there are inputs of dtype at all. */
static bool
put_int64(int64 v, int dtype, void *elements, int64 i, bool *known)
{
	*known = true;
	switch (dtype)
	{
		case MOSAIC_FLOAT:
			((float *) elements)[i] = (float) v;
			return true;
		case MOSAIC_DOUBLE:
			((double *) elements)[i] = (double) v;
			return true;
		case MOSAIC_INT64:
			((int64 *) elements)[i] = v;
			return true;
		case MOSAIC_INT32:
			((int32 *) elements)[i] = (int32) v;
			return v >= PG_INT32_MIN && v <= PG_INT32_MAX;
		case MOSAIC_INT16:
			((int16 *) elements)[i] = (int16) v;
			return v >= PG_INT16_MIN && v <= PG_INT16_MAX;
		case MOSAIC_INT8:
			((int8 *) elements)[i] = (int8) v;
			return v >= PG_INT8_MIN && v <= PG_INT8_MAX;
		case MOSAIC_UINT64:
			((uint64 *) elements)[i] = (uint64) v;
			return v >= 0;
		case MOSAIC_UINT32:
			((uint32 *) elements)[i] = (uint32) v;
			return v >= 0 && v <= PG_UINT32_MAX;
		case MOSAIC_UINT16:
			((uint16 *) elements)[i] = (uint16) v;
			return v >= 0 && v <= PG_UINT16_MAX;
		case MOSAIC_UINT8:
			((uint8 *) elements)[i] = (uint8) v;
			return v >= 0 && v <= PG_UINT8_MAX;
		case MOSAIC_BOOL:
			((uint8 *) elements)[i] = (uint8) v;
			return v == 0 || v == 1;
		case MOSAIC_FLOAT16:
		case MOSAIC_BFLOAT16:
			((uint16_t *) elements)[i] = mosaic_half_from_float(dtype, (float) v);
			return !isinf(mosaic_half_to_float(dtype, ((uint16_t *) elements)[i]));
		default:
			*known = false;
			return false;
	}
}

static bool
put_double(double v, int dtype, void *elements, int64 i, bool *known)
{
	*known = true;
	if (dtype == MOSAIC_FLOAT)
	{
		((float *) elements)[i] = (float) v;
		return !isinf((float) v) || isinf(v);
	}
	if (dtype == MOSAIC_DOUBLE)
	{
		((double *) elements)[i] = v;
		return true;
	}
	if (is_half(dtype))
	{
		uint16_t	half = mosaic_half_from_float(dtype, (float) v);

		((uint16_t *) elements)[i] = half;
		return !isinf(mosaic_half_to_float(dtype, half)) || isinf(v);
	}
	/* Powers of two are exact in a double, so these also keep the conversions defined. */
	if (dtype == MOSAIC_UINT64 && v >= 0x1p63 && v < 0x1p64 && v == rint(v))
	{
		((uint64 *) elements)[i] = (uint64) v;
		return true;
	}
	if (isnan(v) || v != rint(v) || v < -9223372036854775808.0 || v >= 9223372036854775808.0)
		return false;
	return put_int64((int64) v, dtype, elements, i, known);
}

static void
no_such_inputs(int dtype, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s: inputs of type %s are not supported", what, mosaic_dtype_name(dtype))));
}

void
mosaic_element_from_int64(int64 v, int dtype, void *elements, int64 i, const char *what)
{
	bool		known;

	if (put_int64(v, dtype, elements, i, &known))
		return;
	if (!known)
		no_such_inputs(dtype, what);
	not_representable(is_half(dtype) ? psprintf("%.17g", (double) v) : psprintf(INT64_FORMAT, v), dtype, what);
}

void
mosaic_element_from_double(double v, int dtype, void *elements, int64 i, const char *what)
{
	bool		known;

	if (put_double(v, dtype, elements, i, &known))
		return;
	if (!known)
		no_such_inputs(dtype, what);
	not_representable(psprintf("%.17g", v), dtype, what);
}

void
mosaic_element_from_numeric(Numeric v, int dtype, void *elements, int64 i, const char *what)
{
	const char *shown;

	if (mosaic_try_element_numeric(v, dtype, elements, i))
		return;
	/* A type without inputs has an error of its own. */
	if (!mosaic_is_float(dtype))
		mosaic_element_from_int64(0, dtype, elements, i, what);
	shown = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v)));
	not_representable(strlen(shown) > 40 ? numeric_out_sci(v, 16) : shown, dtype, what);
}

bool
mosaic_try_element_int64(int64 v, int dtype, void *elements, int64 i)
{
	bool		known;

	return put_int64(v, dtype, elements, i, &known);
}

bool
mosaic_try_element_double(double v, int dtype, void *elements, int64 i)
{
	bool		known;

	return put_double(v, dtype, elements, i, &known);
}

double
mosaic_element_to_double(const MosaicTensorView *t, int64 i)
{
	switch (t->dtype)
	{
		case MOSAIC_FLOAT:
			return ((const float *) t->data)[i];
		case MOSAIC_DOUBLE:
			return ((const double *) t->data)[i];
		case MOSAIC_INT64:
			return (double) ((const int64 *) t->data)[i];
		case MOSAIC_INT32:
			return ((const int32 *) t->data)[i];
		case MOSAIC_INT16:
			return ((const int16 *) t->data)[i];
		case MOSAIC_INT8:
			return ((const int8 *) t->data)[i];
		case MOSAIC_UINT64:
			return (double) ((const uint64 *) t->data)[i];
		case MOSAIC_UINT32:
			return ((const uint32 *) t->data)[i];
		case MOSAIC_UINT16:
			return ((const uint16 *) t->data)[i];
		case MOSAIC_UINT8:
		case MOSAIC_BOOL:
			return ((const uint8 *) t->data)[i];
		case MOSAIC_FLOAT16:
		case MOSAIC_BFLOAT16:
			return mosaic_half_to_float(t->dtype, ((const uint16_t *) t->data)[i]);
		default:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("outputs of type %s are not supported", mosaic_dtype_name(t->dtype))));
	}
	return 0;
}

void
mosaic_copy_floats(float4 *to, const MosaicTensorView *from, int64 first, int64 n)
{
	for (int64 begin = 0; begin < n; begin += MOSAIC_ELEMENTS_AT_ONCE)
	{
		int64		end = Min(n, begin + MOSAIC_ELEMENTS_AT_ONCE);

		CHECK_FOR_INTERRUPTS();
		if (from->dtype == MOSAIC_FLOAT)
			memcpy(to + begin, (const float4 *) from->data + first + begin, (end - begin) * sizeof(float4));
		else
			for (int64 i = begin; i < end; i++)
				to[i] = (float4) mosaic_element_to_double(from, first + i);
	}
}

int64
mosaic_view_size(const MosaicTensorView *t)
{
	int64		n = 1;

	for (int i = 0; i < t->ndim; i++)
		n *= t->dims[i];
	return n;
}

int64
mosaic_argmax(const MosaicTensorView *t, int64 first, int64 n)
{
	int64		best = 0;
	double		best_value = mosaic_element_to_double(t, first);

	for (int64 i = 1; i < n && !isnan(best_value); i++)
	{
		double		v = mosaic_element_to_double(t, first + i);

		if (i % MOSAIC_ELEMENTS_AT_ONCE == 0)
			CHECK_FOR_INTERRUPTS();
		if (v > best_value || isnan(v))
		{
			best = i;
			best_value = v;
		}
	}
	return best;
}

/* One element of a SQL array, whatever its type, as an element of dtype. */
static void
convert(Datum value, Oid type, int dtype, void *elements, int64 i, const char *what)
{
	switch (type)
	{
		case FLOAT4OID:
			mosaic_element_from_double(DatumGetFloat4(value), dtype, elements, i, what);
			break;
		case FLOAT8OID:
			mosaic_element_from_double(DatumGetFloat8(value), dtype, elements, i, what);
			break;
		case INT2OID:
			mosaic_element_from_int64(DatumGetInt16(value), dtype, elements, i, what);
			break;
		case INT4OID:
			mosaic_element_from_int64(DatumGetInt32(value), dtype, elements, i, what);
			break;
		case INT8OID:
			mosaic_element_from_int64(DatumGetInt64(value), dtype, elements, i, what);
			break;
		case BOOLOID:
			mosaic_element_from_int64(DatumGetBool(value), dtype, elements, i, what);
			break;
		case NUMERICOID:
			mosaic_element_from_numeric(DatumGetNumeric(value), dtype, elements, i, what);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("%s: an array of %s cannot be features", what, format_type_be(type)),
					 errhint("Features are arrays of real, double precision, smallint, integer, bigint, numeric or boolean.")));
	}
}

const void *
mosaic_elements_of_array(ArrayType *array, int dtype, const char *what)
{
	Oid			type = ARR_ELEMTYPE(array);
	int64		n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int16		typlen;
	bool		typbyval;
	char		typalign;
	char	   *p = ARR_DATA_PTR(array);
	void	   *elements;

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s: the array contains a NULL", what),
				 errhint("Replace missing values before predicting, as the model was trained.")));
	if ((dtype == MOSAIC_FLOAT && type == FLOAT4OID) || (dtype == MOSAIC_DOUBLE && type == FLOAT8OID) ||
		(dtype == MOSAIC_INT64 && type == INT8OID) || (dtype == MOSAIC_INT32 && type == INT4OID))
		return p;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	elements = palloc_extended(Max(n * mosaic_dtype_size(dtype), 1), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		convert(fetch_att(p, typbyval, typlen), type, dtype, elements, i, what);
		p = att_addlength_pointer(p, typlen, p);
		p = (char *) att_align_nominal(p, typalign);
	}
	return elements;
}

/* Conversions that every value survives; their arrays are dense. */
#define CONVERT(FROM, TO) \
	do { \
		for (int64 i = 0; i < n; i++) \
			((TO *) elements)[i] = (TO) ((const FROM *) p)[i]; \
		return true; \
	} while (0)

static bool
convert_ints(const char *p, Oid type, int64 n, int dtype, void *elements)
{
	switch (dtype)
	{
		case MOSAIC_FLOAT:
			if (type == INT2OID)
				CONVERT(int16, float);
			if (type == INT4OID)
				CONVERT(int32, float);
			if (type == INT8OID)
				CONVERT(int64, float);
			break;
		case MOSAIC_DOUBLE:
			if (type == INT2OID)
				CONVERT(int16, double);
			if (type == INT4OID)
				CONVERT(int32, double);
			if (type == INT8OID)
				CONVERT(int64, double);
			break;
		case MOSAIC_INT64:
			if (type == INT2OID)
				CONVERT(int16, int64);
			if (type == INT4OID)
				CONVERT(int32, int64);
			if (type == INT8OID)
				CONVERT(int64, int64);
			break;
		case MOSAIC_INT32:
			if (type == INT2OID)
				CONVERT(int16, int32);
			if (type == INT4OID)
				CONVERT(int32, int32);
			break;
		default:
			break;
	}
	return false;
}

static bool
convert_doubles(const double *p, int64 n, float *elements)
{
	bool		fits = true;

	for (int64 i = 0; i < n; i++)
	{
		elements[i] = (float) p[i];
		fits &= !isinf(elements[i]) || isinf(p[i]);
	}
	return fits;
}

static bool
convert_numerics(ArrayType *array, int64 n, int dtype, void *elements)
{
	char	   *p = ARR_DATA_PTR(array);

	for (int64 i = 0; i < n; i++)
	{
		Datum		value = fetch_att(p, false, -1);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!mosaic_try_element_numeric(DatumGetNumeric(value), dtype, elements, i))
			return false;
		p = att_addlength_pointer(p, -1, p);
		p = (char *) att_align_nominal(p, TYPALIGN_INT);
	}
	return true;
}

bool
mosaic_try_elements(ArrayType *array, int dtype, void *elements)
{
	Oid			type = ARR_ELEMTYPE(array);
	int64		n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const char *p = ARR_DATA_PTR(array);

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		return false;
	switch (type)
	{
		case FLOAT4OID:
			if (dtype == MOSAIC_FLOAT)
			{
				memcpy(elements, p, n * sizeof(float));
				return true;
			}
			if (dtype == MOSAIC_DOUBLE)
				CONVERT(float, double);
			return false;
		case FLOAT8OID:
			if (dtype == MOSAIC_FLOAT)
				return convert_doubles((const double *) p, n, elements);
			if (dtype == MOSAIC_DOUBLE)
				CONVERT(double, double);
			return false;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return convert_ints(p, type, n, dtype, elements);
		case NUMERICOID:
			return convert_numerics(array, n, dtype, elements);
		default:
			return false;
	}
}
