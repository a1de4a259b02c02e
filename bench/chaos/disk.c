/*
 * disk.c: a disk that runs full, and that loses what was not synced when the power fails (LD_PRELOAD).
 *
 * For the server only: files that are opened by a path relative to the data directory, or below $CHAOS_DATA.
 *
 * Full: while the file $CHAOS_CONTROL/full exists, nothing can become longer (ENOSPC).
 *
 * Power: before a file changes, what was there is appended to $CHAOS_CONTROL/undo/DEVICE-INODE; fsync() and
 * fdatasync() empty that file instead of waiting for a disk. Who kills all processes and then puts back what
 * these files hold (chaos.pl) has what a disk may have after a power failure: of each 4 KB written since
 * the last sync, either state. Names are kept: a file system's journal keeps their order, and the server
 * syncs folders. Only where $CHAOS_CONTROL/undo is there when a process opens the file.
 *
 * A record: offset, length, size of the file before (8 bytes each), then the bytes that were there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FD 65536

static unsigned char watched[MAX_FD];
static const char *control, *data;

static void
start(void)
{
	if (control)
		return;
	control = getenv("CHAOS_CONTROL");
	data = getenv("CHAOS_DATA");
	/* Copies: the server's title is written over its environment. */
	control = strdup(control ? control : "");
	data = data ? strdup(data) : NULL;
}

#define REAL(name) \
	static __typeof__(name) *real; \
	if (!real) \
		real = (__typeof__(name) *) dlsym(RTLD_NEXT, #name)

static int
is_of_server(const char *path)
{
	start();
	if (!*control || !data || strstr(path, "pgsql_tmp") || strstr(path, "postmaster.") || strstr(path, ".log"))
		return 0;
	return path[0] != '/' || strncmp(path, data, strlen(data)) == 0;
}

static int
full(void)
{
	char		path[PATH_MAX];

	snprintf(path, sizeof path, "%s/full", control);
	return access(path, F_OK) == 0;
}

/* ---- what was there ---- */

static int
plain_open(const char *path, int flags)
{
	static int	(*real) (const char *, int, ...);

	if (!real)
		real = (int (*) (const char *, int, ...)) dlsym(RTLD_NEXT, "open");
	return real(path, flags, 0600);
}

static ssize_t
plain_write(int fd, const void *buf, size_t n)
{
	REAL(write);
	return real(fd, buf, n);
}

/* The file's undo file, locked; -1 where there is none to be. */
static int
undo_open(int fd, struct stat *st)
{
	char		path[PATH_MAX];
	int			undo;

	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode) || st->st_nlink == 0)
		return -1;
	snprintf(path, sizeof path, "%s/undo/%lu-%lu", control, (unsigned long) st->st_dev, (unsigned long) st->st_ino);
	undo = plain_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC);
	if (undo >= 0)
	{
		flock(undo, LOCK_EX);
		fstat(fd, st);
	}
	return undo;
}

static void
undo_note(int fd, int undo, const struct stat *st, off_t off, size_t len)
{
	uint64_t	head[3];
	char	   *old;

	if (undo < 0)
		return;
	if (off >= st->st_size)
		len = 0;
	else if (off + (off_t) len > st->st_size)
		len = st->st_size - off;
	old = malloc(sizeof head + len);
	head[0] = off;
	head[1] = len;
	head[2] = st->st_size;
	memcpy(old, head, sizeof head);
	if (len > 0 && pread(fd, old + sizeof head, len, off) != (ssize_t) len)
		abort();
	if (plain_write(undo, old, sizeof head + len) != (ssize_t) (sizeof head + len))
		abort();
	free(old);
}

static void
undo_close(int undo)
{
	int			saved = errno;

	if (undo >= 0)
	{
		static int	(*real) (int);

		if (!real)
			real = (int (*) (int)) dlsym(RTLD_NEXT, "close");
		real(undo);
	}
	errno = saved;
}

