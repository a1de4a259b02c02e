#!/usr/bin/env bash
# connections.sh: memory of 32 connections that predict with one model of 400 MB, and throughput from 1 to 32
#
# Memory: proportional shares (PSS) of /proc/PID/smaps_rollup without those of shared memory, which is shared
# buffers: what a connection costs besides them. PL/Python with PyTorch keeps a model of its own in each
# connection, so few are enough to tell. Throughput: pgbench, one image by its key, prepared.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

CONNECTIONS=32 TORCH=3 SECONDS_EACH=5 CLIENTS="1 2 8 32" LARGE="1024 8192 8192 3072"
if [ "${1:-}" = --quick ]; then
  CONNECTIONS=4 TORCH=2 SECONDS_EACH=2 CLIENTS="1 2" LARGE="1024 2048 2048 512"
fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD $PACKAGES_DEMO $PACKAGES_PEERS
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 # for PyTorch inside the server, too
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"; as_worker rm -f "$DIR/large.onnx"' EXIT
sql() { cluster_psql "$DIR" -qAt -d connections "$@"; }

headline "Making the model and loading images"
cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS connections"
cluster_psql "$DIR" -q -d postgres -c "CREATE DATABASE connections"
sql -f bench/latency.sql >/dev/null
python3 tools/fashion_mnist.py --split train --limit 10000 | sql -c "\\copy images FROM pstdin"
# shellcheck disable=SC2086
as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/large.onnx" 1 $LARGE
FASHION=$TREE/test/data/models/fashion_base.onnx
sql -c "SELECT import_model('large', '$DIR/large.onnx')" -c "SELECT import_model('fashion', '$FASHION')" -c "VACUUM (ANALYZE, FREEZE)" >/dev/null

LOG=build/logs/connections_run.log
measure() {
  as_worker env PGHOST="$(cluster_socket "$DIR")" PGPORT=5432 PGUSER=postgres PGDATABASE=connections \
    /usr/bin/python3 bench/connections.py "$@" | tee -a "$LOG" | grep -v '^report '
}
: >"$LOG"
headline "Memory"
measure memory "$CONNECTIONS" "$TREE/bench/peers" "$DIR/large.onnx" "$TORCH"
headline "Throughput"
# shellcheck disable=SC2086
measure throughput "$SECONDS_EACH" "$TREE/bench/peers" "$FASHION" $CLIENTS
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py connections "${FIGURES[@]}"
