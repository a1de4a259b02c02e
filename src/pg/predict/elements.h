/*
 * elements.h
 *		Between SQL's numbers and a tensor's elements.
 */
#ifndef MOSAIC_ELEMENTS_H
#define MOSAIC_ELEMENTS_H

#include "utils/array.h"
#include "utils/numeric.h"

#include "mosaic/capi.h"

static inline bool
mosaic_is_float(int dtype)
{
	return dtype == MOSAIC_FLOAT || dtype == MOSAIC_DOUBLE || dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16;
}

/* The array behind a value, detoasted: faster than the server's own way where it is compressed. */
extern ArrayType *mosaic_detoast_array(Datum value);

/*
 * The elements of a SQL array as an array of dtype: the array's own memory where
 * that is the same thing, else palloc'd.  An error where the array holds a NULL
 * or a value that dtype cannot represent (integers must be whole and in range).
 * "what" names the input for messages.
 */
extern const void *mosaic_elements_of_array(ArrayType *array, int dtype, const char *what);

/*
 * The same into memory of the caller, with room for all elements of the array;
 * false where it cannot be, or where only mosaic_elements_of_array() can tell.
 * Never raises an error.
 */
extern bool mosaic_try_elements(ArrayType *array, int dtype, void *elements);

/* The same for numbers given one by one. */
extern void mosaic_element_from_double(double value, int dtype, void *elements, int64 i,
									   const char *what);
extern void mosaic_element_from_int64(int64 value, int dtype, void *elements, int64 i,
									  const char *what);
extern void mosaic_element_from_numeric(Numeric value, int dtype, void *elements, int64 i,
										const char *what);

/* The same, but false instead of an error; of numeric there is mosaic_try_element_numeric(). */
extern bool mosaic_try_element_double(double value, int dtype, void *elements, int64 i);
extern bool mosaic_try_element_int64(int64 value, int dtype, void *elements, int64 i);

/* Element i of a tensor as float8; int64 and uint64 beyond 2^53 are rounded. */
extern double mosaic_element_to_double(const MosaicTensorView *tensor, int64 i);

/* Loops over elements look for interrupts after so many. */
#define MOSAIC_ELEMENTS_AT_ONCE INT64CONST(262144)

/* Elements [first, first + n) as float4, rounded; what is beyond its range becomes infinite. */
extern void mosaic_copy_floats(float4 *to, const MosaicTensorView *from, int64 first, int64 n);

/* Product of the dimensions. */
extern int64 mosaic_view_size(const MosaicTensorView *tensor);

/* Index of the largest of elements [first, first + n): the first one; a NaN is the largest. */
extern int64 mosaic_argmax(const MosaicTensorView *tensor, int64 first, int64 n);

#endif
