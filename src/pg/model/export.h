/*
 * export.h
 *		A stored model as the bytes of an ONNX file.
 */
#ifndef MOSAIC_EXPORT_H
#define MOSAIC_EXPORT_H

#include "access/htup.h"

typedef struct MosaicExportJob MosaicExportJob;

/*
 * The model or version of this name, ready to be written; in the current context.  Errors: 42704, 42501 where the
 * current role does not own it, 54000 beyond 2 GB, XX001.
 */
extern MosaicExportJob *mosaic_open_export(const char *name);

extern HeapTuple mosaic_export_row(const MosaicExportJob *job);

typedef void (*MosaicExportSink) (void *arg, const void *data, size_t len);

/* Gives the file to sink, piece by piece.  Interruptible; once. */
extern void mosaic_write_export(MosaicExportJob *job, MosaicExportSink sink, void *arg);

#endif
