#!/usr/bin/env bash
# record.sh BUILD: makes VERSION/ here, a store of the release that was built in BUILD (for PostgreSQL 15), as the tests of later
# versions want it. Once for each release, with its own module. Not as root.
#
#   VERSION/dump.sql.xz   pg_dump of it, for every PostgreSQL
#   VERSION/data.tar.xz   its data folder (without settings and WAL; only the database postgres, cut down to what a server needs)
#   VERSION/recorded      what contents.sql prints there
set -Eeuo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' "$build/CMakeCache.txt")
bin=$("$(sed -n 's/^PG_CONFIG:.*=//p' "$build/CMakeCache.txt")" --bindir)
tmp=$(mktemp -d)
trap '"$bin/pg_ctl" -D "$tmp/data" -m immediate stop 2>/dev/null || true; rm -rf "$tmp"' EXIT
out=$here/$version
mkdir "$out"

DESTDIR=$tmp/stage cmake --install "$build" >"$tmp/log"
"$bin/initdb" -D "$tmp/data" -U postgres --auth=trust --encoding=UTF8 --no-locale --wal-segsize=1 >>"$tmp/log"
"$bin/pg_ctl" -D "$tmp/data" -l "$tmp/log" -w \
  -o "-h '' -k '$tmp' -c extension_destdir='$tmp/stage' -c autovacuum=off -c fsync=off" start >>"$tmp/log"
psql() { "$bin/psql" -X -v ON_ERROR_STOP=1 -h "$tmp" -U postgres -d postgres "$@"; }
psql -q -v models="$here/../models" -f "$here/store.sql" >>"$tmp/log"
psql -q -At -f "$here/contents.sql" >"$out/recorded"
"$bin/pg_dump" -h "$tmp" -U postgres postgres | xz -9e >"$out/dump.sql.xz"
psql -q <<'SQL' 2>>"$tmp/log"
UPDATE pg_database SET datistemplate = false;
DROP DATABASE template0;
DROP DATABASE template1;
DROP SCHEMA information_schema CASCADE;
SET allow_system_table_mods = on;
TRUNCATE pg_statistic, pg_description;
DELETE FROM pg_collation WHERE collname NOT IN ('default', 'C', 'POSIX');
SELECT format('VACUUM FULL %s', oid::regclass) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace \gexec
SQL
"$bin/pg_ctl" -D "$tmp/data" -m fast stop >>"$tmp/log"
"$bin/pg_resetwal" -f "$tmp/data" >>"$tmp/log"
tar -C "$tmp/data" --exclude='*.conf' --exclude=postmaster.opts --sort=name --owner=0 --group=0 -cf - . |
  xz -9e --lzma2=dict=64MiB >"$out/data.tar.xz"
ls -l "$out"
