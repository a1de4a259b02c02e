#!/usr/bin/env bash
# tenants.sh: 1,000 fine-tunes of one base in one database: bytes, hits, latency against one resident model, import, memory, drop
#
#   tools/bench.sh tenants [--quick]
#
# A base of 2 MB and fine-tunes of it by small random changes of low rank and of all weights, one import in a transaction each, down the
# ladder with a bound on each weight; shared_buffers 1 GB. Then requests for one of the fine-tunes (Zipf, exponent 1) by turns with requests for a
# model that is always the same and stored whole, in a connection each: single rows and batches of 64. Beside it ONNX Runtime: sessions that
# are loaded when they are asked for, by arithmetic from one load and one run. Nothing waits for a disk, so targets are of CPU time: others use the
# machine too; what elapsed stands beside it. SEED=1 in the environment; it is printed.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

COUNTS="10 100 1000" REQUESTS=2000 BATCHES=400 CONNECTIONS=32 SEED=${SEED:-1}
if [ "${1:-}" = --quick ]; then
  COUNTS="5 30" REQUESTS=200 BATCHES=40 CONNECTIONS=4
fi

bench_server tenants "shared_buffers = 1GB" "max_connections = 60"
bench_scratch "$DIR/tenant.onnx"
sql -c "CREATE EXTENSION pg_mosaic"
say "  seed $SEED"

measure ways "$DIR/tenant.onnx" "$SEED"
have=0
for count in $COUNTS; do
  headline "$count fine-tunes"
  measure import "$DIR/tenant.onnx" "$SEED" $have "$count"
  have=$count
  # Nothing is cached when the requests begin.
  cluster_stop "$DIR"
  step start "the server's own log: $DIR/server.log" "$PGBIN/pg_ctl" -D "$DIR/data" -l "$DIR/server.log" -w -t 60 start
  measure requests "$SEED" "$count" "$REQUESTS" "$BATCHES"
done
headline "Memory of $CONNECTIONS connections"
measure memory "$SEED" "$have" "$CONNECTIONS"
headline "ONNX Runtime"
measure ort "$DIR/tenant.onnx" "$SEED" "$have" "$TREE/$ORT/libonnxruntime.so.1" "$TREE/bench/peers"
headline "A page about all"
measure page "$have"
headline "Drop and vacuum"
measure drop "$have"
bench_report
