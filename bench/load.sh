#!/usr/bin/env bash
# load: 200 connections predict single rows with models of 1 MB, in 16 MB of shared_buffers and in 512: what they wait for
#
#   tools/bench.sh load [--quick]
#
# pgbench, prepared statements, a model and a row at random: of 8 models, which fit in 16 MB, and of 24, which do not. What
# a page that is read again costs by itself, two connections tell, who are in nobody's way and use both cores too: 200 should pay no
# more for it. It is what a transaction takes more than in 512 MB, in seconds of a core, over the pages that it misses. "plain": the same
# with as many pages of a table, counted by ctid, so without us: what PostgreSQL itself makes of so many connections and so few buffers.
# Twice a second all sessions are asked what they wait for, but in the first three: each loads its catalogs then.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

CLIENTS=200 SECONDS_EACH=20 ROUNDS=2
if [ "${1:-}" = --quick ]; then SECONDS_EACH=5 ROUNDS=1; fi
MODELS=24
CORES=$(nproc)

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-numpy python3-onnx
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench/load
as_worker mkdir -p "$DIR"
trap 'cluster_stop "$DIR"' EXIT
sql() { cluster_psql "$DIR" -qAt -d postgres "$@"; }
server() { # SHARED_BUFFERS
  cluster_start "$DIR" "shared_buffers = $1" "max_connections = $((CLIENTS + 20))" "autovacuum = off" "jit = off" "max_wal_size = 4GB" >/dev/null
}

headline "Models and rows"
server 512MB
sql -c "SET client_min_messages = warning" -c "DROP EXTENSION IF EXISTS pg_mosaic CASCADE" -c "DROP TABLE IF EXISTS rows, plain" -c "CREATE EXTENSION pg_mosaic"
for ((i = 0; i < MODELS; i++)); do
  as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/model.onnx" "$i" 784 256 128 10
  sql -c "SELECT import_model('model_$i', '$DIR/model.onnx')" >/dev/null
done
sql -c "CREATE TABLE rows AS SELECT i AS id, (SELECT array_agg(sin(i * j))::real[] FROM generate_series(1, 784) j) AS x FROM generate_series(1, 1000) i" \
  -c "ALTER TABLE rows ADD PRIMARY KEY (id)" -c "VACUUM (ANALYZE, FREEZE)"
as_worker tee "$DIR/one.sql" >/dev/null <<'SQL'
\set model random(0, :models - 1)
\set row random(1, 1000)
SELECT predict_class('model_' || :model::int, x) FROM rows WHERE id = :row::int;
SQL

# 126 pages for each of so many models.
sql -c "CREATE TABLE plain WITH (fillfactor = 10) AS SELECT i AS id, repeat('x', 100) AS t FROM generate_series(1, $MODELS * 126 * 7) i" -c "VACUUM (ANALYZE, FREEZE) plain"
as_worker tee "$DIR/plain.sql" >/dev/null <<'SQL'
\set model random(0, :models - 1)
SELECT count(*) FROM plain WHERE ctid >= format('(%s,0)', :model::int * 126)::tid AND ctid < format('(%s,0)', :model::int * 126 + 126)::tid;
SQL

# what_they_wait_for: a line for each kind of wait, counted by sessions, until the file $DIR/stop is there
what_they_wait_for() {
  sleep 3
  until [ -e "$DIR/stop" ]; do
    sql -c "SELECT coalesce(wait_event_type || ':' || wait_event, 'running') FROM pg_stat_activity
            WHERE state = 'active' AND query LIKE '%predict_class%' AND pid <> pg_backend_pid()"
    sleep 0.5
  done
}

# run SHARED_BUFFERS MODELS CLIENTS: its transactions a second, the part of pages that were there, and the others, for each transaction;
# the waits in $DIR/waits
run() {
  local pid tps
  server "$1"
  as_worker rm -f "$DIR/stop"
  what_they_wait_for >"$DIR/waits" &
  pid=$!
  tps=$(as_worker "$PGBIN/pgbench" -h "$(cluster_socket "$DIR")" -U postgres -n -M prepared -c "$3" -j 2 -T "$SECONDS_EACH" \
    -D models="$2" -f "$DIR/one.sql" postgres | sed -n 's/^tps = \([0-9.]*\) .*/\1/p')
  touch "$DIR/stop"
  wait "$pid"
  say "$tps $(sql -F ' ' -c "SELECT round(sum(hits)::numeric / sum(hits + reads), 3), round(sum(reads)::numeric / sum(calls), 2) FROM mosaic.stat_models")"
}

# run_plain SHARED_BUFFERS CLIENTS: the same of plain pages
run_plain() {
  local tps
  server "$1"
  sql -c "SELECT pg_stat_reset()" >/dev/null
  tps=$(as_worker "$PGBIN/pgbench" -h "$(cluster_socket "$DIR")" -U postgres -n -M prepared -c "$2" -j 2 -T "$SECONDS_EACH" \
    -D models="$MODELS" -f "$DIR/plain.sql" postgres | sed -n 's/^tps = \([0-9.]*\) .*/\1/p')
  sleep 2 # the last sessions report
  say "$tps $(sql -F ' ' -c "SELECT round(heap_blks_hit::numeric / (heap_blks_hit + heap_blks_read), 3), round(126.0 * heap_blks_read / (heap_blks_hit + heap_blks_read), 2)
    FROM pg_statio_user_tables WHERE relname = 'plain'")"
}

