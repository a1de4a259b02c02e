/*
 * export.c
 *		export_model(): a stored model as an ONNX file.
 *
 * The weights are those that are stored, to the bit, in the types that the graph gives them: importing the
 * file finds all of its blocks.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "catalog.h"
#include "errors.h"
#include "model_rows.h"
#include "reader.h"
#include "versions.h"
#include "mosaic/capi_export.h"

typedef struct ExportJob
{
	MosaicModelRows rows;
	MosaicExport *export;		/* freed with the memory context */
	MemoryContextCallback callback;
	MosaicReader reader;
	uint64		size;			/* of the file */
	int			pieces;
} ExportJob;

static void
free_export(void *arg)
{
	mosaic_export_free(((ExportJob *) arg)->export);
}

static void
check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK)
		mosaic_report(error);
}

/* Hands in the blocks of a tensor. */
static void
read_tensor(ExportJob *job, int tensor)
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

/* The model of this name, which must be the current role's, ready to be written.  In the current context. */
static ExportJob *
open_export(const char *name)
{
	ExportJob  *job = palloc0(sizeof *job);
	Snapshot	snapshot = GetActiveSnapshot();
	HeapTuple	row = mosaic_resolve_model(name, snapshot);
	MosaicError error;

	if (!HeapTupleIsValid(row))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of model \"%s\"", name)));
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

/* Gives the file to sink, piece by piece. */
static void
write_pieces(ExportJob *job, void (*sink) (void *arg, const void *data, size_t len), void *arg)
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
	ExportJob  *job;
	bytea	   *result;
	char	   *end;

	MemoryContextSwitchTo(cxt);
	job = open_export(name);
	if (job->size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" is a file of " UINT64_FORMAT " bytes, more than a bytea can have", name, job->size),
				 errhint("Let it be written on the server: export_model(name, path).")));
	MemoryContextSwitchTo(caller);
	result = palloc(job->size + VARHDRSZ);
	SET_VARSIZE(result, job->size + VARHDRSZ);
	end = VARDATA(result);
	MemoryContextSwitchTo(cxt);
	write_pieces(job, sink_bytes, &end);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
	PG_RETURN_BYTEA_P(result);
}

typedef struct OutputFile
{
	const char *path;
	int			fd;
} OutputFile;

static void
sink_file(void *arg, const void *data, size_t len)
{
	OutputFile *file = arg;
	const char *p = data;

	while (len > 0)
	{
		/* Short writes, so that a cancel acts soon. */
		ssize_t		n = write(file->fd, p, Min(len, 8 * 1024 * 1024));

		CHECK_FOR_INTERRUPTS();
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
		{
			if (n == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not write file \"%s\": %m", file->path)));
		}
		p += n;
		len -= n;
	}
}

/* As COPY TO has it, but that no file is overwritten. */
static OutputFile
create_file(const char *path)
{
	OutputFile	file = {.path = path};
	mode_t		saved;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write file \"%s\"", path),
				 errhint("Files of the server need the role pg_write_server_files; export_model(name) returns the bytes.")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME), errmsg("the path of a file to be written must be absolute")));
	saved = umask(S_IWGRP | S_IWOTH);
	file.fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
									S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
	umask(saved);
	if (file.fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not create file \"%s\": %m", path)));
	return file;
}

static void
remove_file(int code, Datum path)
{
	unlink(DatumGetCString(path));
}

/* export_model(name text, path text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_export_file);
Datum
mosaic_pg_export_file(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic export", ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	ExportJob  *job = open_export(name);
	OutputFile	file = create_file(path);
	int64		size = (int64) job->size;

	/* A part of a model is none; also where the session is ended. */
	PG_ENSURE_ERROR_CLEANUP(remove_file, CStringGetDatum(path));
	{
		write_pieces(job, sink_file, &file);
		if (pg_fsync(file.fd) != 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not fsync file \"%s\": %m", path)));
		if (CloseTransientFile(file.fd) != 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not close file \"%s\": %m", path)));
	}
	PG_END_ENSURE_ERROR_CLEANUP(remove_file, CStringGetDatum(path));
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	PG_RETURN_INT64(size);
}
