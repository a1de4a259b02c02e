#!/bin/sh
# run_tap.sh DIR COMMAND...: runs a TAP test in DIR, without what a run before that failed left there.
set -e
dir=$1
shift
for pid in "$dir"/tmp_check/*/pgdata/postmaster.pid "$dir"/data/*/pgdata/postmaster.pid; do
  [ ! -e "$pid" ] || pg_ctl -D "${pid%/postmaster.pid}" -m immediate stop || true
done
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
status=0
"$@" || status=$?
# The data of a test that passed is of no use; its logs are kept.
[ "$status" != 0 ] || find "$dir"/tmp_check "$dir"/data -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf {} + 2>/dev/null || true
exit "$status"
