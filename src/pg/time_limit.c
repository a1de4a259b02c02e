/*
 * time_limit.c
 *		pg_mosaic.max_prediction_time.
 *
 * Items that are computed at once have their time together; which of them took it cannot be told.
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "portability/instr_time.h"

#include "time_limit.h"

int			mosaic_max_prediction_time = 0;

/* Microseconds of a clock that nobody sets. */
static int64
now(void)
{
	instr_time	t;

	INSTR_TIME_SET_CURRENT(t);
	return (int64) INSTR_TIME_GET_MICROSEC(t);
}

int64
mosaic_time_limit(int64 items)
{
	int64		allowed;

	if (mosaic_max_prediction_time == 0 ||
		pg_mul_s64_overflow(mosaic_max_prediction_time * INT64CONST(1000), items, &allowed) ||
		allowed > PG_INT64_MAX / 4)
		return 0;
	return now() + allowed;
}

bool
mosaic_time_is_up(int64 limit)
{
	return limit != 0 && now() > limit;
}

void
mosaic_check_time_limit(int64 limit)
{
	CHECK_FOR_INTERRUPTS();
	if (mosaic_time_is_up(limit))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("a prediction takes more than pg_mosaic.max_prediction_time (%d ms)", mosaic_max_prediction_time),
				 errhint("Superusers set it, and whoever they grant that.")));
}
