/*
 * source.c
 *		Where the bytes of a model come from: a server file, a bytea, a large object.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"

#include "source.h"

struct MosaicHostSource
{
	MosaicSource callbacks;
	MemoryContext cxt;			/* where kept errors live */
	ErrorData  *error;			/* kept by a callback, or NULL */
	MosaicHostSource *main;		/* the model file of an external data file, else itself */
	List	   *externals;		/* of the main source: its external data files */

	const char *memory;
	int			fd;				/* -1 where it is no file */
	char	   *path;
	Oid			loid;
	int			lo;				/* its descriptor, -1 where it is none */
};

static int	open_external(void *ctx, const char *location, MosaicSource *out);

static MosaicHostSource *
new_source(int (*read) (void *, uint64_t, size_t, void *))
{
	MosaicHostSource *s = palloc0(sizeof *s);

	s->callbacks.ctx = s;
	s->callbacks.read = read;
	s->cxt = CurrentMemoryContext;
	s->main = s;
	s->fd = -1;
	s->lo = -1;
	return s;
}

/* ---- files ---- */

/* May raise errors: called under keep_error() where the core is on the stack. */
static void
read_file_part(MosaicHostSource *s, uint64_t off, size_t len, char *buf)
{
	while (len > 0)
	{
		ssize_t		n = pread(s->fd, buf, len, (off_t) off);

		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", s->path)));
		else if (n == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("file \"%s\" became shorter while it was imported", s->path)));
		buf += n;
		off += n;
		len -= n;
		CHECK_FOR_INTERRUPTS();
	}
}

void
mosaic_cannot_open(const char *path)
{
	bool		wrong_place = errno == ENOENT || errno == EACCES;

	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not open file \"%s\" for reading: %m", path),
			 wrong_place ?
			 errhint("The path is one of the server's, read as the operating-system user that runs it. "
					 "For a file of the client's pass its bytes, or where a large object is taken use psql's \\lo_import.") : 0));
}

static void
open_file(MosaicHostSource *s, const char *path)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	s->fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (s->fd < 0)
		mosaic_cannot_open(path);
	if (fstat(s->fd, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", path)));
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));
	s->path = pstrdup(path);
	s->callbacks.size = (uint64_t) st.st_size;
}

/* ---- large objects ---- */

static void
read_large_object_part(MosaicHostSource *s, uint64_t off, size_t len, char *buf)
{
	DirectFunctionCall3(be_lo_lseek64, Int32GetDatum(s->lo), Int64GetDatum((int64) off),
						Int32GetDatum(SEEK_SET));
	while (len > 0)
	{
		int			n = lo_read(s->lo, buf, (int) Min(len, 1 << 20));

		if (n <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
					 errmsg("large object %u became shorter while it was imported", s->loid)));
		buf += n;
		len -= n;
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- the boundary: errors are carried out as data ---- */

/* Keeps the error being handled.  REQUIRES: in PG_CATCH. */
static void
keep_error(MosaicHostSource *s)
{
	MemoryContextSwitchTo(s->main->cxt);
	s->main->error = CopyErrorData();
	FlushErrorState();
}

bool
mosaic_source_guard(MosaicHostSource *s, void (*fn) (void *arg), void *arg)
{
	MemoryContext saved = CurrentMemoryContext;
	volatile bool ok = true;

	PG_TRY();
	{
		fn(arg);
	}
	PG_CATCH();
	{
		keep_error(s);
		ok = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(saved);
	return ok;
}

typedef struct PartRead
{
	MosaicHostSource *source;
	uint64		off;
	size_t		len;
	void	   *buf;
} PartRead;

static void
read_part(void *arg)
{
	PartRead   *r = arg;
	MosaicHostSource *s = r->source;

	if (s->lo >= 0)
		read_large_object_part(s, r->off, r->len, r->buf);
	else if (s->fd >= 0)
		read_file_part(s, r->off, r->len, r->buf);
	else
	{
		memcpy(r->buf, s->memory + r->off, r->len);
		CHECK_FOR_INTERRUPTS();
	}
}

static int
read_guarded(void *ctx, uint64_t off, size_t len, void *buf)
{
	PartRead	r = {.source = ctx,.off = off,.len = len,.buf = buf};

	return mosaic_source_guard(r.source, read_part, &r) ? 0 : 1;
}

MosaicHostSource *
mosaic_source_memory(const void *data, size_t len)
{
	MosaicHostSource *s = new_source(read_guarded);

	s->memory = data;
	s->callbacks.size = len;
	return s;
}

void
mosaic_source_join(MosaicHostSource *s, MosaicHostSource *other)
{
	other->main = s;
	s->externals = lappend(s->externals, other);
}

/* The path of an open file or folder without symbolic links: what was opened, whatever has its name since. */
static char *
path_of(int fd, const char *name)
{
	char	   *link = psprintf("/proc/self/fd/%d", fd);
	char	   *path = palloc(PATH_MAX);
	ssize_t		n = readlink(link, path, PATH_MAX - 1);

	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find out where file \"%s\" lies: %m", name)));
	path[n] = '\0';
	return path;
}

