/*
 * block_set.c
 *		Which blocks a model has.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "block_set.h"

bool
mosaic_has_block(const BlockSet *set, int32 id)
{
	return set->n > 0 && bsearch(&id, set->ids, set->n, sizeof(int32), mosaic_compare_ids) != NULL;
}

int64
mosaic_places_of(const BlockSet *set, int32 id)
{
	const int32 *found = set->n > 0 ? bsearch(&id, set->ids, set->n, sizeof(int32), mosaic_compare_ids) : NULL;

	return found ? set->places[found - set->ids] : 0;
}

BlockSet
mosaic_distinct_blocks(const MosaicModelHandle *handle)
{
	int32	   *ids = MemoryContextAllocHuge(CurrentMemoryContext, (handle->nblocks + 1) * sizeof(int32));
	int32	   *places = MemoryContextAllocHuge(CurrentMemoryContext, (handle->nblocks + 1) * sizeof(int32));
	int64		all = 0,
				n = 0;

	for (int t = 0; t < handle->ntensors; t++)
		for (int64 i = 0; i < handle->tensors[t].n; i++)
			ids[all++] = handle->tensors[t].ids[i];
	qsort(ids, all, sizeof(int32), mosaic_compare_ids);
	for (int64 i = 0; i < all; i++)
	{
		if (i == 0 || ids[i] != ids[n - 1])
		{
			places[n] = 0;
			ids[n++] = ids[i];
		}
		places[n - 1]++;
	}
	return (BlockSet) {ids, places, n};
}