/* A number may be used again: what is known of a file that goes is no longer true. */
static void
undo_forget(const char *path)
{
	struct stat st;
	char		undo[PATH_MAX];
	REAL(unlink);

	if (!is_of_server(path) || lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
		return;
	snprintf(undo, sizeof undo, "%s/undo/%lu-%lu", control, (unsigned long) st.st_dev, (unsigned long) st.st_ino);
	real(undo);
}

/* ---- files come and go ---- */

static void
watch(int fd, const char *path)
{
	if (fd >= 0 && fd < MAX_FD)
		watched[fd] = is_of_server(path);
}

static int
is_watched(int fd)
{
	return fd >= 0 && fd < MAX_FD && watched[fd];
}

int
open(const char *path, int flags, ...)
{
	static int	(*real) (const char *, int, ...);
	struct stat st;
	mode_t		mode = 0;
	int			fd;

	if (!real)
		real = (int (*) (const char *, int, ...)) dlsym(RTLD_NEXT, "open");
	if (flags & (O_CREAT | O_TMPFILE))
	{
		va_list		args;

		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if ((flags & O_TRUNC) && is_of_server(path) && stat(path, &st) == 0 && st.st_size > 0)
	{
		/* As a truncation, of which what was there is kept. */
		fd = open(path, (flags & ~O_TRUNC), mode);
		if (fd >= 0 && ftruncate(fd, 0) != 0)
			abort();
		return fd;
	}
	if ((flags & O_CREAT) && is_of_server(path) && full() && access(path, F_OK) != 0)
	{
		errno = ENOSPC;
		return -1;
	}
	fd = real(path, flags, mode);
	watch(fd, path);
	return fd;
}

int
close(int fd)
{
	REAL(close);
	if (fd >= 0 && fd < MAX_FD)
		watched[fd] = 0;
	return real(fd);
}

int
unlink(const char *path)
{
	REAL(unlink);
	undo_forget(path);
	return real(path);
}

int
rename(const char *from, const char *to)
{
	REAL(rename);
	undo_forget(to);
	return real(from, to);
}

/* ---- changes ---- */

static int
too_long(int fd, const struct stat *st, off_t end)
{
	(void) fd;
	return end > st->st_size && full();
}

ssize_t
pwrite(int fd, const void *buf, size_t n, off_t off)
{
	struct stat st;
	ssize_t		result;
	int			undo;
	REAL(pwrite);

	if (!is_watched(fd))
		return real(fd, buf, n, off);
	undo = undo_open(fd, &st);
	if (too_long(fd, &st, off + n))
	{
		undo_close(undo);
		errno = ENOSPC;
		return -1;
	}
	undo_note(fd, undo, &st, off, n);
	result = real(fd, buf, n, off);
	undo_close(undo);
	return result;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int count, off_t off)
{
	struct stat st;
	size_t		n = 0;
	ssize_t		result;
	int			undo;
	REAL(pwritev);

	if (!is_watched(fd))
		return real(fd, iov, count, off);
	for (int i = 0; i < count; i++)
		n += iov[i].iov_len;
	undo = undo_open(fd, &st);
	if (too_long(fd, &st, off + n))
	{
		undo_close(undo);
		errno = ENOSPC;
		return -1;
	}
	undo_note(fd, undo, &st, off, n);
	result = real(fd, iov, count, off);
	undo_close(undo);
	return result;
}

ssize_t
write(int fd, const void *buf, size_t n)
{
	struct stat st;
	ssize_t		result;
	off_t		off;
	int			undo;

	if (!is_watched(fd))
		return plain_write(fd, buf, n);
	undo = undo_open(fd, &st);
	off = fcntl(fd, F_GETFL) & O_APPEND ? st.st_size : lseek(fd, 0, SEEK_CUR);
	if (too_long(fd, &st, off + n))
	{
		undo_close(undo);
		errno = ENOSPC;
		return -1;
	}
	undo_note(fd, undo, &st, off, n);
	result = plain_write(fd, buf, n);
	undo_close(undo);
	return result;
}

int
ftruncate(int fd, off_t size)
{
	struct stat st;
	int			result,
				undo;
	REAL(ftruncate);

	if (!is_watched(fd))
		return real(fd, size);
	undo = undo_open(fd, &st);
	undo_note(fd, undo, &st, size, size < st.st_size ? st.st_size - size : 0);
	result = real(fd, size);
	undo_close(undo);
	return result;
}

int
truncate(const char *path, off_t size)
{
	int			fd = open(path, O_RDWR);
	int			result;

	if (fd < 0)
		return -1;
	result = ftruncate(fd, size);
	close(fd);
	return result;
}

int
posix_fallocate(int fd, off_t off, off_t len)
{
	struct stat st;
	int			result,
				undo;
	REAL(posix_fallocate);

	if (!is_watched(fd))
		return real(fd, off, len);
	undo = undo_open(fd, &st);
	if (too_long(fd, &st, off + len))
	{
		undo_close(undo);
		return ENOSPC;
	}
	undo_note(fd, undo, &st, st.st_size, 0);
	result = real(fd, off, len);
	undo_close(undo);
	return result;
}

/* ---- what is synced is there ---- */

static int
synced(int fd, int (*real) (int))
{
	struct stat st;
	char		path[PATH_MAX];
	int			undo;
	static int	(*cut) (int, off_t);

	if (!is_watched(fd))
		return real(fd);
	snprintf(path, sizeof path, "%s/undo", control);
	if (access(path, F_OK) != 0)
		return real(fd);
	undo = undo_open(fd, &st);
	if (undo < 0)
		return 0;
	if (!cut)
		cut = (int (*) (int, off_t)) dlsym(RTLD_NEXT, "ftruncate");
	if (cut(undo, 0) != 0)
		abort();
	undo_close(undo);
	return 0;
}

int
fsync(int fd)
{
	REAL(fsync);
	return synced(fd, real);
}

int
fdatasync(int fd)
{
	REAL(fdatasync);
	return synced(fd, real);
}
