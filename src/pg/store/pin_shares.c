/*
 * pin_shares.c
 *		The shares of shared_buffers that queries may keep pinned.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"

#include "pin_shares.h"
#include "shared_memory.h"

#define ALL_SHARES ((1u << MOSAIC_PIN_SHARES) - 1)

static pg_atomic_uint32 *taken; /* bits of shares */
static bool unavailable;		/* for this backend: there was no memory */

static void
init(void *word)
{
	pg_atomic_init_u32(word, 0);
}

static void
find(void *unused)
{
	taken = mosaic_shared_struct("pg_mosaic pin shares 1", sizeof(pg_atomic_uint32), init);
}

static bool
find_once(void)
{
	LWLock	   *none = NULL;

	if (taken == NULL && !unavailable)
		unavailable = !mosaic_try_shared(find, NULL, &none, "pins no pages between predictions of this session");
	return !unavailable;
}

uint32
mosaic_take_pin_share(void)
{
	uint32		now;

	if (!find_once())
		return 0;
	now = pg_atomic_read_u32(taken);
	while ((now & ALL_SHARES) != ALL_SHARES)
	{
		uint32		share = 1u << pg_rightmost_one_pos32(~now);

		if (pg_atomic_compare_exchange_u32(taken, &now, now | share))
			return share;
	}
	return 0;
}

void
mosaic_return_pin_shares(uint32 shares)
{
	if (shares != 0)
		pg_atomic_fetch_and_u32(taken, ~shares);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_pin_shares);
Datum
mosaic_pg_pin_shares(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(find_once() ? pg_popcount32(pg_atomic_read_u32(taken)) : 0);
}