headline "$CLIENTS connections, and two"
printf '%-15s %6s %8s %8s %9s  %s\n' shared_buffers models clients tps hits "what sessions were seen doing"
declare -A RATES HITS MISSES # of the best round
LOCKS=0
for ((round = 0; round < ROUNDS; round++)); do
  for shape in "8 $CLIENTS" "$MODELS $CLIENTS" "$MODELS 2"; do
    read -r models clients <<<"$shape"
    for memory in 16MB 512MB; do
      key=$memory.$models.$clients
      read -r tps hits misses < <(run "$memory" "$models" "$clients")
      seen=$(wc -l <"$DIR/waits")
      waits=$(sort "$DIR/waits" | uniq -c | sort -rn | head -n 5 | awk -v n="$seen" '{printf "%s %.0f %%  ", $2, 100 * $1 / n}')
      printf '%-15s %6d %8d %8.0f %9.3f  %s\n' "$memory" "$models" "$clients" "$tps" "$hits" "$waits"
      LOCKS=$(awk -v n="$seen" -v most="$LOCKS" '/^LWLock:LockManager/ {k++} END {m = n > 0 ? k / n : 0; printf "%.3f", (m > most ? m : most)}' "$DIR/waits")
      if awk "BEGIN {exit !($tps > ${RATES[$key]:-0})}"; then RATES[$key]=$tps HITS[$key]=$hits MISSES[$key]=$misses; fi
    done
  done
  for clients in $CLIENTS 2; do
    for memory in 16MB 512MB; do
      key=$memory.plain.$clients
      read -r tps hits misses < <(run_plain "$memory" "$clients")
      printf '%-15s %6s %8d %8.0f %9.3f\n' "$memory" plain "$clients" "$tps" "$hits"
      if awk "BEGIN {exit !($tps > ${RATES[$key]:-0})}"; then RATES[$key]=$tps HITS[$key]=$hits MISSES[$key]=$misses; fi
    done
  done
done
# ratio MODELS CLIENTS: what 16 MB leave of the transactions
ratio() { awk "BEGIN {printf \"%.3f\", ${RATES[16MB.$1.$2]} / ${RATES[512MB.$1.$2]}}"; }
# cost MODELS CLIENTS: microseconds of a core for a page that is read again; 0 where none is, or it makes nothing slower
cost() {
  awk "BEGIN {m = ${MISSES[16MB.$1.$2]} - ${MISSES[512MB.$1.$2]}; s = 1 / ${RATES[16MB.$1.$2]} - 1 / ${RATES[512MB.$1.$2]}
    printf \"%.2f\", (m > 0 && s > 0 ? 1e6 * ($2 < $CORES ? $2 : $CORES) * s / m : 0)}"
}
ALL=$(cost $MODELS $CLIENTS) TWO=$(cost $MODELS 2) PLAIN=$(cost plain $CLIENTS) PLAIN_TWO=$(cost plain 2)
COMPARED=$(awk "BEGIN {if ($TWO > 0) printf \"target:cost_of_a_miss_over_two=%.2f<=1.1\", $ALL / $TWO; else print \"cost_of_a_miss_over_two=unknown\"}")
python3 tools/bench_report.py load "tps_16mb_8=${RATES[16MB.8.$CLIENTS]}" "tps_512mb_8=${RATES[512MB.8.$CLIENTS]}" \
  "tps_16mb_24=${RATES[16MB.$MODELS.$CLIENTS]}" "tps_512mb_24=${RATES[512MB.$MODELS.$CLIENTS]}" \
  "tps_16mb_24_two=${RATES[16MB.$MODELS.2]}" "tps_512mb_24_two=${RATES[512MB.$MODELS.2]}" \
  "hits_16mb_8=${HITS[16MB.8.$CLIENTS]}" "hits_16mb_24=${HITS[16MB.$MODELS.$CLIENTS]}" "hits_16mb_24_two=${HITS[16MB.$MODELS.2]}" \
  "misses_24=${MISSES[16MB.$MODELS.$CLIENTS]}" "misses_24_two=${MISSES[16MB.$MODELS.2]}" "miss_us_24=$ALL" "miss_us_24_two=$TWO" "miss_us_plain=$PLAIN" "miss_us_plain_two=$PLAIN_TWO" \
  "hits_16mb_plain=${HITS[16MB.plain.$CLIENTS]}" "hits_16mb_plain_two=${HITS[16MB.plain.2]}" \
  "cost_of_a_miss_over_two_plain=$(awk "BEGIN {printf \"%.2f\", ($PLAIN_TWO > 0 ? $PLAIN / $PLAIN_TWO : 0)}")" \
  "ratio_24=$(ratio $MODELS $CLIENTS)" "ratio_24_two=$(ratio $MODELS 2)" "$COMPARED" \
  "target:ratio_8=$(ratio 8 $CLIENTS)>=0.9" "target:waits_for_lock_manager=$LOCKS<=0.05"
