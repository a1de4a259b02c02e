#!/usr/bin/env bash
# churn.sh: a store churned by 200 imports and drops: pages read and cold reads, before and after packing
#
# Pages read by every model against its minimum, and the time of the first prediction of single models
# with no block cached: neither by the server (restarted) nor by the operating system.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

IMPORTS=200 KEPT=24 WIDTH=1024 COLD_MODELS=5 SEED=${SEED:-1}
if [ "${1:-}" = --quick ]; then
  IMPORTS=40 KEPT=8 WIDTH=256 COLD_MODELS=2
fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-minimal
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"' EXIT
sql() { cluster_psql "$DIR" -qAt -d churn -c "$1"; }

HOW="posix_fadvise(DONTNEED) on every file of the cluster"
if { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null; then HOW=drop_caches; fi
# Forgets all pages of the database: those of the server, then those of the operating system.
go_cold() {
  sql CHECKPOINT
  cluster_stop "$DIR"
  sync
  if [ "$HOW" = drop_caches ]; then
    echo 3 >/proc/sys/vm/drop_caches
  else
    as_worker python3 - "$DIR/data" <<'PY'
import os, sys
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
PY
  fi
  as_worker $PGBIN/pg_ctl -D "$DIR/data" -l "$DIR/server.log" -w -t 60 start >/dev/null
}

# cold_read MODEL: milliseconds of its first prediction, and the pages of blocks that it read. Its plan is
# loaded before, without a block, by an input that does not fit.
cold_read() {
  go_cold
  cluster_psql "$DIR" -qAt -d churn 2>/dev/null <<SQL
SELECT predict_class('warm', 1, 2, 3, 4) \\g /dev/null
\\set ON_ERROR_STOP 0
SELECT predict('$1', '{1}'::real[]);
\\set ON_ERROR_STOP 1
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT heap_blks_read AS before FROM pg_statio_user_tables WHERE schemaname = 'mosaic' AND relname = 'block' \\gset
SELECT clock_timestamp() AS start \\gset
SELECT predict('$1', array_fill(0.5::real, '{$WIDTH}')) \\g /dev/null
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'start'), 2);
SELECT pg_stat_force_next_flush() \\g /dev/null
SELECT heap_blks_read - :before FROM pg_statio_user_tables WHERE schemaname = 'mosaic' AND relname = 'block';
SQL
}

# cold_reads NAME: sums over the chosen models, into NAME_ms and NAME_read.
cold_reads() {
  local model ms read sum_ms=0 sum_read=0
  for model in $MODELS; do
    { read -r ms; read -r read; } < <(cold_read "$model")
    say "  $model: $ms ms, $read pages"
    sum_ms=$(awk "BEGIN {print $sum_ms + $ms}") sum_read=$((sum_read + read))
  done
  printf -v "$1_ms" %s "$sum_ms"
  printf -v "$1_read" %s "$sum_read"
}

# measure NAME: sums over all models, into NAME_pages, NAME_runs and NAME_file.
measure() {
  local pages runs
  IFS='|' read -r pages MINIMUM runs < <(sql "SELECT sum(pages), sum(pages_minimum), sum(runs) FROM mosaic.model_pages")
  printf -v "$1_pages" %s "$pages"
  printf -v "$1_runs" %s "$runs"
  printf -v "$1_file" %s "$(sql "SELECT pages FROM mosaic.storage")"
}

headline "$IMPORTS imports of related models, $KEPT of them kept (seed $SEED)"
cluster_psql "$DIR" -qAt -d postgres -c "DROP DATABASE IF EXISTS churn" -c "CREATE DATABASE churn"
sql "CREATE EXTENSION pg_mosaic" >/dev/null
as_worker python3 bench/churn_store.py $IMPORTS $KEPT $WIDTH "$SEED" | cluster_psql "$DIR" -qAt -d churn >/dev/null
sql "SELECT import_model('warm', '$TREE/test/data/models/iris.onnx')" >/dev/null
sql "VACUUM"
sql "CREATE TABLE expected AS SELECT name, predict(name, array_fill(0.5::real, '{$WIDTH}')) AS p FROM mosaic.models WHERE name <> 'warm'"
MODELS=$(sql "SELECT name FROM expected ORDER BY md5(name) LIMIT $COLD_MODELS" | tr '\n' ' ')
measure churned
headline "Cold reads of the churned store"
cold_reads churned

headline "Packing"
pack_row="blocks_moved || ' ' || round(bytes_moved / 1e6) || ' ' || pages_after"
lsn=$(sql "SELECT pg_current_wal_lsn()") begin=$(date +%s%N)
read -r moved megabytes pages_after < <(sql "SELECT $pack_row FROM pack_models() WHERE model IS NULL")
pack_ms=$((($(date +%s%N) - begin) / 1000000))
wal=$(sql "SELECT round(pg_wal_lsn_diff(pg_current_wal_lsn(), '$lsn') / 1e6)")
say "  $moved blocks moved, $megabytes MB, in $pack_ms ms, $wal MB of WAL"
sql "VACUUM mosaic.block"
read -r moved_again _ < <(sql "SELECT $pack_row FROM pack_models() WHERE model IS NULL")
sql "VACUUM mosaic.block"
say "  $moved_again blocks moved a second time, after VACUUM, to give back the end of the file"
sql "VACUUM"
same=$(sql "SELECT bool_and(p = predict(name, array_fill(0.5::real, '{$WIDTH}'))) FROM expected")
[ "$same" = t ] || die "predictions are not the same after packing" "this is a bug"
problems=$(sql "SELECT count(*) FROM check_store()")
[ "$problems" = 0 ] || die "check_store() reports $problems problems after packing" "this is a bug"
measure packed
headline "Cold reads of the packed store"
cold_reads packed

ratio() { awk "BEGIN {printf \"%.3f\", $1 / $2}"; }
headline "Sums over $KEPT models, and cold reads of $COLD_MODELS of them (caches emptied by $HOW)"
row() { printf '  %-10s %10s %10s %10s %10s %12s %12s\n' "$@"; }
row "" "pages" "minimum" "runs" "file pages" "cold ms" "cold pages"
row churned "$churned_pages" "$MINIMUM" "$churned_runs" "$churned_file" "$churned_ms" "$churned_read"
row packed "$packed_pages" "$MINIMUM" "$packed_runs" "$packed_file" "$packed_ms" "$packed_read"
say
"$ROOT/tools/bench_report.py" churn imports=$IMPORTS models=$KEPT seed="$SEED" \
  churned_pages="$churned_pages" packed_pages="$packed_pages" minimum_pages="$MINIMUM" \
  churned_runs="$churned_runs" packed_runs="$packed_runs" churned_file_pages="$churned_file" \
  packed_file_pages="$packed_file" pages_needed="$pages_after" pack_ms=$pack_ms pack_moved_mb="$megabytes" pack_wal_mb="$wal" \
  churned_cold_ms="$churned_ms" packed_cold_ms="$packed_ms" caches="$HOW" \
  "target:pages_of_minimum=$(ratio "$packed_pages" "$MINIMUM")<=1.02" \
  "target:cold_speedup=$(ratio "$churned_ms" "$packed_ms")>=3"
