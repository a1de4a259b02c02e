/*
 * errors.c
 *		From the core's errors to ereport.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "errors.h"

static int
sqlstate(MosaicCode code)
{
	switch (code)
	{
		case MOSAIC_E_INVALID:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case MOSAIC_E_BAD_MODEL:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case MOSAIC_E_UNSUPPORTED:
			return ERRCODE_FEATURE_NOT_SUPPORTED;
		case MOSAIC_E_LIMIT:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case MOSAIC_E_CORRUPT:
			return ERRCODE_DATA_CORRUPTED;
		case MOSAIC_E_NOMEM:
			return ERRCODE_OUT_OF_MEMORY;
		default:
			return ERRCODE_INTERNAL_ERROR;
	}
}

void
mosaic_report(const MosaicError *error)
{
	ereport(ERROR,
			(errcode(sqlstate(error->code)),
			 errmsg_internal("%s", error->message),
			 error->detail[0] ? errdetail_internal("%s", error->detail) : 0,
			 error->hint[0] ? errhint("%s", error->hint) : 0));
	pg_unreachable();
}

#define SHOWN_BYTES 128			/* as the core does: core/util/quote.h */

char *
mosaic_shown_name(const char *name, int len)
{
	if (len <= SHOWN_BYTES)
		return pnstrdup(name, len);
	return psprintf("%.*s...", pg_mbcliplen(name, len, SHOWN_BYTES - 3), name);
}