/* The folder of a path, with the slash at its end. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? pnstrdup(path, slash - path + 1) : pstrdup("./");
}

static char *
resolve_folder(const char *folder)
{
	int			fd = OpenTransientFile(folder, O_RDONLY | O_DIRECTORY);
	char	   *path;

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not open directory \"%s\": %m", folder)));
	path = psprintf("%s/", path_of(fd, folder));
	CloseTransientFile(fd);
	return path;
}

static bool
starts_with(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

/* Hugging Face's cache: what REPOSITORY/snapshots/REVISION/... links to lies in REPOSITORY/blobs. */
static bool
is_blob_of(const char *path, const char *folder)
{
	const char *snapshots = NULL;

	for (const char *p = folder; (p = strstr(p, "/snapshots/")) != NULL; p++)
		snapshots = p;
	return snapshots != NULL &&
		strcmp(folder_of(path), psprintf("%.*s/blobs/", (int) (snapshots - folder), folder)) == 0;
}

/*
 * External data lies in the folder of the model, so that a model cannot name files elsewhere.  The
 * core has checked that location is relative and has no ".."; where links have led is asked of what
 * was opened.
 */
static void
open_external_file(MosaicHostSource *model, const char *location, MosaicSource *out)
{
	MosaicHostSource *s = new_source(read_guarded);
	char	   *folder = folder_of(model->path);
	char	   *named,
			   *own,
			   *found;

	s->main = model;
	open_file(s, psprintf("%s%s", folder, location));
	found = path_of(s->fd, s->path);
	named = resolve_folder(folder);
	own = folder_of(path_of(model->fd, model->path));
	if (!starts_with(found, named) && !starts_with(found, own) && !is_blob_of(found, named))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("external data file \"%s\" is not in the folder of its model", s->path),
				 errdetail("Symbolic links lead to \"%s\".", found),
				 errhint("Put a copy of the file itself beside the model: cp -L follows links.")));
	model->externals = lappend(model->externals, s);
	*out = s->callbacks;
}

typedef struct ExternalOpening
{
	MosaicHostSource *model;
	const char *location;
	MosaicSource *out;
} ExternalOpening;

static void
open_named(void *arg)
{
	ExternalOpening *o = arg;

	MemoryContextSwitchTo(o->model->cxt);
	open_external_file(o->model, o->location, o->out);
}

static int
open_external(void *ctx, const char *location, MosaicSource *out)
{
	ExternalOpening o = {.model = ctx,.location = location,.out = out};

	return mosaic_source_guard(o.model, open_named, &o) ? 0 : 1;
}

void
mosaic_check_server_files(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file of the server"),
				 errdetail("Only roles with privileges of the role \"%s\" may do so.", "pg_read_server_files"),
				 errhint("Without them pass the bytes, or to import_model(), import_adapter(), check_model() a large object, as of psql's \\lo_import.")));
}

MosaicHostSource *
mosaic_source_file(const char *path)
{
	MosaicHostSource *s;

	mosaic_check_server_files();
	s = new_source(read_guarded);
	open_file(s, path);
	s->callbacks.open_external = open_external;
	return s;
}

char *
mosaic_read_server_file(const char *path, Size max, Size *len)
{
	MosaicHostSource *s = mosaic_source_file(path);
	char	   *content;

	if (s->callbacks.size > max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" has " UINT64_FORMAT " bytes, at most %zu are allowed", path, s->callbacks.size, max)));
	*len = s->callbacks.size;
	content = palloc(*len + 1);
	read_file_part(s, 0, *len, content);
	content[*len] = '\0';
	mosaic_source_close(s);
	return content;
}

MosaicHostSource *
mosaic_source_large_object(Oid loid)
{
	MosaicHostSource *s = new_source(read_guarded);

	s->loid = loid;
	s->lo = DatumGetInt32(DirectFunctionCall2(be_lo_open, ObjectIdGetDatum(loid), Int32GetDatum(INV_READ)));
	s->callbacks.size = (uint64_t) DatumGetInt64(DirectFunctionCall3(be_lo_lseek64, Int32GetDatum(s->lo),
																	 Int64GetDatum(0), Int32GetDatum(SEEK_END)));
	return s;
}

const MosaicSource *
mosaic_source_callbacks(MosaicHostSource *s)
{
	return &s->callbacks;
}

void
mosaic_source_rethrow(MosaicHostSource *s)
{
	if (s->error == NULL)
		elog(ERROR, "a callback failed without an error");
	ReThrowError(s->error);
	pg_unreachable();
}

void
mosaic_source_close(MosaicHostSource *s)
{
	ListCell   *lc;

	foreach(lc, s->externals)
		mosaic_source_close(lfirst(lc));
	if (s->fd >= 0)
		CloseTransientFile(s->fd);
	if (s->lo >= 0)
		DirectFunctionCall1(be_lo_close, Int32GetDatum(s->lo));
}
