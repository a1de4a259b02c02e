#!/usr/bin/env bash
# latency.sh [--sizes]: one prediction through a prepared statement, by the size of the model, p50 and p99; the first of a connection
#
# Sizes: perceptrons of 10^5 to 10^9 parameters: p50 of a prediction for the row with a key, less p50 of the look-up of that
# row, over ONNX Runtime's Run() on a row in memory; the three by turns. 10^9 takes 10 GB of memory and as much of disk: it
# is left out where the machine has less than 16 GB. --sizes: these only.
# One: by pgbench, the row found by its key, against PL/Python with PyTorch and against ONNX Runtime behind HTTP
# (node; features at hand, or fetched by key first). First: with models of 400 MB whose pages are cached, against
# creating a session of ONNX Runtime and torch.load, with one run each, in new processes, by turns. Targets and
# ratios there are of CPU time: on a machine with other work the elapsed times, which are shown too, say little.
#   large   a dense 1024-8192-8192-3072: one prediction reads all of the 400 MB
#   words   the mean of embeddings of 1,000,000 words: one prediction reads a few pages
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

# NAME WIDTHS;COUNT;TARGET
SIZES=("p1e5 256 256 128 10;4000;1.3" "p1e6 512 1024 448 10;4000;1.3" "p1e7 1024 2560 2560 320;800;1.2" "p1e8 2048 7168 7168 4650;80;1.2" "p1e9 4096 20480 20480 24000;9;2")
ROUNDS=5 COUNT=3000 LARGE="1024 8192 8192 3072" WORDS="1000000 100 10"
if [ "${1:-}" = --quick ]; then
  ROUNDS=1 COUNT=500 LARGE="1024 2048 2048 512" WORDS="10000 100 10"
  SIZES=("${SIZES[@]:0:3}")
fi
ONLY_SIZES=no
if [ "${1:-}" = --sizes ]; then
  ONLY_SIZES=yes
fi
BUFFERS=6GB
if [ "$(awk '/^MemTotal/ {print int($2 / 1048576)}' /proc/meminfo)" -lt 16 ]; then
  BUFFERS=1GB
  [ ${#SIZES[@]} -lt 5 ] || unset 'SIZES[4]'
fi

bench_server latency "shared_buffers = $BUFFERS"
bench_scratch "$DIR"/{large,words}.{onnx,pt} "$DIR"/p1e{5,6,7,8,9}.onnx{,.data}

sql -f bench/latency.sql >/dev/null
headline "One prediction by the size of the model, $ROUNDS rounds"
step ort_latency "see the compiler's message above" g++ -std=c++17 -O2 bench/peers/ort_latency.cc -o "$DIR/ort_latency" \
  "$ORT/libonnxruntime.so.1" -Wl,-rpath,"$TREE/$ORT"
for size in "${SIZES[@]}"; do
  IFS=';' read -r shape count target <<<"$size"
  read -r name widths <<<"$shape"
  # shellcheck disable=SC2086
  as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/$name.onnx" 3 $widths --external
  sql -c "SELECT import_model('$name', '$DIR/$name.onnx')" -c "CREATE TABLE rows_$name AS SELECT id, ARRAY(SELECT random()::real FROM generate_series(1, ${widths%% *} + id * 0)) AS x FROM generate_series(1, 1000) id" \
    -c "ALTER TABLE rows_$name ADD PRIMARY KEY (id)" -c "VACUUM (ANALYZE, FREEZE) rows_$name" >/dev/null
  measure sizes "$ROUNDS" "$DIR/ort_latency" "$TREE/bench/peers" "$name=$DIR/$name.onnx,$count,$target"
  sql -c "SELECT drop_model('$name')" -c "DROP TABLE rows_$name" >/dev/null
  as_worker rm -f "$DIR/$name".onnx{,.data}
done
if [ "$ONLY_SIZES" = yes ]; then
  bench_report
  exit
fi

headline "Making models and loading images"
python3 tools/fashion_mnist.py --split train --limit 10000 | sql -c "\\copy images FROM pstdin"
# shellcheck disable=SC2086
as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/large.onnx" 1 $LARGE
# shellcheck disable=SC2086
as_worker /usr/bin/python3 bench/peers/mlp.py "$DIR/words.onnx" 2 $WORDS --embedding
for model in large words; do
  as_worker /usr/bin/python3 -c "import sys; sys.path.insert(0, 'bench/peers'); import mlp, torch
torch.save(mlp.load_torch('$DIR/$model.onnx'), '$DIR/$model.pt')"
  sql -c "SELECT import_model('$model', '$DIR/$model.onnx')" >/dev/null
done
FASHION=$TREE/test/data/models/fashion_base.onnx
sql -c "SELECT import_model('fashion', '$FASHION')" -c "VACUUM (ANALYZE, FREEZE)" >/dev/null

headline "One prediction, $ROUNDS rounds of $COUNT"
measure single "$ROUNDS" "$COUNT" "$FASHION" "$TREE/bench/peers" "$TREE/$ORT_NODE"
headline "The first prediction, $ROUNDS rounds"
measure first "$ROUNDS" "$TREE/$ORT/libonnxruntime.so.1" "$TREE/bench/peers" \
  "large=$DIR/large.onnx,$DIR/large.pt,features" "words=$DIR/words.onnx,$DIR/words.pt,words"
bench_report
