/*
 * mosaic_am.c
 *		The table access method "mosaic": heap pages of aligned, immutable blocks.
 *
 * Kernels compute on payloads where they lie in shared buffers, so every
 * payload must be 32-byte aligned, uncompressed, and in one piece.  heapam
 * stacks tuples from the end of the page, at insertion and whenever it
 * compacts a page, so alignment follows from one property of each tuple: its
 * length is a multiple of 32, its payload at offset 32.  This file guarantees
 * that property for all tuples that enter a table; the rest, from visibility
 * and WAL to vacuum and replication, is heapam's own code, unchanged.
 *
 * The columns are exactly (int4, bytea STORAGE PLAIN): any other column, also
 * a dropped one, would change the offset or the length.  A table gets PLAIN
 * when it is created; its shape is checked then (a mistake shows early) and
 * at every insertion (ALTER TABLE does not ask the access method).
 *
 * The routine is a copy of heap's.  Overridden are, and why:
 *
 *	tuple_insert, multi_insert
 *		the two ways in: they form the tuple, detoasted and checked
 *	tuple_insert_speculative
 *		ON CONFLICT is refused: blocks are found by content, before
 *	tuple_update
 *		refused: a block is shared by models that did not ask for a change,
 *		and pointers to it are remembered by its identity
 *	relation_set_new_filelocator
 *		where storage is made: refuses TEMP (local buffers are only 8-byte
 *		aligned, and parallel workers cannot see them) and UNLOGGED (a crash
 *		would empty the store under the models that refer to it), and
 *		checks the shape
 *	index_build_range_scan, index_validate_scan
 *		heapam's insist that the table's routine is heap's own
 *	relation_needs_toast_table, relation_toast_am
 *		no block is ever toasted; a TOAST table that pg_upgrade insists on is
 *		a heap table
 *
 * Kept, after review, are: slots, scans (sequential, parallel, TID range,
 * bitmap, sample, analyze) and index fetches, since tuples are heap tuples;
 * tuple_delete and tuple_lock, which change the tuple header in place (row
 * locks are harmless: FOR UPDATE, foreign keys); tuple_complete_speculative,
 * out of reach; relation_copy_data (copies pages), relation_copy_for_cluster
 * (forms tuples of the same values anew, hence of the same layout, in a table
 * whose shape was checked when it was made), truncate, vacuum, sizes and
 * estimates.  finish_bulk_insert is NULL as in heap: it is optional.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "mosaic_am.h"

StaticAssertDecl(MAXALIGN(SizeofHeapTupleHeader) + sizeof(int32) + VARHDRSZ == MOSAIC_PAYLOAD_OFFSET,
				 "the payload starts at its offset");
StaticAssertDecl(MOSAIC_PAYLOAD_OFFSET % MOSAIC_TUPLE_ALIGN == 0 && BLCKSZ % MOSAIC_TUPLE_ALIGN == 0,
				 "an aligned tuple has an aligned payload");
StaticAssertDecl(BLCKSZ == MOSAIC_PAGE_BYTES, "pages are of the usual size");
StaticAssertDecl(MOSAIC_PAYLOAD_OFFSET + MOSAIC_MAX_PAYLOAD <= MaxHeapTupleSize,
				 "the largest block fits on a page");
#ifdef MOSAIC_REVIEWED_CALLBACKS
StaticAssertDecl(sizeof(TableAmRoutine) - offsetof(TableAmRoutine, slot_callbacks) ==
				 MOSAIC_REVIEWED_CALLBACKS * sizeof(void (*) (void)),
				 "every callback of TableAmRoutine was reviewed");
#endif

/*
 * The table's name for messages.  ALTER TABLE, CLUSTER and VACUUM FULL write
 * into a transient table named after the OID of the one that the user knows.
 */
static const char *
table_name(Relation rel)
{
	const char *name = RelationGetRelationName(rel);
	const char *original = NULL;
	Oid			oid;

	if (sscanf(name, "pg_temp_%u", &oid) == 1)
		original = get_rel_name(oid);
	return original ? original : name;
}

static void
check_shape(Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	Form_pg_attribute data;

	/* a dropped column has type 0 */
	if (desc->natts != MOSAIC_ATTNO_DATA ||
		TupleDescAttr(desc, MOSAIC_ATTNO_BLOCK_ID - 1)->atttypid != INT4OID ||
		TupleDescAttr(desc, MOSAIC_ATTNO_DATA - 1)->atttypid != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("table \"%s\" does not have the columns of a block table", table_name(rel)),
				 errdetail("A table using access method \"mosaic\" has exactly the columns (integer, bytea). "
						   "Any other, also one that was dropped, would move the payload in its page."),
				 errhint("Create the table as (block_id integer NOT NULL, data bytea NOT NULL) USING mosaic; "
						 "keep other columns in a table of their own.")));

	data = TupleDescAttr(desc, MOSAIC_ATTNO_DATA - 1);
	if (data->attstorage != TYPSTORAGE_PLAIN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
				 errmsg("column \"%s\" of table \"%s\" does not have storage PLAIN",
						NameStr(data->attname), table_name(rel)),
				 errdetail("Blocks are computed on in their pages, so they must not be compressed."),
				 errhint("Use ALTER TABLE ... ALTER COLUMN %s SET STORAGE PLAIN.",
						 quote_identifier(NameStr(data->attname)))));
}

