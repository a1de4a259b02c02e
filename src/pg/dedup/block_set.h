/*
 * block_set.h
 *		Which blocks a model has.
 */
#ifndef MOSAIC_BLOCK_SET_H
#define MOSAIC_BLOCK_SET_H

#include "model_cache.h"

/* A model's blocks, ascending, each once. */
typedef struct BlockSet
{
	int32	   *ids;
	int32	   *places;			/* how many entries of the maps each is */
	int64		n;
} BlockSet;

/* All blocks of a model's maps; whether one is in a set; the entries of the maps that it is. */
extern BlockSet mosaic_distinct_blocks(const MosaicModelHandle *handle);
extern bool mosaic_has_block(const BlockSet *set, int32 id);
extern int64 mosaic_places_of(const BlockSet *set, int32 id);

/* For sorting and finding by an id that comes first. */
static inline int
mosaic_compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

#endif
