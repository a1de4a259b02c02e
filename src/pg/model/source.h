/*
 * source.h
 *		Where the bytes of a model come from: a server file, a bytea, a large object.
 *
 * The callbacks of a MosaicSource must not longjmp; what went wrong in one is
 * kept and raised by mosaic_source_rethrow() once the core has returned.
 */
#ifndef MOSAIC_SOURCE_H
#define MOSAIC_SOURCE_H

#include "compat.h"
#include "mosaic/capi.h"

typedef struct MosaicHostSource MosaicHostSource;

/* An error (42501) unless the current role has pg_read_server_files. */
extern void mosaic_check_server_files(void);
/* The error for a file of the server that open() or stat() has just refused. */
pg_noreturn extern void mosaic_cannot_open(const char *path);

/* A file of the server; checks pg_read_server_files.  External data must lie in its folder. */
extern MosaicHostSource *mosaic_source_file(const char *path);
/*
 * A file of the server, whole, in the current context, with a zero behind it; checked as above.  54000 where
 * it has more than max bytes.
 */
extern char *mosaic_read_server_file(const char *path, Size max, Size *len);
/* Memory, which must outlive the source. */
extern MosaicHostSource *mosaic_source_memory(const void *data, size_t len);
/* A large object; checks SELECT on it. */
extern MosaicHostSource *mosaic_source_large_object(Oid loid);

/* Another source that is read with this one: errors of its callbacks are kept in this one, with which it is closed. */
extern void mosaic_source_join(MosaicHostSource *source, MosaicHostSource *other);
/* Calls fn from a callback of the core; false where it raised an error, which is kept. */
extern bool mosaic_source_guard(MosaicHostSource *source, void (*fn) (void *arg), void *arg);

extern const MosaicSource *mosaic_source_callbacks(MosaicHostSource *source);
/* Raises the error that a callback kept (after MOSAIC_E_HOST). */
pg_noreturn extern void mosaic_source_rethrow(MosaicHostSource *source);
extern void mosaic_source_close(MosaicHostSource *source);

#endif
