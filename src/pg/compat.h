/*
 * compat.h
 *		What differs between the PostgreSQL versions we build with.
 *
 * The code is written with the newest names; older servers are adapted here,
 * and nowhere else.  Include after postgres.h.
 */
#ifndef MOSAIC_COMPAT_H
#define MOSAIC_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "pg_mosaic needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
#include "varatt.h"
#else
#include "storage/relfilenode.h"

/* 16 renamed relfilenodes to relfilelocators ... */
#define RelFileLocator RelFileNode
#define RelFileNumber Oid
#define relNumber relNode
#define relation_set_new_filelocator relation_set_new_filenode

/* ... and lets an update of summarizing indexes only (BRIN) be HOT */
typedef bool TU_UpdateIndexes;
#endif

/* 18 shows the name and version of a loaded module */
#if PG_VERSION_NUM >= 180000
#define MOSAIC_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "pg_mosaic", .version = MOSAIC_VERSION)
#else
#define MOSAIC_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 18 keeps a compact copy of each attribute, to be refreshed by whoever changes one */
#if PG_VERSION_NUM < 180000
#define populate_compact_attribute(desc, attno) ((void) 0)
#endif

/* 18 lets index scans count their searches: an argument more (NULL is: nobody asks) */
#if PG_VERSION_NUM >= 180000
#define mosaic_index_beginscan(heap, index, snapshot, keys, orderbys) \
	index_beginscan(heap, index, snapshot, NULL, keys, orderbys)
#else
#define mosaic_index_beginscan index_beginscan
#endif

/* 18 executes a plan once only where the query says so, no longer where the caller does */
#if PG_VERSION_NUM >= 180000
#define MOSAIC_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define MOSAIC_RUN_ARGUMENTS query, direction, count
#else
#define MOSAIC_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define MOSAIC_RUN_ARGUMENTS query, direction, count, execute_once
#endif

/* 18 moved what explains nodes use */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* 18 has pg_noreturn, before the declaration, in place of pg_attribute_noreturn(), after it */
#if PG_VERSION_NUM < 180000 && !defined(pg_noreturn)
#define pg_noreturn __attribute__((noreturn))
#endif

#include "access/heapam.h"
#include "access/toast_internals.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/rel.h"

static inline RelFileLocator
mosaic_relation_file(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return rel->rd_locator;
#else
	return rel->rd_node;
#endif
}

/* Whether a buffer holds a page of the main fork of this file: which. */
static inline bool
mosaic_buffer_is_of(BufferDesc *desc, const RelFileLocator *file, BlockNumber *page)
{
	uint32		state = LockBufHdr(desc);
	bool		is_of;

#if PG_VERSION_NUM >= 160000
	is_of = BufTagMatchesRelFileLocator(&desc->tag, file) && BufTagGetForkNum(&desc->tag) == MAIN_FORKNUM;
#else
	is_of = RelFileNodeEquals(desc->tag.rnode, *file) && desc->tag.forkNum == MAIN_FORKNUM;
#endif
	is_of = is_of && (state & BM_VALID) != 0;
	*page = desc->tag.blockNum;
	UnlockBufHdr(desc, state);
	return is_of;
}

/*
 * Pins a page of the main fork if it is in this buffer, and does all that ReadBuffer()
 * does for a page that it finds in the pool; else false.  Up to 18, ReadRecentBuffer()
 * counts neither the read for the relation nor the use of the buffer.
 */
static inline bool
mosaic_read_recent(Relation rel, BlockNumber page, Buffer buffer)
{
	BufferDesc *desc = GetBufferDescriptor(buffer - 1);
	uint32		pins = BUF_STATE_GET_REFCOUNT(pg_atomic_read_u32(&desc->state));
	uint32		state;

	if (!ReadRecentBuffer(mosaic_relation_file(rel), MAIN_FORKNUM, page, buffer))
		return false;
	pgstat_count_buffer_read(rel);
	pgstat_count_buffer_hit(rel);
	state = pg_atomic_read_u32(&desc->state);
	/* A second pin of the same backend is not counted: neither as a pin nor as a use. */
	if (BUF_STATE_GET_REFCOUNT(state) > pins &&
		BUF_STATE_GET_USAGECOUNT(state) < BM_MAX_USAGE_COUNT)
	{
		state = LockBufHdr(desc);
		if (BUF_STATE_GET_USAGECOUNT(state) < BM_MAX_USAGE_COUNT)
			state += BUF_USAGECOUNT_ONE;
		UnlockBufHdr(desc, state);
	}
	return true;
}

