/*
 * export.c
 *		export_model(): a stored model as an ONNX file, in a bytea or a large object.
 *
 * The weights are those that are stored, to the bit, in the types that the graph gives them: importing the
 * file finds all of its blocks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "catalog.h"
#include "errors.h"
#include "export.h"
#include "model_rows.h"
#include "reader.h"
#include "versions.h"
#include "mosaic/capi_export.h"

struct MosaicExportJob
{
	HeapTuple	row;
	MosaicModelRows rows;
	MosaicExport *export;		/* freed with the memory context */
	MemoryContextCallback callback;
	MosaicReader reader;
	uint64		size;			/* of the file */
	int			pieces;
};

static void
free_export(void *arg)
{
	mosaic_export_free(((MosaicExportJob *) arg)->export);
}

static void
check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK)
		mosaic_report(error);
}

/* Hands in the blocks of a tensor. */
static void
read_tensor(MosaicExportJob *job, int tensor)
{
	MosaicTensorBlocks *blocks = &job->rows.tensors[tensor];
	MosaicError error;

	check(mosaic_export_begin(job->export, tensor, &error), &error);
	for (int64 i = 0; i < blocks->n; i++)
	{
		Buffer		buffer;
		const void *payload;
		MosaicCode	code;

		CHECK_FOR_INTERRUPTS();
		payload = mosaic_read_block(&job->reader, blocks->ids[i], blocks->payload_bytes, &blocks->places[i],
									CurrentResourceOwner, &buffer);
		code = mosaic_export_block(job->export, payload, &error);
		ReleaseBuffer(buffer);
		check(code, &error);
	}
}

MosaicExportJob *
mosaic_open_export(const char *name)
{
	MosaicExportJob *job = palloc0(sizeof *job);
	Snapshot	snapshot = GetActiveSnapshot();
	HeapTuple	row = mosaic_resolve_model(name, snapshot);
	MosaicError error;

	if (!HeapTupleIsValid(row))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of model \"%s\"", name)));
	job->row = row;
	mosaic_check_format(snapshot);
	mosaic_read_model(row, snapshot, &job->rows);
	mosaic_verify_checksum(row, &job->rows);
	job->callback.func = free_export;
	job->callback.arg = job;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &job->callback);
	check(mosaic_export_new(name, VARDATA(job->rows.graph), VARSIZE(job->rows.graph) - VARHDRSZ, job->rows.descs,
							job->rows.ntensors, &job->export, &error), &error);
	mosaic_reader_open(&job->reader);
	for (int i = 0; i < mosaic_export_list_count(job->export); i++)
	{
		read_tensor(job, mosaic_export_list(job->export, i));
		check(mosaic_export_keep_list(job->export, &error), &error);
	}
	check(mosaic_export_plan(job->export, &job->size, &job->pieces, &error), &error);
	/* What protocol buffers can be; larger files have their tensors beside them. */
	if (job->size > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" would be a file of " UINT64_FORMAT " bytes, more than ONNX files can have",
						name, job->size)));
	return job;
}

HeapTuple
mosaic_export_row(const MosaicExportJob *job)
{
	return job->row;
}

void
mosaic_write_export(MosaicExportJob *job, MosaicExportSink sink, void *arg)
{
	for (int i = 0; i < job->pieces; i++)
	{
		int			tensor = mosaic_export_piece_tensor(job->export, i);
		const void *data;
		size_t		len;

		if (tensor >= 0)
			read_tensor(job, tensor);
		data = mosaic_export_piece(job->export, i, &len);
		sink(arg, data, len);
	}
	mosaic_reader_close(&job->reader);
}

static void
sink_bytes(void *arg, const void *data, size_t len)
{
	char	  **end = arg;

	if (len > 0)
		memcpy(*end, data, len);
	*end += len;
}

/* export_model(name text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_export_model);
Datum
mosaic_pg_export_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext cxt = AllocSetContextCreate(caller, "pg_mosaic export", ALLOCSET_DEFAULT_SIZES);
	MosaicExportJob *job;
	bytea	   *result;
	char	   *end;

	MemoryContextSwitchTo(cxt);
	job = mosaic_open_export(name);
	if (job->size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" is a file of " UINT64_FORMAT " bytes, more than a bytea can have", name, job->size),
				 errhint("Let it be written to a large object, export_model(name, 0::oid), or on the server, export_model(name, path).")));
	MemoryContextSwitchTo(caller);
	result = palloc(job->size + VARHDRSZ);
	SET_VARSIZE(result, job->size + VARHDRSZ);
	end = VARDATA(result);
	MemoryContextSwitchTo(cxt);
	mosaic_write_export(job, sink_bytes, &end);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
	PG_RETURN_BYTEA_P(result);
}

static void
sink_large_object(void *arg, const void *data, size_t len)
{
	int			fd = *(int *) arg;
	const char *p = data;

	while (len > 0)
	{
		/* Short writes, so that a cancel acts soon. */
		int			n = lo_write(fd, p, (int) Min(len, 1024 * 1024));

		CHECK_FOR_INTERRUPTS();
		p += n;
		len -= n;
	}
}

/* export_model(name text, large_object oid) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_export_large_object);
Datum
mosaic_pg_export_large_object(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			id = PG_GETARG_OID(1);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic export", ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	MosaicExportJob *job;
	int			fd;

	PreventCommandIfReadOnly("export_model() to a large object");
	job = mosaic_open_export(name);
	/* As lo_create() has it: 0 is a new one. */
	id = DatumGetObjectId(DirectFunctionCall1(be_lo_create, ObjectIdGetDatum(id)));
	fd = DatumGetInt32(DirectFunctionCall2(be_lo_open, ObjectIdGetDatum(id), Int32GetDatum(INV_WRITE)));
	mosaic_write_export(job, sink_large_object, &fd);
	DirectFunctionCall1(be_lo_close, Int32GetDatum(fd));
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	PG_RETURN_OID(id);
}
