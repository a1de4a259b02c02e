/*
 * shared_memory.c
 *		What backends share without shared_preload_libraries.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#include "shared_memory.h"

void *
mosaic_shared_struct(const char *name, Size size, void (*init) (void *))
{
	bool		found;
	void	   *result;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	result = ShmemInitStruct(name, size, &found);
	if (!found)
	{
		memset(result, 0, size);
		init(result);
	}
	LWLockRelease(AddinShmemInitLock);
	return result;
}

static void
release_after_error(LWLock *lock)
{
	if (lock == NULL || !LWLockHeldByMe(lock))
		return;
	HOLD_INTERRUPTS();			/* the error has forgotten that the lock holds them */
	LWLockRelease(lock);
}

bool
mosaic_try_shared(void (*work) (void *), void *arg, LWLock **lock, const char *consequence)
{
	MemoryContext saved = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		work(arg);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		release_after_error(*lock);
		release_after_error(AddinShmemInitLock);
		MemoryContextSwitchTo(saved);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			PG_RE_THROW();
		FlushErrorState();
		done = false;
		ereport(LOG,
				(errmsg("pg_mosaic %s: %s", consequence, error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	return done;
}
