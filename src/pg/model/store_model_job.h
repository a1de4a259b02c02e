/*
 * store_model_job.h
 *		The steps from the bytes of a model to its rows and blocks.
 */
#ifndef MOSAIC_STORE_MODEL_JOB_H
#define MOSAIC_STORE_MODEL_JOB_H

#include "access/htup.h"
#include "storage/itemptr.h"

#include "store.h"
#include "store_model.h"

/* The maps of a model while its blocks come in. */
typedef struct TensorMap
{
	int32	   *ids;
	ItemPointerData *places;
} TensorMap;

typedef struct ImportJob
{
	int32		domain;
	MosaicHostSource *source;
	MosaicImport *import;		/* freed with the memory context */
	MosaicModel *model;			/* likewise */
	MemoryContextCallback callback;
	TensorMap  *maps;
	MosaicImportStats stats;
} ImportJob;

/* The row of the model that is to be replaced, or NULL; an error where it must not be. */
extern HeapTuple mosaic_check_existing(const char *name, bool replace, Snapshot snapshot);

/*
 * Where the model shares: as asked, which find looks up; else where the version that it replaces does.
 */
extern int32 mosaic_choose_domain(const char *asked, const char *name, HeapTuple old, Snapshot snapshot,
								  int32 (*find) (const char *name, Snapshot snapshot));

/* Who replaces another's model (or NULL), as its member or superuser, does not take it away. */
extern Oid	mosaic_choose_owner(HeapTuple old, Snapshot snapshot);

/* Reads the graph and makes room for the maps. */
extern void mosaic_job_open(ImportJob *job, const char *name, MosaicHostSource *source, int height,
							const MosaicModelOptions *model);
/*
 * Lets the writer store deltas: not to blocks that only the old version (or NULL) uses, unless it is one of
 * those that are kept (versions.h).
 */
extern void mosaic_job_seek_bases(MosaicWriter *writer, HeapTuple old, int keep, Snapshot snapshot);
/* Moves all blocks from the core into the store. */
extern void mosaic_job_store_blocks(ImportJob *job, MosaicWriter *writer);
/* Once the blocks are there. */
extern void mosaic_job_insert_tensors(ImportJob *job, int64 model_id);
extern HeapTuple mosaic_job_model_row(ImportJob *job, int64 model_id, const char *name, Oid owner);
/* A model's row with what was set of another model: its tokenizer, its labels, ... */
extern HeapTuple mosaic_carry_settings(HeapTuple row, HeapTuple from);

/*
 * Inserts the row, in the place of an old version (or NULL), with its readers and its log; the old one is kept or
 * removed, and so are those before it, as keep says (MosaicModelOptions).  After the new blocks are in, so that
 * those which both versions have are kept; under the store's lock.
 */
extern void mosaic_insert_model(HeapTuple row, HeapTuple old, int keep);

#endif
