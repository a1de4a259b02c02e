#!/usr/bin/env bash
# connections.sh: memory of 32 connections that predict with one model of 400 MB, and throughput from 1 to 32
#
# Memory: proportional shares (PSS) of /proc/PID/smaps_rollup without those of shared memory, which is shared
# buffers: what a connection costs besides them. PL/Python with PyTorch keeps a model of its own in each
# connection, so few are enough to tell. Throughput: pgbench, one image by its key, prepared.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

CONNECTIONS=32 TORCH=3 SECONDS_EACH=5 CLIENTS="1 2 8 32" LARGE="1024 8192 8192 3072"
if [ "${1:-}" = --quick ]; then
  CONNECTIONS=4 TORCH=2 SECONDS_EACH=2 CLIENTS="1 2" LARGE="1024 2048 2048 512"
fi

bench_server connections "shared_buffers = 1GB"
bench_scratch "$DIR/large.onnx"

headline "Making the model and loading images"
sql -f bench/latency.sql >/dev/null
python3 tools/fashion_mnist.py --split train --limit 10000 | sql -c "\\copy images FROM pstdin"
# shellcheck disable=SC2086
as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/large.onnx" 1 $LARGE
FASHION=$TREE/test/data/models/fashion_base.onnx
sql -c "SELECT import_model('large', '$DIR/large.onnx')" -c "SELECT import_model('fashion', '$FASHION')" -c "VACUUM (ANALYZE, FREEZE)" >/dev/null

headline "Memory"
measure memory "$CONNECTIONS" "$TREE/bench/peers" "$DIR/large.onnx" "$TORCH"
headline "Throughput"
# shellcheck disable=SC2086
measure throughput "$SECONDS_EACH" "$TREE/bench/peers" "$FASHION" $CLIENTS
bench_report
