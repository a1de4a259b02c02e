#!/usr/bin/env bash
# predict.sh: a table predicted from end to end: SQL, PL/Python with PyTorch, clients with PyTorch and ONNX Runtime
#
# 60,000 images through a 784-256-128-10 classifier, and rows of 1024 features through one of
# 1024-4096-4096-1000 (88 MB). One thread each, by turns. Ratios are those of CPU time (client and backend
# together), the medians of the rounds: on a machine with other work the elapsed times say little; they are shown too.
#   ort_alone        ONNX Runtime on features that are in memory: the physical limit
#   read_arrays      only reads the arrays
#   sql_*            batched; as INSERT ... SELECT (written); batches as arrays; unbatched; two processes
#   torch_*          PL/Python and PyTorch inside the server: row by row; in batches of 1024 from a cursor, as
#                    lists; the same, with the arrays in binary
#   client_*         psycopg2 fetches in batches of 1024, predicts, and writes back; "copy" by binary COPY
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

ROUNDS=3 ROWS=60000 SINGLE=6000 WIDE_ROWS=2048 WIDE_SINGLE=64
if [ "${1:-}" = --quick ]; then
  ROUNDS=1 ROWS=6000 SINGLE=600 WIDE_ROWS=512 WIDE_SINGLE=32
fi

bench_server predict "shared_buffers = 1GB"

headline "Loading $ROWS images and $WIDE_ROWS rows of 1024 features"
sql -v "wide_rows=$WIDE_ROWS" -f bench/predict.sql >/dev/null
python3 tools/fashion_mnist.py --split train --limit "$ROWS" | sql -c "\\copy images FROM pstdin"
as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/wide.onnx" 1 1024 4096 4096 1000
for table in images wide; do
  sql -c "CREATE TABLE ${table}_few AS SELECT * FROM $table WHERE id <= 200" \
    -c "CREATE TABLE ${table}_part AS SELECT * FROM $table WHERE id <= $SINGLE"
done
sql -c "VACUUM (ANALYZE, FREEZE)" -c "SELECT import_model('fashion', '$TREE/test/data/models/fashion_base.onnx')" \
  -c "SELECT import_model('wide', '$DIR/wide.onnx')" >/dev/null

headline "Measuring, $ROUNDS rounds"
measure "$ROUNDS" "$TREE/$ORT/libonnxruntime.so.1" "$TREE/bench/peers" \
  "fashion=$TREE/test/data/models/fashion_base.onnx,images,$SINGLE" "wide=$DIR/wide.onnx,wide,$WIDE_SINGLE"
bench_report
