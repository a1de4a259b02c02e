/*
 * rows_way.c
 *		How the rows of each model were computed, for EXPLAIN.
 */
#include "postgres.h"

#include "rows_way.h"

MosaicRowsWay *
mosaic_rows_way(MosaicRowsWays *ways, int64 version, bool add)
{
	for (int i = 0; version != 0 && i < MOSAIC_ROWS_WAYS; i++)
	{
		MosaicRowsWay *way = &ways->of[i];

		if (way->version == 0 && add)
			way->version = version;
		if (way->version == version)
			return way;
	}
	return NULL;
}

void
mosaic_note_way(MosaicRowsWays *ways, int64 version, const MosaicExec *exec, int items, int of)
{
	MosaicRowsWay *way = mosaic_rows_way(ways, version, true);
	char		last[sizeof way->groups];

	if (way == NULL)
		return;
	mosaic_exec_way(exec, last, sizeof last);
	if (strcmp(last, "at once") == 0 && items < of)
		snprintf(last, sizeof last, "in groups of %d", items);
	if (strcmp(last, "at once") == 0)
		way->at_once = true;
	else if (way->groups[0] == '\0')	/* the first is the largest */
		strlcpy(way->groups, last, sizeof way->groups);
}

void
mosaic_add_ways(MosaicRowsWays *to, const MosaicRowsWays *from)
{
	for (int i = 0; i < MOSAIC_ROWS_WAYS; i++)
	{
		const MosaicRowsWay *way = &from->of[i];
		MosaicRowsWay *sum = mosaic_rows_way(to, way->version, true);

		if (sum == NULL)
			continue;
		sum->at_once |= way->at_once;
		sum->singly |= way->singly;
		if (sum->groups[0] == '\0')
			strlcpy(sum->groups, way->groups, sizeof sum->groups);
	}
}
