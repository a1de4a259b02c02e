/*
 * like.c
 *		A stored model that another one is made of: new weights on its graph, or an adapter beside its own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "like.h"
#include "model_rows.h"
#include "mosaic/capi_like.h"
#include "reader.h"
#include "versions.h"

struct MosaicLike
{
	const char *name;
	int64		model_id;
	MosaicModelRows rows;
	MosaicReader reader;
	MosaicHostSource *weights;
	MosaicHostSource *base_weights;
	const MosaicAdapterText *config;	/* of an adapter, or NULL */
};

typedef struct BlockRead
{
	MosaicLike *like;
	int			tensor;
	int64		index;
	void	   *payload;
} BlockRead;

static void
copy_block(void *arg)
{
	BlockRead  *r = arg;
	MosaicTensorBlocks *blocks = &r->like->rows.tensors[r->tensor];
	Buffer		buffer;
	const void *payload;

	CHECK_FOR_INTERRUPTS();
	payload = mosaic_read_block(&r->like->reader, blocks->ids[r->index], blocks->payload_bytes,
								&blocks->places[r->index], CurrentResourceOwner, &buffer);
	memcpy(r->payload, payload, blocks->payload_bytes);
	ReleaseBuffer(buffer);
}

static int
read_block(void *ctx, int tensor, int64_t index, void *payload)
{
	BlockRead	r = {.like = ctx,.tensor = tensor,.index = index,.payload = payload};

	return mosaic_source_guard(r.like->weights, copy_block, &r) ? 0 : 1;
}

MosaicLike *
mosaic_like_open(const char *name, MosaicHostSource *weights, MosaicHostSource *base_weights)
{
	MosaicLike *like = palloc0(sizeof *like);
	Snapshot	snapshot = GetActiveSnapshot();
	HeapTuple	row = mosaic_resolve_model(name, snapshot);

	if (!HeapTupleIsValid(row))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name),
				 errdetail("Who owns a model made of it can export what it has of its weights.")));
	mosaic_check_format(snapshot);
	like->name = pstrdup(name);
	like->model_id = DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id));
	mosaic_read_model(row, snapshot, &like->rows);
	mosaic_verify_checksum(row, &like->rows);
	mosaic_reader_open(&like->reader);
	like->weights = weights;
	like->base_weights = base_weights;
	if (base_weights)
		mosaic_source_join(weights, base_weights);
	return like;
}

void
mosaic_like_adapt(MosaicLike *like, const MosaicAdapterText *config)
{
	like->config = config;
}

MosaicCode
mosaic_like_import(MosaicLike *like, const MosaicImportOptions *options, MosaicImport **out, MosaicError *error)
{
	MosaicStored stored = {
		.graph = VARDATA(like->rows.graph),.graph_bytes = VARSIZE(like->rows.graph) - VARHDRSZ,
		.tensors = like->rows.descs,.ntensors = like->rows.ntensors,.ctx = like,.read_block = read_block
	};

	const MosaicSource *weights = mosaic_source_callbacks(like->weights);
	const MosaicSource *base_weights = like->base_weights ? mosaic_source_callbacks(like->base_weights) : NULL;

	if (like->config)
		return mosaic_import_adapter_new(&stored, weights, base_weights, like->config, options, out, error);
	return mosaic_import_like_new(&stored, weights, base_weights, options, out, error);
}

HeapTuple
mosaic_like_row(MosaicLike *like, Snapshot snapshot)
{
	HeapTuple	row = mosaic_find_version(like->model_id, snapshot);

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("model \"%s\" was replaced or dropped meanwhile", like->name)));
	return row;
}

void
mosaic_like_close(MosaicLike *like)
{
	mosaic_reader_close(&like->reader);
}
