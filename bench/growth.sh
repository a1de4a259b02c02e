#!/usr/bin/env bash
# growth.sh: CPU time of a row from 1,000 to 1,000,000 rows, and from 100,000 to 100,000,000 parameters
#
#   tools/bench.sh growth [--quick | --large]      --large: also 1,000,000,000 parameters (needs 16 GB of memory)
#
# Rows: Fashion-MNIST images, repeated. Parameters: perceptrons with random weights; batches over a table, and one
# row alone, against ONNX Runtime on the same rows in memory, by turns. One thread each.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

ROUNDS=3 REPEATED=17 COUNTS="1000 10000 100000 1000000" BUFFERS=1GB
# name, rows of its table, widths
MODELS=("m5 20000 256 256 128 10" "m6 10000 784 896 320 10" "m7 2048 2048 3072 1200 10" "m8 512 1024 8192 8192 3072")
case ${1:-} in
  --quick) ROUNDS=1 REPEATED=1 COUNTS="1000 10000" MODELS=("m5 2000 256 256 128 10" "m6 1000 784 896 320 10") ;;
  --large) BUFFERS=9GB MODELS+=("m9 256 8192 32768 20480 2048") ;;
esac

bench_server growth "shared_buffers = $BUFFERS"
bench_scratch "$DIR"/m{5,6,7,8,9}.onnx "$DIR"/m9.onnx.data

sql -c "CREATE EXTENSION pg_mosaic" -c "CREATE TABLE once (id int, label int, x real[])" \
  -c "CREATE UNLOGGED TABLE images (id int, x real[])"
headline "Rows"
python3 tools/fashion_mnist.py --split train | sql -c "\\copy once FROM pstdin"
sql -c "INSERT INTO images SELECT g * 60000 + id, x FROM once, generate_series(0, $REPEATED - 1) g" \
  -c "CREATE INDEX ON images (id)" -c "VACUUM ANALYZE images" \
  -c "SELECT import_model('fashion', '$TREE/test/data/models/fashion_base.onnx')" >/dev/null
# shellcheck disable=SC2086
measure rows "$ROUNDS" $COUNTS
sql -c "DROP TABLE images"

headline "Parameters"
for line in "${MODELS[@]}"; do
  read -r name count widths <<<"$line"
  external=()
  [ "$name" != m9 ] || external=(--external)
  # shellcheck disable=SC2086
  as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/$name.onnx" 1 $widths "${external[@]}"
  sql -c "CREATE TABLE $name (id int PRIMARY KEY, x real[])" -c "SELECT setseed(0.5)" \
    -c "INSERT INTO $name SELECT i, (SELECT array_agg((2 * random() - 1)::real) FROM generate_series(1, ${widths%% *}) WHERE i > 0)
        FROM generate_series(1, $count) i" \
    -c "SELECT import_model('$name', '$DIR/$name.onnx')" -c "VACUUM (ANALYZE, FREEZE)" >/dev/null
  measure model "$ROUNDS" "$count" "$TREE/$ORT/libonnxruntime.so.1" "$TREE/bench/peers" "$name" "$DIR/$name.onnx"
  sql -c "DROP TABLE $name" -c "SELECT drop_model('$name')" -c "VACUUM" >/dev/null
  as_worker rm -f "$DIR/$name.onnx" "$DIR/$name.onnx.data"
done
bench_report
