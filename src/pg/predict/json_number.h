/*
 * json_number.h
 *		Numbers of a model as values of jsonb.
 */
#ifndef MOSAIC_JSON_NUMBER_H
#define MOSAIC_JSON_NUMBER_H

#include "utils/jsonb.h"

#include "mosaic/capi.h"

/* The shortest decimal that reads back as v; single: as a float4.  NaN and infinities are strings. */
extern void mosaic_json_number(JsonbValue *out, double v, bool single);

/* UTF-8 of a model as a string of the database's encoding. */
extern void mosaic_json_string(JsonbValue *out, const char *s, Size len);

#endif
