#!/usr/bin/env bash
# load: 200 connections predict single rows with models of 1 MB, in 16 MB of shared_buffers and in 512: what they wait for
#
#   tools/bench.sh load [--quick]
#
# pgbench, prepared statements, a model and a row at random: of 8 models, which fit in 16 MB, and of 24, which do not.
# Twice a second all sessions are asked what they wait for.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

CLIENTS=200 SECONDS_EACH=20 ROUNDS=2
if [ "${1:-}" = --quick ]; then SECONDS_EACH=5 ROUNDS=1; fi
MODELS=24

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
sql -c "SET client_min_messages = warning" -c "DROP EXTENSION IF EXISTS pg_mosaic CASCADE" -c "DROP TABLE IF EXISTS rows" -c "CREATE EXTENSION pg_mosaic"
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

# what_they_wait_for: a line for each kind of wait, counted by sessions, until the file $DIR/stop is there
what_they_wait_for() {
  until [ -e "$DIR/stop" ]; do
    sql -c "SELECT coalesce(wait_event_type || ':' || wait_event, 'running') FROM pg_stat_activity
            WHERE state = 'active' AND query LIKE '%predict_class%' AND pid <> pg_backend_pid()"
    sleep 0.5
  done
}

# run SHARED_BUFFERS MODELS: its transactions a second, and the part of pages that were there; the waits in $DIR/waits
run() {
  local pid tps
  server "$1"
  as_worker rm -f "$DIR/stop"
  what_they_wait_for >"$DIR/waits" &
  pid=$!
  tps=$(as_worker "$PGBIN/pgbench" -h "$(cluster_socket "$DIR")" -U postgres -n -M prepared -c "$CLIENTS" -j 2 -T "$SECONDS_EACH" \
    -D models="$2" -f "$DIR/one.sql" postgres | sed -n 's/^tps = \([0-9.]*\) .*/\1/p')
  touch "$DIR/stop"
  wait "$pid"
  say "$tps $(sql -c "SELECT round(sum(hits)::numeric / sum(hits + reads), 3) FROM mosaic.stat_models")"
}

headline "$CLIENTS connections"
printf '%-15s %6s %8s %9s  %s\n' shared_buffers models tps hits "what sessions were seen doing"
declare -A RATES HITS
LOCKS=0
for ((round = 0; round < ROUNDS; round++)); do
  for models in 8 $MODELS; do
    for memory in 16MB 512MB; do
      read -r tps hits < <(run $memory $models)
      seen=$(wc -l <"$DIR/waits")
      waits=$(sort "$DIR/waits" | uniq -c | sort -rn | head -n 5 | awk -v n="$seen" '{printf "%s %.0f %%  ", $2, 100 * $1 / n}')
      printf '%-15s %6d %8.0f %9.3f  %s\n' $memory $models "$tps" "$hits" "$waits"
      LOCKS=$(awk -v n="$seen" -v most="$LOCKS" '/^LWLock:LockManager/ {k++} END {m = k / n; printf "%.3f", (m > most ? m : most)}' "$DIR/waits")
      RATES[$memory.$models]=$(printf '%s\n' "$tps" "${RATES[$memory.$models]:-0}" | sort -rn | head -n 1)
      HITS[$memory.$models]=$hits
    done
  done
done
ratio() { awk "BEGIN {printf \"%.2f\", ${RATES[16MB.$1]} / ${RATES[512MB.$1]}}"; }
python3 tools/bench_report.py load "tps_16mb_8=${RATES[16MB.8]}" "tps_512mb_8=${RATES[512MB.8]}" "tps_16mb_24=${RATES[16MB.$MODELS]}" \
  "tps_512mb_24=${RATES[512MB.$MODELS]}" "hits_16mb_8=${HITS[16MB.8]}" "hits_16mb_24=${HITS[16MB.$MODELS]}" "ratio_24=$(ratio $MODELS)" \
  "target:ratio_8=$(ratio 8)>=0.9" "target:waits_for_lock_manager=$LOCKS<=0.05"
