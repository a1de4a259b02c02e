/*
 * numeric_value.h
 *		Between numeric and the numbers of a tensor.
 */
#ifndef MOSAIC_NUMERIC_VALUE_H
#define MOSAIC_NUMERIC_VALUE_H

#include "utils/numeric.h"

/* A whole number in full; false where it is none, or has more than 64 bits.  Never raises an error. */
extern bool mosaic_numeric_whole(Numeric number, int64 *out);

/* Rounded to nearest; false where that is beyond the range of a double.  Never raises an error. */
extern bool mosaic_numeric_double(Numeric number, double *out);

/*
 * As an element of dtype, as exactly as dtype has it: integers take whole numbers only; false where it does not fit.  Never raises an
 * error.
 */
extern bool mosaic_try_element_numeric(Numeric number, int dtype, void *elements, int64 i);

/* As numeric_in() has it, of a number as float_to_shortest_decimal_buf() and its like write one. */
extern Numeric mosaic_numeric_of_decimal(const char *text);

#endif
