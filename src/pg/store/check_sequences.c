/*
 * check_sequences.c
 *		check_store() and repair_store(): the sequences that ids come from.
 *
 * Logical replication brings rows but not what sequences have given; then the
 * next import would take ids that are in use.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "mosaic/page_reader.h"

/* In this order they are told apart by their number, as problems (tensor_no). */
static const char *const sequences[] = {"block_id_seq", "model_id_seq", "domain_id_seq", "tokenizer_id_seq"};

/* The last id that a sequence gave, 0 where none; -1 where it cannot be read. */
static int64
last_given(const char *sequence)
{
	Relation	rel = relation_open(mosaic_relid(sequence), AccessShareLock);
	Buffer		buffer = ReadBuffer(rel, 0);
	int64		last = -1;
	uint32		offset,
				length;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (mosaic_page_line(BufferGetPage(buffer), FirstOffsetNumber, &offset, &length) == MOSAIC_LINE_ROW)
	{
		const char *row = (const char *) BufferGetPage(buffer) + offset;
		FormData_pg_sequence_data data;
		uint8		header = (uint8) row[offsetof(HeapTupleHeaderData, t_hoff)];

		if (header + sizeof data.last_value + sizeof data.log_cnt + sizeof data.is_called <= length)
		{
			memcpy(&data, row + header, Min(sizeof data, length - header));
			last = data.is_called ? data.last_value : data.last_value - 1;
		}
	}
	UnlockReleaseBuffer(buffer);
	relation_close(rel, NoLock);
	return last;
}

static void
note_domain(Relation rel, HeapTuple row, void *arg)
{
	MosaicChecked *checked = ((MosaicChecker *) arg)->checked;
	bool		isnull;
	int32		id = DatumGetInt32(heap_getattr(row, Anum_domain_domain_id, RelationGetDescr(rel), &isnull));

	checked->last_domain_id = Max(checked->last_domain_id, id);
}

static void
note_tokenizer(Relation rel, HeapTuple row, void *arg)
{
	MosaicChecked *checked = ((MosaicChecker *) arg)->checked;
	bool		isnull;
	int32		id = DatumGetInt32(heap_getattr(row, Anum_tokenizer_tokenizer_id, RelationGetDescr(rel), &isnull));

	checked->last_tokenizer_id = Max(checked->last_tokenizer_id, id);
}

/* The largest id in use; a block that nobody uses is deleted, or is one whose id was damaged. */
static int64
last_used(const MosaicChecked *checked, int sequence)
{
	if (sequence == 1)
		return checked->last_model_id;
	if (sequence == 2)
		return checked->last_domain_id;
	if (sequence == 3)
		return checked->last_tokenizer_id;
	for (int64 i = checked->nblocks - 1; i >= 0; i--)
		if (checked->blocks[i].users > 0 && checked->blocks[i].stored)
			return checked->blocks[i].block_id;
	return 0;
}

void
mosaic_check_sequences(MosaicChecker *c)
{
	bool		damaged;

	mosaic_checker_scan(c, "domain", &damaged, note_domain);
	mosaic_checker_scan(c, "tokenizer", &damaged, note_tokenizer);
	for (int i = 0; i < lengthof(sequences); i++)
	{
		int64		used = last_used(c->checked, i);
		int64		given = last_given(sequences[i]);

		if (given >= 0 && given < used)
			mosaic_checker_report(c, MOSAIC_SEQUENCE_BEHIND, i, NULL, 0,
								  "mosaic.%s gave " INT64_FORMAT " last, but " INT64_FORMAT " is in use",
								  sequences[i], given, used);
	}
}

void
mosaic_repair_sequences(const MosaicChecked *checked)
{
	for (int64 i = 0; i < checked->nproblems; i++)
	{
		const MosaicProblem *p = &checked->problems[i];
		Relation	rel;
		Oid			user;
		int			context;

		if (p->kind != MOSAIC_SEQUENCE_BEHIND)
			continue;
		rel = relation_open(mosaic_relid(sequences[p->tensor_no]), AccessShareLock);
		/* Who may repair the store need not own its sequences. */
		GetUserIdAndSecContext(&user, &context);
		SetUserIdAndSecContext(rel->rd_rel->relowner, context | SECURITY_LOCAL_USERID_CHANGE);
		(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(RelationGetRelid(rel)),
								   Int64GetDatum(last_used(checked, p->tensor_no)));
		SetUserIdAndSecContext(user, context);
		relation_close(rel, NoLock);
	}
}