static Datum
not_null_attr(Relation rel, TupleTableSlot *slot, AttrNumber attno)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attno, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("null value in column \"%s\" of block table \"%s\"",
						NameStr(TupleDescAttr(RelationGetDescr(rel), attno - 1)->attname),
						table_name(rel)),
				 errdetail("A block has an id and a payload."),
				 errtablecol(rel, attno)));
	return value;
}

/* The tuple to store for a slot's row, in CurrentMemoryContext. */
static HeapTuple
form_block(Relation rel, TupleTableSlot *slot)
{
	Datum		values[MOSAIC_ATTNO_DATA];
	bool		nulls[MOSAIC_ATTNO_DATA] = {false, false};
	struct varlena *data;
	struct varlena *plain;
	Size		length;
	HeapTuple	tuple;

	check_shape(rel);
	values[0] = not_null_attr(rel, slot, MOSAIC_ATTNO_BLOCK_ID);
	values[1] = not_null_attr(rel, slot, MOSAIC_ATTNO_DATA);

	/* the length is known without detoasting, and may be huge */
	length = toast_raw_datum_size(values[1]) - VARHDRSZ;
	if (!MOSAIC_PAYLOAD_LENGTH_IS_VALID(length))
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_LENGTH_MISMATCH),
				 errmsg("block %d of table \"%s\" has a payload of length %zu",
						DatumGetInt32(values[0]), table_name(rel), length),
				 errdetail("The length is a multiple of %d bytes, from %d to %d.",
						   MOSAIC_TUPLE_ALIGN, MOSAIC_MIN_PAYLOAD, MOSAIC_MAX_PAYLOAD),
				 length < MOSAIC_MAX_PAYLOAD
				 ? errhint("Fill the payload with zeros up to the next such length.")
				 : errhint("Cut the data into several blocks.")));

	/* storage PLAIN keeps heapam from compressing, but not from storing what is compressed already */
	data = (struct varlena *) DatumGetPointer(values[1]);
	plain = detoast_attr(data);
	values[1] = PointerGetDatum(plain);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	if (plain != data)
		pfree(plain);

	if (tuple->t_data->t_hoff + sizeof(int32) + VARHDRSZ != MOSAIC_PAYLOAD_OFFSET ||
		tuple->t_len != MOSAIC_PAYLOAD_OFFSET + length)
		elog(ERROR, "block %d of table \"%s\" was formed with header %u and length %u",
			 DatumGetInt32(values[0]), table_name(rel), tuple->t_data->t_hoff, tuple->t_len);
	tuple->t_tableOid = RelationGetRelid(rel);
	return tuple;
}

static void
mosaic_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid,
					int options, BulkInsertState bistate)
{
	HeapTuple	tuple = form_block(rel, slot);

	heap_insert(rel, tuple, cid, options, bistate);
	slot->tts_tableOid = tuple->t_tableOid;
	slot->tts_tid = tuple->t_self;
	heap_freetuple(tuple);
}

/*
 * The caller's slots keep their values (they may be needed for indexes and
 * triggers); what heapam stores goes through slots of our own.
 */
static void
mosaic_multi_insert(Relation rel, TupleTableSlot **slots, int nslots,
					CommandId cid, int options, BulkInsertState bistate)
{
	TupleTableSlot **formed = palloc(nslots * sizeof(TupleTableSlot *));

	for (int i = 0; i < nslots; i++)
	{
		formed[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
		ExecStoreHeapTuple(form_block(rel, slots[i]), formed[i], true);
	}
	heap_multi_insert(rel, formed, nslots, cid, options, bistate);
	for (int i = 0; i < nslots; i++)
	{
		slots[i]->tts_tableOid = RelationGetRelid(rel);
		slots[i]->tts_tid = formed[i]->tts_tid;
		ExecDropSingleTupleTableSlot(formed[i]);
	}
	pfree(formed);
}

static void
mosaic_tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid,
								int options, BulkInsertState bistate, uint32 specToken)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("INSERT ... ON CONFLICT is not supported on block table \"%s\"", table_name(rel)),
			 errdetail("A block is immutable, and stored once it is known to be new."),
			 errhint("Use INSERT without ON CONFLICT.")));
}

static TM_Result
mosaic_tuple_update(Relation rel, ItemPointer otid, TupleTableSlot *slot,
					CommandId cid, Snapshot snapshot, Snapshot crosscheck,
					bool wait, TM_FailureData *tmfd, LockTupleMode *lockmode,
					TU_UpdateIndexes *update_indexes)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot update block table \"%s\"", table_name(rel)),
			 errdetail("Blocks are immutable: each may be shared by several models."),
			 errhint("Insert a block under a new id, and delete the old one.")));
	return TM_Invisible;		/* keep compiler quiet */
}

