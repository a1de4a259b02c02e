/*
 * export_file.c
 *		export_model() to files of the server: one, or a folder as Hugging Face lays it out.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "export.h"
#include "labels.h"
#include "row.h"
#include "tokenizer_store.h"

#define MAX_FILES 8

/* What was made, and is taken away where not all of it could be: a part of a model is none. */
typedef struct Written
{
	char	   *files[MAX_FILES];
	int			n;
	char	   *folder;
	int64		bytes;
} Written;

static void
remove_written(int code, Datum arg)
{
	Written    *w = (Written *) DatumGetPointer(arg);

	for (int i = 0; i < w->n; i++)
		unlink(w->files[i]);
	if (w->folder)
		rmdir(w->folder);
}

typedef struct OutputFile
{
	const char *path;
	int			fd;
	int64		bytes;
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
		file->bytes += n;
	}
}

/* As COPY TO has it, but that no file is overwritten. */
static OutputFile
create_file(Written *w, const char *path)
{
	OutputFile	file = {.path = path};
	mode_t		saved = umask(S_IWGRP | S_IWOTH);

	Assert(w->n < MAX_FILES);
	PG_TRY();
	{
		file.fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
										S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
	}
	PG_FINALLY();
	{
		umask(saved);
	}
	PG_END_TRY();
	if (file.fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not create file \"%s\": %m", path)));
	w->files[w->n++] = pstrdup(path);
	return file;
}

static void
close_file(Written *w, OutputFile *file)
{
	if (pg_fsync(file->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not fsync file \"%s\": %m", file->path)));
	if (CloseTransientFile(file->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not close file \"%s\": %m", file->path)));
	w->bytes += file->bytes;
}

static void
write_model(Written *w, MosaicExportJob *job, const char *path)
{
	OutputFile	file = create_file(w, path);

	mosaic_write_export(job, sink_file, &file);
	close_file(w, &file);
}

static void
write_content(Written *w, const char *folder, const char *name, const void *content, Size len)
{
	OutputFile	file = create_file(w, psprintf("%s/%s", folder, name));

	sink_file(&file, content, len);
	close_file(w, &file);
}

static void
write_json(Written *w, const char *folder, const char *name, const char *json)
{
	char	   *converted = pg_server_to_any(json, (int) strlen(json), PG_UTF8);

	write_content(w, folder, name, converted, strlen(converted));
}

/* ---- what import_model() of a folder finds: docs/text.md, "A folder" ---- */

/* By what they begin with, as the core tells them apart (tokenizer.cc). */
static const char *
tokenizer_file(const char *content, Size len)
{
	Size		first = 0;

	while (first < len && strchr(" \t\r\n\xEF\xBB\xBF", content[first]) && content[first] != '\0')
		first++;
	if (first < len && content[first] == '{')
		return "tokenizer.json";
	return len > 3 && content[0] == '\n' && content[2] == '\n' ? "tokenizer.model" : "vocab.txt";
}

static void
write_labels(Written *w, const char *folder, HeapTuple row)
{
	int			n;
	text	  **labels = mosaic_read_labels(row, &n);
	StringInfoData json;

	if (labels == NULL)
		return;
	initStringInfo(&json);
	appendStringInfoString(&json, "{\"id2label\": {");
	for (int i = 0; i < n; i++)
	{
		appendStringInfo(&json, "%s\"%d\": ", i > 0 ? ", " : "", i);
		escape_json(&json, text_to_cstring(labels[i]));
	}
	appendStringInfoString(&json, "}}\n");
	write_json(w, folder, "config.json", json.data);
}

static void
write_pooling(Written *w, const char *folder, const char *pooling, bool normalized)
{
	static const struct
	{
		const char *pooling;
		const char *mode;
	}			modes[] = {{"mean", "mean_tokens"}, {"cls", "cls_token"}, {"max", "max_tokens"}, {"last", "lasttoken"}};
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < lengthof(modes); i++)
		appendStringInfo(&json, "%s\"pooling_mode_%s\": %s", i > 0 ? ", " : "{", modes[i].mode,
						 strcmp(pooling, modes[i].pooling) == 0 ? "true" : "false");
	appendStringInfoString(&json, "}\n");
	w->folder = psprintf("%s/1_Pooling", folder);
	if (MakePGDirectory(w->folder) != 0)
	{
		char	   *path = w->folder;

		w->folder = NULL;
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not create directory \"%s\": %m", path)));
	}
	write_json(w, folder, "1_Pooling/config.json", json.data);
	write_json(w, folder, "modules.json",
			   psprintf("[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\": \"sentence_transformers.models.Transformer\"},\n"
						" {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\": \"sentence_transformers.models.Pooling\"}%s]\n",
						normalized ? ",\n {\"idx\": 2, \"name\": \"2\", \"path\": \"2_Normalize\", \"type\": \"sentence_transformers.models.Normalize\"}" : ""));
}

static void
write_folder(Written *w, MosaicExportJob *job, const char *folder)
{
	HeapTuple	row = mosaic_export_row(job);
	int32		tokenizer = mosaic_tokenizer_of(row);
	bool		isnull;
	Datum		value;

	write_labels(w, folder, row);
	if (tokenizer != 0)
	{
		bytea	   *content = mosaic_read_tokenizer(tokenizer, GetActiveSnapshot());

		write_content(w, folder, tokenizer_file(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)),
					  VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
	}
	value = mosaic_model_option(row, Anum_model_max_tokens, &isnull);
	if (!isnull)
		write_json(w, folder, "sentence_bert_config.json", psprintf("{\"max_seq_length\": %d}\n", DatumGetInt32(value)));
	value = mosaic_model_option(row, Anum_model_pooling, &isnull);
	if (!isnull)
	{
		char	   *pooling = mosaic_plain_text(value);
		bool		no_norm;
		Datum		normalized = mosaic_model_option(row, Anum_model_normalized, &no_norm);

		write_pooling(w, folder, pooling, !no_norm && DatumGetBool(normalized));
	}
	write_model(w, job, psprintf("%s/model.onnx", folder));
}

static void
check_path(const char *path)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write file \"%s\"", path),
				 errhint("Files of the server need the role pg_write_server_files; export_model(name) returns the bytes.")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME), errmsg("the path of a file to be written must be absolute")));
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
	MosaicExportJob *job = mosaic_open_export(name);
	Written		written = {0};
	struct stat st;

	check_path(path);
	/* Also where the session is ended. */
	PG_ENSURE_ERROR_CLEANUP(remove_written, PointerGetDatum(&written));
	{
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
			write_folder(&written, job, path);
		else
			write_model(&written, job, path);
	}
	PG_END_ENSURE_ERROR_CLEANUP(remove_written, PointerGetDatum(&written));
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	PG_RETURN_INT64(written.bytes);
}
