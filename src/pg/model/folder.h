/*
 * folder.h
 *		A model as Hugging Face lays it out: a folder with model.onnx (or onnx/model.onnx),
 *		its tokenizer, and what else is known of it in JSON files.
 */
#ifndef MOSAIC_FOLDER_H
#define MOSAIC_FOLDER_H

typedef struct MosaicFolder MosaicFolder;

/*
 * The folder at path, in the current context; NULL where that is none.  Checks pg_read_server_files (42501); an
 * error where there is no model in it (58P01), or a file is not what its name says.
 */
extern MosaicFolder *mosaic_open_folder(const char *path);

/* The path of the model in it. */
extern const char *mosaic_folder_model(const MosaicFolder *folder);

/*
 * Gives a model, which was imported from it in this transaction, what the folder has: tokenizer, labels (where they
 * are as many as its classes), pooling.  What it has not stays as it is.
 */
extern void mosaic_apply_folder(const MosaicFolder *folder, const char *name);

#endif
