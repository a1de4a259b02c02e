/*
 * geometry.c
 *		How many bytes a block of a geometry has.
 */
#include "postgres.h"

#include "fmgr.h"

#include "store.h"

uint32
mosaic_geometry_bytes(MosaicGeometry g)
{
	uint64		bytes = 0;

	if (g.layout == MOSAIC_LAYOUT_STRIP)
		bytes = (uint64) g.rows * MOSAIC_ROW_BYTES;
	else if (g.layout == MOSAIC_LAYOUT_ROW)
		bytes = (uint64) g.rows * g.cols * mosaic_dtype_size(g.dtype);
	bytes = Max(TYPEALIGN64(MOSAIC_TUPLE_ALIGN, bytes), MOSAIC_MIN_PAYLOAD);
	if (g.rows == 0 || g.cols == 0 || bytes > MOSAIC_MAX_PAYLOAD ||
		mosaic_dtype_size(g.dtype) == 0)
		return 0;
	return (uint32) bytes;
}

uint32
mosaic_payload_bytes(MosaicGeometry g)
{
	uint32		bytes = mosaic_geometry_bytes(g);

	if (bytes == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%016llX is not the geometry of a block",
						(unsigned long long) mosaic_geometry_pack(g))));
	return bytes;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_geometry_bytes);
Datum
mosaic_pg_geometry_bytes(PG_FUNCTION_ARGS)
{
	MosaicGeometry g = mosaic_geometry_unpack((uint64) PG_GETARG_INT64(0));

	PG_RETURN_INT32(MOSAIC_PAYLOAD_OFFSET + mosaic_payload_bytes(g));
}
