#!/usr/bin/env bash
# predict.sh: classes of 60,000 Fashion-MNIST images from SQL, batched, unbatched, and through PL/Python with PyTorch
#
# One thread each, by turns, medians. "read" only reads the arrays: what no way can avoid. PL/Python runs
# row by row (on a tenth of the rows) and in batches of 1024 from a cursor.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ROUNDS=5 ROWS=60000
if [ "${1:-}" = --quick ]; then
  ROUNDS=1 ROWS=6000
fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD $PACKAGES_DEMO postgresql-plpython3-15 python3-torch
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"' EXIT
sql() { cluster_psql "$DIR" -qAt -d predict "$@"; }
median() { sort -g | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2}'; }
ratio() { awk "BEGIN {printf \"%.2f\", $1 / ($2)}"; }

headline "Loading $ROWS images"
cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS predict"
cluster_psql "$DIR" -q -d postgres -c "CREATE DATABASE predict"
sql -c "CREATE TABLE images (id int, label int, x real[])"
python3 tools/fashion_mnist.py --split train --limit "$ROWS" | sql -c "\\copy images FROM pstdin"
sql -c "VACUUM (ANALYZE, FREEZE) images"
sql -v "data=$TREE/test/data" -f bench/predict.sql >/dev/null

# What each way runs; all but the first two tell how many images were classified rightly.
declare -A QUERY SETTINGS FACTOR TIMES RESULT
WAYS=(read_arrays batched unbatched torch_rows torch_batches two_processes)
QUERY[read_arrays]="SELECT count(x[1]) FROM images"
QUERY[batched]="SELECT count(*) FROM images WHERE predict_class('fashion', x) = label"
QUERY[unbatched]=${QUERY[batched]}
QUERY[two_processes]=${QUERY[batched]}
QUERY[torch_rows]="SELECT count(*) FROM images WHERE id <= $ROWS / 10 AND torch_class(x) = label"
QUERY[torch_batches]="SELECT count(*) FROM torch_classes('SELECT id, x FROM images') JOIN images USING (id) WHERE class = label"
SETTINGS[unbatched]="SET pg_mosaic.batch = off;"
SETTINGS[two_processes]="SET max_parallel_workers_per_gather = 1; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;"
FACTOR[torch_rows]=10

headline "Measuring, $ROUNDS rounds"
for ((round = 0; round < ROUNDS; round++)); do
  for way in "${WAYS[@]}"; do
    # The first run of a session loads what the way needs; the second is measured.
    result=$(cluster_psql "$DIR" -qAt -d predict <<SQL
SET max_parallel_workers_per_gather = 0;
SELECT torch_load('$TREE/test/data/models/fashion_base.onnx') \\g /dev/null
${SETTINGS[$way]:-}
${QUERY[$way]} \\g /dev/null
SELECT clock_timestamp() AS start \\gset
${QUERY[$way]};
SELECT 1000 * ${FACTOR[$way]:-1} * extract(epoch FROM clock_timestamp() - :'start');
SQL
    )
    { read -r RESULT[$way]; read -r time; } <<<"$result"
    TIMES[$way]+="$time "
  done
done
[ "${RESULT[batched]}" = "${RESULT[unbatched]}" ] && [ "${RESULT[batched]}" = "${RESULT[torch_batches]}" ] ||
  die "the ways disagree: ${RESULT[batched]}, ${RESULT[unbatched]}, ${RESULT[torch_batches]} images right"

declare -A MS
for way in "${WAYS[@]}"; do
  MS[$way]=$(tr ' ' '\n' <<<"${TIMES[$way]% }" | median)
  say "  $(printf '%-16s %9.1f ms   %5.1f us/row' "$way" "${MS[$way]}" "$(ratio "1000 * ${MS[$way]}" "$ROWS")")"
done
python3 tools/bench_report.py predict rows="$ROWS" right="${RESULT[batched]}" \
  read_arrays_ms="${MS[read_arrays]}" batched_ms="${MS[batched]}" unbatched_ms="${MS[unbatched]}" \
  torch_rows_ms="${MS[torch_rows]}" torch_batches_ms="${MS[torch_batches]}" two_processes_ms="${MS[two_processes]}" \
  unbatched_per_batched="$(ratio "${MS[unbatched]}" "${MS[batched]}")" \
  "target:torch_rows_per_batched=$(ratio "${MS[torch_rows]}" "${MS[batched]}")>=5" \
  "target:torch_batches_per_batched=$(ratio "${MS[torch_batches]}" "${MS[batched]}")>=5" \
  "target:speedup_of_two_processes=$(ratio "${MS[batched]}" "${MS[two_processes]}")>=1.7"
