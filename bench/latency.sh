#!/usr/bin/env bash
# latency.sh: one prediction through a prepared statement, p50 and p99; the first prediction of a connection
#
# One: by pgbench, the row found by its key, against PL/Python with PyTorch and against ONNX Runtime behind HTTP
# (node; features at hand, or fetched by key first). First: with models of 400 MB whose pages are cached, against
# creating a session of ONNX Runtime and torch.load, with one run each, in new processes, by turns. Targets and
# ratios there are of CPU time: on a machine with other work the elapsed times, which are shown too, say little.
#   large   a dense 1024-8192-8192-3072: one prediction reads all of the 400 MB
#   words   the mean of embeddings of 1,000,000 words: one prediction reads a few pages
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

ROUNDS=5 COUNT=3000 LARGE="1024 8192 8192 3072" WORDS="1000000 100 10"
if [ "${1:-}" = --quick ]; then
  ROUNDS=1 COUNT=500 LARGE="1024 2048 2048 512" WORDS="10000 100 10"
fi

bench_server latency "shared_buffers = 1GB"
bench_scratch "$DIR"/{large,words}.{onnx,pt}

headline "Making models and loading images"
sql -f bench/latency.sql >/dev/null
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
