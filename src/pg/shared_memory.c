/*
 * shared_memory.c
 *		What backends share without shared_preload_libraries.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

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

/* Of work that is done nothing is left to release; a segment that it could not map would be warned of at commit. */
static void
release_resources(ResourceOwner own, ResourceOwner saved)
{
	CurrentResourceOwner = saved;
	ResourceOwnerRelease(own, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(own, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(own);
}

bool
mosaic_try_shared(void (*work) (void *), void *arg, LWLock **lock, const char *consequence)
{
	MemoryContext saved = CurrentMemoryContext;
	ResourceOwner saved_owner = CurrentResourceOwner,
				own = ResourceOwnerCreate(saved_owner, "pg_mosaic shared memory");
	volatile bool done = true;

	CurrentResourceOwner = own;
	PG_TRY();
	{
		work(arg);
		release_resources(own, saved_owner);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		release_after_error(*lock);
		release_after_error(AddinShmemInitLock);
		release_resources(own, saved_owner);
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
