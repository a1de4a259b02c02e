/*
 * rows_way.c
 *		How the rows of each model were computed, for EXPLAIN.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

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
	char		last[64];
	int			group = items;

	if (way == NULL)
		return;
	mosaic_exec_way(exec, last, sizeof last);
	if (sscanf(last, "in groups of %d", &group) != 1 && items == of)
		way->at_once = true;
	else
		way->group = Max(way->group, group);
}

void
mosaic_note_apart(MosaicRowsWays *ways, int64 version, const char *because)
{
	MosaicRowsWay *way = mosaic_rows_way(ways, version, true);

	if (way == NULL)
		return;
	if (because == NULL)
		way->apart = true;
	else if (!way->mixed)
	{
		int			n = (int) strlen(because);

		way->mixed = true;
		strlcpy(way->because, because, pg_mbcliplen(because, n, sizeof way->because - 1) + 1);
	}
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
		sum->apart |= way->apart;
		sum->failed |= way->failed;
		sum->group = Max(sum->group, way->group);
		if (way->mixed)
			mosaic_note_apart(to, way->version, way->because);
	}
}
