/*
 * init_store.c
 *		init_store(): what is fixed when a store begins.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "errors.h"
#include "mosaic/page_format.h"
#include "store.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_init_store);
Datum
mosaic_pg_init_store(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"block_height", "near_tables", "near_hashes", "near_width"};
	MosaicStoreOptions options;
	MosaicError error;

	mosaic_check_catalogs();
	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", names[i])));
	options.height = PG_GETARG_INT32(0);
	options.near_settings.tables = PG_GETARG_INT32(1);
	options.near_settings.hashes = PG_GETARG_INT32(2);
	options.near_settings.width = PG_GETARG_FLOAT4(3);
	if (!MOSAIC_BLOCK_HEIGHT_IS_VALID(options.height))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("block height %d is not possible", options.height),
				 errhint("The heights are 126, 63 and 31 rows: 1, 2 or 4 blocks a page.")));
	if (mosaic_near_check(&options.near_settings, &error) != MOSAIC_OK)
		mosaic_report(&error);
	UnregisterSnapshot(mosaic_lock_store());
	mosaic_store_options(&options);
	PG_RETURN_VOID();
}