/* A new page at the end of a relation, pinned, locked, zeroed: 16 has a function for it. */
static inline Buffer
mosaic_extend_relation(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return ExtendBufferedRel(BMR_REL(rel), MAIN_FORKNUM, NULL, EB_LOCK_FIRST);
#else
	Buffer		buffer;

	LockRelationForExtension(rel, ExclusiveLock);
	buffer = ReadBufferExtended(rel, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	UnlockRelationForExtension(rel, ExclusiveLock);
	return buffer;
#endif
}

/* The snapshot that sees the pieces of values stored out of line: up to 17 one initialises one's own. */
static inline void
mosaic_init_toast_snapshot(SnapshotData *snapshot)
{
#if PG_VERSION_NUM >= 180000
	*snapshot = *get_toast_snapshot();
#else
	init_toast_snapshot(snapshot);
#endif
}

/* Replaces a row; *wanted is which indexes need to know. */
static inline void
mosaic_heap_update(Relation rel, ItemPointer place, HeapTuple row, TU_UpdateIndexes *wanted)
{
#if PG_VERSION_NUM >= 160000
	simple_heap_update(rel, place, row, wanted);
#else
	simple_heap_update(rel, place, row);
	*wanted = !HeapTupleIsHeapOnly(row);
#endif
}

#if PG_VERSION_NUM >= 160000
#define mosaic_index_wants(info, wanted) \
	((wanted) == TU_All || ((wanted) == TU_Summarizing && (info)->ii_Summarizing))
#else
#define mosaic_index_wants(info, wanted) (wanted)
#endif

/* Whether the current role may execute a function: 16 asks for objects of any kind in one way. */
#if PG_VERSION_NUM >= 160000
#define mosaic_may_execute(function) \
	(object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#else
#define mosaic_may_execute(function) \
	(pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) == ACLCHECK_OK)
#endif

/* An error (42501) where the current role could not make a role the owner of what it has: 16 asks for SET ROLE. */
#if PG_VERSION_NUM >= 160000
#define mosaic_check_can_become(role) check_can_set_role(GetUserId(), role)
#else
#define mosaic_check_can_become(role) check_is_member_of_role(GetUserId(), role)
#endif

/* How an Append or MergeAppend leaves out partitions while it is executed, or NULL: 18 keeps that in the statement. */
#if PG_VERSION_NUM >= 180000
#define mosaic_prune_info(stmt, append) \
	((append)->part_prune_index < 0 ? NULL : \
	 (PartitionPruneInfo *) list_nth((stmt)->partPruneInfos, (append)->part_prune_index))
#else
#define mosaic_prune_info(stmt, append) ((append)->part_prune_info)
#endif

/* The number of this session's transaction among its own: 17 keeps the two parts of a virtual xid together. */
#if PG_VERSION_NUM >= 170000
#define mosaic_local_transaction() (MyProc->vxid.lxid)
#else
#define mosaic_local_transaction() (MyProc->lxid)
#endif

/*
 * Runs of pages read by one call: since 17.  18 reads several of them at a time, takes the relation's persistence,
 * and tells in the length that StartReadBuffers() gives back how many pages are read.
 */
#if PG_VERSION_NUM >= 180000
#define MOSAIC_READS_RUNS
#define mosaic_set_persistence(operation, rel) ((void) ((operation)->persistence = (rel)->rd_rel->relpersistence))
#define mosaic_pages_read(operation, length) (length)
#elif PG_VERSION_NUM >= 170000
#define MOSAIC_READS_RUNS
#define mosaic_set_persistence(operation, rel) ((void) 0)
#define mosaic_pages_read(operation, length) ((operation)->io_buffers_len)
#endif

/*
 * Number of callbacks of TableAmRoutine in each version whose callbacks were
 * reviewed one by one for mosaic_am.c.  16 has those of 15; 17 gives ANALYZE a
 * stream of pages (heap's own callbacks take it), 18 drops
 * scan_bitmap_next_block.  Undefined: not reviewed yet.
 */
#if PG_VERSION_NUM < 180000
#define MOSAIC_REVIEWED_CALLBACKS 45
#elif PG_VERSION_NUM < 190000
#define MOSAIC_REVIEWED_CALLBACKS 44
#endif

#endif							/* MOSAIC_COMPAT_H */
