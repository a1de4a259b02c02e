/*
 * folder.c
 *		A model as Hugging Face lays it out.
 *
 * Links are followed, as for any file of the server: the folders of Hugging Face's cache
 * consist of them.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "mosaic/capi_text.h"

#include "admin.h"
#include "errors.h"
#include "folder.h"
#include "labels.h"
#include "source.h"
#include "text_options.h"

#define MAX_SETTINGS_BYTES (16 * 1024 * 1024)

struct MosaicFolder
{
	MemoryContextCallback callback;
	const char *path;
	char	   *model;
	char	   *tokenizer;		/* content; NULL: none */
	Size		tokenizer_bytes;
	MosaicFolderSettings *settings;
};

static void
free_settings(void *arg)
{
	mosaic_folder_settings_free(((MosaicFolder *) arg)->settings);
}

/* The first of these files that is there; NULL: none is. */
static char *
find_file(const char *folder, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
	{
		char	   *path = psprintf("%s/%s", folder, names[i]);
		struct stat st;

		/* Whatever else is wrong with it, opening it tells. */
		if (stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
			return path;
		pfree(path);
	}
	return NULL;
}

static void
read_settings(MosaicFolder *f)
{
	/* In the order of MosaicFolderFile. */
	static const char *const names[MOSAIC_FOLDER_FILES] = {
		"config.json", "tokenizer_config.json", "sentence_bert_config.json", "modules.json", "1_Pooling/config.json"
	};
	MosaicFolderFiles files = {0};
	MosaicError error;

	for (int i = 0; i < MOSAIC_FOLDER_FILES; i++)
	{
		char	   *path = find_file(f->path, &names[i], 1);

		if (path)
			files.content[i] = mosaic_read_server_file(path, MAX_SETTINGS_BYTES, &files.len[i]);
	}
	if (mosaic_folder_settings_new(&files, &f->settings, &error) != MOSAIC_OK)
	{
		MosaicError named = error;

		snprintf(named.message, sizeof named.message, "folder \"%.300s\": %.600s", f->path, error.message);
		mosaic_report(&named);
	}
}

MosaicFolder *
mosaic_open_folder(const char *path)
{
	static const char *const models[] = {"model.onnx", "onnx/model.onnx"};
	static const char *const tokenizers[] = {
		"tokenizer.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"
	};
	MosaicFolder *f;
	struct stat st;
	char	   *tokenizer;

	mosaic_check_server_files();
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return NULL;
	f = palloc0(sizeof *f);
	f->callback.func = free_settings;
	f->callback.arg = f;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &f->callback);
	f->path = pstrdup(path);
	f->model = find_file(path, models, lengthof(models));
	if (f->model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("folder \"%s\" has no model", path),
				 errhint("It is looked for as model.onnx and onnx/model.onnx. To import another file, give its path; set_tokenizer(), set_labels() and set_pooling() give it the rest.")));
	tokenizer = find_file(path, tokenizers, lengthof(tokenizers));
	if (tokenizer)
		f->tokenizer = mosaic_read_server_file(tokenizer, MOSAIC_MAX_TOKENIZER_BYTES, &f->tokenizer_bytes);
	read_settings(f);
	return f;
}

const char *
mosaic_folder_model(const MosaicFolder *f)
{
	return f->model;
}

static ArrayType *
labels_of(const MosaicFolder *f)
{
	int			n = mosaic_folder_label_count(f->settings);
	Datum	   *labels = palloc(Max(n, 1) * sizeof *labels);

	for (int i = 0; i < n; i++)
	{
		size_t		len;
		const char *label = mosaic_folder_label(f->settings, i, &len);
		char	   *converted = pg_any_to_server(label, (int) len, PG_UTF8);

		labels[i] = PointerGetDatum(cstring_to_text_with_len(converted, converted == label ? (int) len : (int) strlen(converted)));
	}
	return construct_array(labels, n, TEXTOID, -1, false, TYPALIGN_INT);
}

void
mosaic_apply_folder(const MosaicFolder *f, const char *name)
{
	const char *pooling = mosaic_folder_pooling(f->settings);

	if (f->tokenizer)
		mosaic_set_tokenizer(name, f->tokenizer, f->tokenizer_bytes, mosaic_folder_max_tokens(f->settings), true);
	if (pooling || mosaic_folder_normalizes(f->settings))
		mosaic_set_pooling(name, pooling ? pooling : "mean", mosaic_folder_normalizes(f->settings));
	if (mosaic_folder_label_count(f->settings) > 0)
		mosaic_offer_labels(name, labels_of(f));
	if (mosaic_folder_has_dense(f->settings))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("folder \"%s\" has a dense layer behind the pooling, which embed() leaves out", f->path),
				 errhint("Export the model with that layer, as its output sentence_embedding.")));
}
