/*
 * dedup_write.c
 *		What was decided is stored: the maps, and who uses which block.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "dedup_job.h"
#include "model_rows.h"
#include "progress.h"
#include "store.h"
#include "usage_drops.h"

typedef struct TensorUpdate
{
	DedupJob   *job;
	Relation	rel;
	CatalogIndexState indexes;
	int64		model_id;
} TensorUpdate;

static void
update_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	TensorUpdate *u = arg;
	MosaicTensorBlocks *blocks =
		&u->job->candidate.tensors[mosaic_tensor_number(u->job, tuple, desc)];
	Datum		values[Natts_tensor] = {0};
	bool		nulls[Natts_tensor] = {false};
	bool		replace[Natts_tensor] = {false};
	bool		is_inline;

	heap_getattr(tuple, Anum_tensor_map, desc, &is_inline);
	values[Anum_tensor_model_id - 1] = Int64GetDatum(u->model_id);
	replace[Anum_tensor_model_id - 1] = true;
	if (!is_inline)
	{
		Size		bytes = blocks->n * sizeof(ItemPointerData);
		bytea	   *places = palloc(VARHDRSZ + bytes);

		SET_VARSIZE(places, VARHDRSZ + bytes);
		memcpy(VARDATA(places), blocks->places, bytes);
		values[Anum_tensor_map - 1] = PointerGetDatum(mosaic_make_map(blocks->ids, blocks->n));
		values[Anum_tensor_places - 1] = PointerGetDatum(places);
		replace[Anum_tensor_map - 1] = replace[Anum_tensor_places - 1] = true;
	}
	CatalogTupleUpdateWithInfo(u->rel, &tuple->t_self,
							   heap_modify_tuple(tuple, desc, values, nulls, replace), u->indexes);
}

/* Makes the maps of the accepted state the model's, as a new version; returns its model_id. */
static int64
write_maps(DedupJob *job)
{
	TensorUpdate u = {.job = job};
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};

	u.model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	u.rel = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	u.indexes = CatalogOpenIndexes(u.rel);
	mosaic_scan_tensors(job->handle->key.model_id, job->snapshot, update_tensor, &u);
	CatalogCloseIndexes(u.indexes);
	table_close(u.rel, NoLock);

	values[Anum_model_model_id - 1] = Int64GetDatum(u.model_id);
	replace[Anum_model_model_id - 1] = true;
	CatalogTupleUpdate(rel, &job->row->t_self,
					   heap_modify_tuple(job->row, RelationGetDescr(rel), values, nulls, replace));
	table_close(rel, NoLock);
	mosaic_stamp_model(u.model_id);
	mosaic_usage_drops(mosaic_relid("model"), job->handle->key.model_id);
	return u.model_id;
}

/* A block that another model has come to use meanwhile stays. */
static int64
freed_bytes(DedupJob *job, BlockSet now)
{
	BlockSet	own = job->own;
	int64		bytes = 0;

	for (int64 i = 0; i < own.n; i++)
	{
		const Offer *offer = mosaic_find_offer(job, own.ids[i]);

		if (!mosaic_has_block(&now, own.ids[i]) && offer->models == 1)
			bytes += offer->bytes;
	}
	return bytes;
}

/* Counts the model as a user of what it uses now, and no longer of what it does not. */
static int64
count_users(DedupJob *job)
{
	MosaicWriter *writer = mosaic_writer_open(job->snapshot, job->domain);
	BlockSet	added = job->ladder ? mosaic_store_rungs(job, writer) : (BlockSet) {0};
	BlockSet	own = job->own,
				now = mosaic_distinct_blocks(&job->candidate);
	char	   *copy = palloc(MOSAIC_MAX_PAYLOAD);
	int64		freed = freed_bytes(job, now) - mosaic_writer_new_bytes(writer);

	for (int64 i = 0; i < now.n; i++)
	{
		MosaicBlock block = {0};
		ItemPointerData place;
		Offer	   *offer;
		Buffer		buffer;
		int32		id;

		CHECK_FOR_INTERRUPTS();
		if (mosaic_has_block(&own, now.ids[i]) || mosaic_has_block(&added, now.ids[i]))
			continue;
		offer = mosaic_find_offer(job, now.ids[i]);
		block.geometry = mosaic_geometry_unpack(offer->geometry);
		block.length = mosaic_payload_bytes(block.geometry);
		memcpy(copy, mosaic_read_block(&job->reader, now.ids[i], block.length, &offer->place,
									   CurrentResourceOwner, &buffer), block.length);
		ReleaseBuffer(buffer);
		block.payload = copy;
		mosaic_block_hash(block.geometry, copy, block.length, block.hash);
		if (!mosaic_writer_use(writer, &block, &id, &place) || id != now.ids[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("block %d is not found by its hash", now.ids[i])));
	}
	for (int64 i = 0; i < own.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!mosaic_has_block(&now, own.ids[i]))
			(void) mosaic_writer_leave(writer, own.ids[i]);
	}
	mosaic_writer_close(writer);
	pfree(copy);
	CommandCounterIncrement();
	return freed;
}

int64
mosaic_write_merges(DedupJob *job, int64 *freed)
{
	mosaic_progress_phase(MOSAIC_PHASE_WRITING_MERGES, 0);
	*freed = count_users(job);
	return write_maps(job);
}
