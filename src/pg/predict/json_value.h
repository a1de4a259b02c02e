/*
 * json_value.h
 *		Between a model's elements and values of jsonb.
 */
#ifndef MOSAIC_JSON_VALUE_H
#define MOSAIC_JSON_VALUE_H

#include "utils/jsonb.h"

#include "compat.h"
#include "mosaic/capi_text.h"

/* The shortest decimal that reads back as v; single: as a float4.  NaN and infinities are strings. */
extern void mosaic_json_number(JsonbValue *out, double v, bool single);

/* Raises an error (22023) of an input given as JSON.  what: the input. */
pg_noreturn extern void mosaic_bad_json(const char *what, const char *why);

/*
 * Element i of an input of dtype from a number, a boolean, or a string: "NaN", "Infinity", "-Infinity" are floats; any text
 * is an element of an input of strings, in the current context.  Anything else is an error.
 */
extern void mosaic_json_element(const JsonbValue *v, int dtype, void *elements, int64 i, const char *what);

/* The same, but false instead of an error, or where only that can tell. */
extern bool mosaic_try_json_element(const JsonbValue *v, int dtype, void *elements, int64 i);

/* UTF-8 of a model as a string of the database's encoding. */
extern void mosaic_json_string(JsonbValue *out, const char *s, Size len);

#endif
