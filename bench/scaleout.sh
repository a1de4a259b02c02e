#!/usr/bin/env bash
# scaleout.sh: one table over 1, 2 and 3 servers of this machine by postgres_fdw: rows a second, bytes over the wire
#
# Models come to the second and third server by logical replication (docs/scale_out.md). Each server predicts its part of the
# rows with the Fashion-MNIST model; the first asks all of them. Three ways: classes counted on each server, classes as a
# column of a view there, and features fetched and predicted by the first. Bytes: of the messages DataRow of PostgreSQL's
# protocol in its text format, as postgres_fdw asks for it: 7 for a row, 4 for a column and its text.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ROWS=60000 RUNS=3
[ "${1:-}" != --quick ] || ROWS=3000 RUNS=1

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD
prepare_tree release bench
build_release pg_mosaic sql_script
SERVERS="1 2 3"
dir() { printf %s "$TREE/build/bench/scaleout_$1"; }
# on SERVER ARGUMENT...: psql in its database
on() { local server=$1; shift; cluster_psql "$(dir "$server")" -qAt -d scaleout "$@"; }
stop() { local n; for n in $SERVERS; do [ ! -d "$(dir "$n")/data" ] || cluster_stop "$(dir "$n")"; done; }

for n in $SERVERS; do
  headline "Starting server $n in $(dir "$n")"
  cluster_stop "$(dir "$n")" # slots and subscriptions of a run that was broken off go with their servers
  as_worker rm -rf "$(dir "$n")"
  cluster_start "$(dir "$n")" "autovacuum = off" "max_wal_size = 4GB" "jit = off" "wal_level = logical" "shared_buffers = 512MB"
  trap stop EXIT
done
for n in $SERVERS; do
  cluster_psql "$(dir "$n")" -q -d postgres -c "CREATE DATABASE scaleout"
  on "$n" -c "CREATE EXTENSION pg_mosaic" -c "CREATE EXTENSION postgres_fdw"
done
headline "Models by logical replication, $ROWS rows on each server"
on 1 -c "SELECT import_model('fashion', '$TREE/test/data/models/fashion_base.onnx')" -c "CREATE PUBLICATION models FOR TABLES IN SCHEMA mosaic" >/dev/null
for n in $SERVERS; do
  on "$n" <<SQL
CREATE TABLE images AS SELECT i AS id, (SELECT array_agg(((i * j) % 251)::real) FROM generate_series(1, 784) j) AS f FROM generate_series(1, $ROWS) i;
VACUUM (ANALYZE, FREEZE) images;
SQL
  on 1 -c "CREATE SERVER s$n FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$(cluster_socket "$(dir "$n")")', dbname 'scaleout', async_capable 'true', fetch_size '10000')" \
    -c "CREATE USER MAPPING FOR CURRENT_USER SERVER s$n"
  [ "$n" = 1 ] || on "$n" -c "SET client_min_messages = warning" \
    -c "CREATE SUBSCRIPTION models_$n CONNECTION 'host=$(cluster_socket "$(dir 1)") dbname=scaleout user=postgres' PUBLICATION models"
done
for n in 2 3; do
  for _ in $(seq 300); do
    [ "$(on "$n" -c "SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel")" != t ] || break
    sleep 0.2
  done
done
WHOLE=$(on 1 -c "SELECT md5(string_agg(concat_ws(' ', id, predict_class('fashion', f)), ',' ORDER BY id)) FROM images")

# spread N: the rows over the first N servers
spread() {
  local n
  on 1 -c "SET client_min_messages = error" -c "DROP TABLE IF EXISTS scores" -c "CREATE TABLE scores (part int, id int, f real[], class int) PARTITION BY LIST (part)"
  for ((n = 1; n <= $1; n++)); do
    on "$n" -c "CREATE OR REPLACE VIEW scored AS SELECT $n AS part, id, f, predict_class('fashion', f) AS class FROM images WHERE id % $1 = $n - 1"
    on 1 -c "CREATE FOREIGN TABLE scores_$n PARTITION OF scores FOR VALUES IN ($n) SERVER s$n OPTIONS (table_name 'scored')"
  done
}

# best QUERY: seconds, of RUNS
best() {
  local run begin end best=999999
  for ((run = 0; run <= RUNS; run++)); do # the first one warms
    begin=$(date +%s%N)
    on 1 -c "SET enable_partitionwise_aggregate = on" -c "$1" >/dev/null
    end=$(date +%s%N)
    [ "$run" = 0 ] || best=$(awk "BEGIN { t = ($end - $begin) / 1e9; print t < $best ? t : $best }")
  done
  printf %s "$best"
}

FIGURES=(rows="$ROWS")
COUNTED="SELECT part, class, count(*) FROM scores GROUP BY 1, 2"
COLUMN="SELECT id, class FROM scores"
FETCHED="SELECT id, predict_class('fashion', f) FROM scores"
# What a row of each is in bytes
BYTES="SELECT sum(7 + 3 * 4 + octet_length(concat(part, class, n))) FROM (SELECT part, class, count(*) AS n FROM scores GROUP BY 1, 2) x
  UNION ALL SELECT sum(7 + 2 * 4 + octet_length(concat(id, class))) FROM scores
  UNION ALL SELECT sum(7 + 2 * 4 + octet_length(id::text) + octet_length(f::text)) FROM scores"
headline "Rows a second; MB over the wire"
printf '  %-8s %14s %14s %14s\n' servers "counted there" "a column" "features here"
for n in $SERVERS; do
  spread "$n"
  [ "$(on 1 -c "SELECT md5(string_agg(concat_ws(' ', id, class), ',' ORDER BY id)) FROM scores")" = "$WHOLE" ] ||
    die "$n servers do not answer as one" "this is a bug"
  line=$n
  for way in COUNTED COLUMN FETCHED; do
    rate=$(awk "BEGIN { printf \"%.0f\", $ROWS / $(best "${!way}") }")
    FIGURES+=("${way,,}_$n=$rate")
    line+=" $rate"
  done
  # shellcheck disable=SC2086 # a list of numbers
  printf '  %-8s %14s %14s %14s\n' $line
done
mapfile -t bytes < <(on 1 -c "$BYTES")
for i in 0 1 2; do
  way=(counted column fetched)
  FIGURES+=("${way[i]}_mb=$(awk "BEGIN { printf \"%.3f\", ${bytes[i]} / 1e6 }")")
done
say "  MB over the wire: $(printf '%s ' "${FIGURES[@]: -3}")"
for n in 2 3; do on "$n" -c "SET client_min_messages = error" -c "DROP SUBSCRIPTION models_$n"; done
say
"$ROOT/tools/bench_report.py" scaleout "${FIGURES[@]}"
