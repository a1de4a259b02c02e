/*
 * check_near.c
 *		check_store() and repair_store(): the index of near duplicates has a row for every
 *		block that may have some, and no others.
 *
 * The keys themselves are not checked: they propose, and propose all but the same
 * on every machine.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "near_index.h"
#include "store.h"

static bool
is_missing(const MosaicCheckedBlock *b)
{
	return b->stored && b->users > 0 && b->used_geometry != 0 && !b->has_near_key &&
		mosaic_near_shareable(mosaic_geometry_unpack(b->used_geometry));
}

void
mosaic_check_near_keys(MosaicChecker *c)
{
	Relation	rel = table_open(mosaic_relid("near_key"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, c->checked->snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		int32		block_id = DatumGetInt32(heap_getattr(tuple, Anum_near_block_id,
														  RelationGetDescr(rel), &isnull));
		MosaicCheckedBlock *b = mosaic_checked_block(c->checked, block_id);

		CHECK_FOR_INTERRUPTS();
		if (b && b->stored)
			b->has_near_key = true;
		else
			mosaic_checker_report(c, MOSAIC_ORPHAN_NEAR_KEY, -1, NULL, block_id, "not in mosaic.block");
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	for (int64 i = 0; i < c->checked->nblocks; i++)
		if (is_missing(&c->checked->blocks[i]))
			mosaic_checker_report(c, MOSAIC_MISSING_NEAR_KEY, -1, NULL, c->checked->blocks[i].block_id,
								  "near duplicates of the block are not found");
}

/* Deletes the rows of blocks that are not stored, or that the repair deletes. */
static void
delete_orphans(const MosaicChecked *checked, bool users_known)
{
	Relation	rel = table_open(mosaic_relid("near_key"), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, checked->snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		MosaicCheckedBlock *b =
			mosaic_checked_block(checked, DatumGetInt32(heap_getattr(tuple, Anum_near_block_id,
																	 RelationGetDescr(rel), &isnull)));

		CHECK_FOR_INTERRUPTS();
		if (b == NULL || !b->stored || (users_known && b->users == 0))
			CatalogTupleDelete(rel, &tuple->t_self);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

static void
add_missing(MosaicNearWriter *writer, MosaicReader *reader, MosaicCheckedBlock *b)
{
	Buffer		buffer;
	const void *payload = mosaic_read_block(reader, b->block_id, b->length, &b->place,
											CurrentResourceOwner, &buffer);

	mosaic_near_writer_add(writer, b->block_id, mosaic_geometry_unpack(b->used_geometry), payload);
	ReleaseBuffer(buffer);
}

void
mosaic_repair_near_keys(const MosaicChecked *checked, bool users_known)
{
	MosaicReader reader;
	MosaicNearWriter *writer = NULL;
	int32		domain = 0;		/* of the writer */

	delete_orphans(checked, users_known);
	mosaic_reader_open(&reader);
	for (int64 i = 0; i < checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
		if (!is_missing(b) ||
			b->length != mosaic_geometry_bytes(mosaic_geometry_unpack(b->used_geometry)))
			continue;
		if (writer == NULL || b->used_domain != domain)
		{
			if (writer)
				mosaic_near_writer_close(writer);
			domain = b->used_domain;
			writer = mosaic_near_writer_open(checked->snapshot, domain);
		}
		add_missing(writer, &reader, b);
	}
	if (writer)
		mosaic_near_writer_close(writer);
	mosaic_reader_close(&reader);
	CommandCounterIncrement();
}
