#!/usr/bin/env bash
# import.sh: import of a model: time against the size of the store, rate against plain COPY, peak memory
#
# The same model of 1 MB is imported into a store of 0, 10 k and 100 k other blocks, by turns; then a model
# of 400 MB from a server file, against COPY of the same bytes into a bytea table in pieces of a block.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ROUNDS=15 LARGE="[ matmul => 8192, 8192 ], [ gemm => 8192, 4096 ]" LARGE_ROUNDS=3
if [ "${1:-}" = --quick ]; then
  ROUNDS=3 LARGE="[ matmul => 2048, 2048 ]" LARGE_ROUNDS=1
fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD $PACKAGES_TEST
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"; as_worker rm -rf "$DIR/models"' EXIT
as_worker mkdir -p "$DIR/models"

# write_model FILE SEED LAYERS
write_model() {
  as_worker env MOSAIC_TEST_DATA="$TREE/test/data" TESTDIR="$DIR/models" \
    perl -I "$($PGBIN/pg_config --pkglibdir)/pgxs/src/test/perl" -I test/t -MMosaicTest \
    -e "write_model('$DIR/models/$1', $2, $3)" >/dev/null 2>&1 ||
    die "the model $1 could not be written" "is libipc-run-perl installed?"
}
sql() { cluster_psql "$DIR" -qAt -d "$1" "${@:2}"; }
median() { sort -g | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2}'; }
ratio() { awk "BEGIN {printf \"%.3f\", $1 / ($2)}"; }
worker_pid() { sql "$1" -c "SELECT pid FROM pg_stat_activity WHERE datname = '$1' AND query LIKE '%import_model%' AND pid <> pg_backend_pid()"; }

headline "Stores of 0, 10 k and 100 k blocks"
for size in 0 10 100; do
  sql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS store_$size"
  sql postgres -c "CREATE DATABASE store_$size"
  sql "store_$size" -c "CREATE EXTENSION pg_mosaic; SELECT init_store(31)" >/dev/null
done
write_model filler_10.onnx 1 "[ matmul => 2048, 2496 ]"
write_model filler_100.onnx 2 "[ matmul => 4096, 2048 ], [ gemm => 2048, 5120 ], [ matmul => 5120, 6144 ]"
sql store_10 -c "SELECT import_model('filler', '$DIR/models/filler_10.onnx')" >/dev/null
sql store_100 -c "SELECT import_model('filler', '$DIR/models/filler_100.onnx')" >/dev/null
for size in 0 10 100; do
  say "  $(sql store_$size -c 'SELECT count(*) FROM mosaic.block') blocks"
  sql store_$size -c "VACUUM" # the fillers' hint bits
done

# One session for each round: a warm-up, then what is measured.
small="$TREE/test/data/models/fashion_base.onnx"
for ((round = 0; round < ROUNDS; round++)); do
  for size in 0 10 100; do
    cluster_psql "$DIR" -qAt -d "store_$size" <<SQL >"$TREE/build/logs/import_round"
SELECT seconds FROM import_model('warm', '$small') \\g /dev/null
SELECT drop_model('warm') \\g /dev/null
VACUUM (INDEX_CLEANUP on) mosaic.block;
VACUUM (INDEX_CLEANUP on) mosaic.block_meta;
SELECT 1000 * seconds FROM import_model('small', '$small');
SELECT 1000 * seconds FROM import_model('copy', '$small');
SELECT clock_timestamp() AS start \\gset
SELECT drop_model('copy') \\g /dev/null
SELECT drop_model('small') \\g /dev/null
SELECT 1000 * extract(epoch FROM clock_timestamp() - :'start');
SQL
    { read -r new; read -r shared; read -r drop; } <"$TREE/build/logs/import_round"
    times[size]+="$new " shared_times[size]+="$shared " drop_times[size]+="$drop "
  done
done
for size in 0 10 100; do
  new[size]=$(tr ' ' '\n' <<<"${times[size]% }" | median)
  shared_new[size]=$(tr ' ' '\n' <<<"${shared_times[size]% }" | median)
  dropped[size]=$(tr ' ' '\n' <<<"${drop_times[size]% }" | median)
  say "  store of $size k blocks: import ${new[size]} ms, import of what is stored ${shared_new[size]} ms, two drops ${dropped[size]} ms (medians of $ROUNDS)"