static void
check_persistence(Relation rel, char persistence)
{
	if (persistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("block table \"%s\" cannot be temporary", table_name(rel)),
				 errdetail("Blocks are computed on in shared buffers, which are aligned; "
						   "temporary tables have buffers of their own, which are not."),
				 errhint("Create an ordinary table, or a temporary table USING heap.")));
	if (persistence == RELPERSISTENCE_UNLOGGED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("block table \"%s\" cannot be unlogged", table_name(rel)),
				 errdetail("A crash would empty it, and leave models without their blocks."),
				 errhint("Create an ordinary table.")));
}

static void
mosaic_set_new_filelocator(Relation rel, const RelFileLocator *newrlocator, char persistence,
						   TransactionId *freezeXid, MultiXactId *minmulti)
{
	/*
	 * A relation that is being created has no pg_class row yet.  The shape of
	 * one that exists is not judged: TRUNCATE is a way out of a bad one, not
	 * a way in.  Neither is it in pg_upgrade, which recreates dropped columns.
	 */
	bool		created = !IsBinaryUpgrade &&
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(RelationGetRelid(rel)));

	check_persistence(rel, persistence);
	if (created)
	{
		TupleDesc	desc = RelationGetDescr(rel);
		bool		transient = table_name(rel) != RelationGetRelationName(rel);

		/*
		 * This descriptor becomes the pg_attribute rows, so that CREATE TABLE
		 * AS, too, makes a table that takes blocks.  A transient table lends
		 * only its pages to the real one, whose own catalog entry counts.
		 */
		if (!transient && desc->natts == MOSAIC_ATTNO_DATA)
		{
			TupleDescAttr(desc, MOSAIC_ATTNO_DATA - 1)->attstorage = TYPSTORAGE_PLAIN;
			populate_compact_attribute(desc, MOSAIC_ATTNO_DATA - 1);
		}
		check_shape(rel);
	}
	GetHeapamTableAmRoutine()->relation_set_new_filelocator(rel, newrlocator, persistence,
															freezeXid, minmulti);
}

/*
 * heapam's index builds go through heap_getnext(), which takes tables with
 * heap's routine only.  Lend them that for the duration.
 */
static double
mosaic_index_build_range_scan(Relation rel, Relation index, IndexInfo *info,
							  bool allow_sync, bool anyvisible, bool progress,
							  BlockNumber start, BlockNumber numblocks,
							  IndexBuildCallback callback, void *state, TableScanDesc scan)
{
	const TableAmRoutine *own = rel->rd_tableam;
	const TableAmRoutine *heap = GetHeapamTableAmRoutine();
	double		tuples = 0;

	rel->rd_tableam = heap;
	PG_TRY();
	{
		tuples = heap->index_build_range_scan(rel, index, info, allow_sync, anyvisible, progress,
											  start, numblocks, callback, state, scan);
	}
	PG_FINALLY();
	{
		rel->rd_tableam = own;
	}
	PG_END_TRY();
	return tuples;
}

static void
mosaic_index_validate_scan(Relation rel, Relation index, IndexInfo *info,
						   Snapshot snapshot, ValidateIndexState *state)
{
	const TableAmRoutine *own = rel->rd_tableam;
	const TableAmRoutine *heap = GetHeapamTableAmRoutine();

	rel->rd_tableam = heap;
	PG_TRY();
	{
		heap->index_validate_scan(rel, index, info, snapshot, state);
	}
	PG_FINALLY();
	{
		rel->rd_tableam = own;
	}
	PG_END_TRY();
}

static bool
mosaic_needs_toast_table(Relation rel)
{
	return false;
}

static Oid
mosaic_toast_am(Relation rel)
{
	return HEAP_TABLE_AM_OID;
}

const TableAmRoutine *
mosaic_table_am(void)
{
	static TableAmRoutine routine;

	if (routine.type != T_TableAmRoutine)
	{
		/* a copy, so that no callback is NULL which heap has */
		TableAmRoutine am = *GetHeapamTableAmRoutine();

		am.tuple_insert = mosaic_tuple_insert;
		am.multi_insert = mosaic_multi_insert;
		am.tuple_insert_speculative = mosaic_tuple_insert_speculative;
		am.tuple_update = mosaic_tuple_update;
		am.relation_set_new_filelocator = mosaic_set_new_filelocator;
		am.index_build_range_scan = mosaic_index_build_range_scan;
		am.index_validate_scan = mosaic_index_validate_scan;
		am.relation_needs_toast_table = mosaic_needs_toast_table;
		am.relation_toast_am = mosaic_toast_am;
		routine = am;
	}
	return &routine;
}

PG_FUNCTION_INFO_V1(mosaic_pg_am_handler);
extern Datum mosaic_pg_am_handler(PG_FUNCTION_ARGS);

Datum
mosaic_pg_am_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(mosaic_table_am());
}
