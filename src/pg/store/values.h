/*
 * values.h
 *		What the values of a sound row (row.h) hold: arrays, jsonb, texts, which the server takes at their word, too.
 */
#ifndef MOSAIC_VALUES_H
#define MOSAIC_VALUES_H

#include "access/htup.h"
#include "utils/relcache.h"

/*
 * What is wrong with the first damaged one of a row's values, in words, or NULL.  bytea is not looked at: who reads
 * one knows what it should be.
 */
extern char *mosaic_values_damage(Relation rel, HeapTuple row);

#endif