done

headline "A large model, against COPY of the same bytes"
write_model large.onnx 3 "$LARGE"
bytes=$(stat -c %s "$DIR/models/large.onnx")
# Binary COPY: one bytea column of 4032 bytes a row, as many bytes as the model has.
as_worker perl -e '
  open my $in, "<:raw", $ARGV[0] or die; open my $out, ">:raw", $ARGV[1] or die;
  print $out "PGCOPY\n\xff\r\n\0", pack("NN", 0, 0);
  while (my $n = read $in, my $piece, 4032) { print $out pack("nN", 1, $n), $piece }
  print $out pack("n", 0xffff)' "$DIR/models/large.onnx" "$DIR/models/large.copy"
sql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS large"
sql postgres -c "CREATE DATABASE large"
sql large -c "CREATE EXTENSION pg_mosaic; CREATE TABLE plain (data bytea); ALTER TABLE plain ALTER data SET STORAGE PLAIN"
# peak_import: seconds of an import, and the peak of the backend's anonymous memory above its start, in MB
peak_import() {
  local pid base peak=0 now
  cluster_psql "$DIR" -qAt -d large <<SQL >"$TREE/build/logs/import_large" &
SELECT pg_sleep(0.3) /* import_model */ \\g /dev/null
SELECT seconds FROM import_model('large', '$DIR/models/large.onnx');
SQL
  sleep 0.15
  pid=$(worker_pid large)
  base=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status")
  while now=$(awk '/^RssAnon/ {print $2}' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    peak=$((now > peak ? now : peak))
    sleep 0.01
  done
  wait
  PEAK=$(ratio "$((peak - base))" 1000)
  SECONDS_LARGE=$(cat "$TREE/build/logs/import_large")
}
imports='' copies='' peaks=''
for ((round = 0; round < LARGE_ROUNDS; round++)); do
  sql large -c "CHECKPOINT"
  peak_import
  imports+="$SECONDS_LARGE " peaks+="$PEAK "
  sql large -c "SELECT drop_model('large')" >/dev/null
  sql large -c "VACUUM"
  sql large -c "CHECKPOINT"
  copies+="$(cluster_psql "$DIR" -qAt -d large <<SQL
SELECT clock_timestamp() AS start \\gset
COPY plain FROM '$DIR/models/large.copy' (FORMAT binary);
SELECT extract(epoch FROM clock_timestamp() - :'start');
SQL
  ) "
  sql large -c "TRUNCATE plain"
done
import_s=$(tr ' ' '\n' <<<"${imports% }" | median)
copy_s=$(tr ' ' '\n' <<<"${copies% }" | median)
peak=$(tr ' ' '\n' <<<"${peaks% }" | sort -g | tail -n 1)
import_rate=$(ratio "$bytes" "$import_s * 1e6") copy_rate=$(ratio "$bytes" "$copy_s * 1e6")
say "  import: $import_s s, $import_rate MB/s, peak memory $peak MB; COPY: $copy_s s, $copy_rate MB/s"
for size in 0 10 100; do sql postgres -c "DROP DATABASE store_$size"; done
sql postgres -c "DROP DATABASE large"

"$TREE/tools/bench_report.py" import "import_0_ms=${new[0]}" "import_10k_ms=${new[10]}" "import_100k_ms=${new[100]}" \
  "shared_import_0_ms=${shared_new[0]}" "shared_import_100k_ms=${shared_new[100]}" \
  "drop_0_ms=${dropped[0]}" "drop_100k_ms=${dropped[100]}" \
  "large_mb=$(ratio "$bytes" 1e6)" "large_import_mb_s=$import_rate" "copy_mb_s=$copy_rate" \
  "target:import_10k_ratio=$(ratio "${new[10]}" "${new[0]}")<=1.3" "target:import_100k_ratio=$(ratio "${new[100]}" "${new[0]}")<=1.3" \
  "target:peak_mb=$peak<=150"
