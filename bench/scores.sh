#!/usr/bin/env bash
# scores: predictions of trees and linear models against scikit-learn's and XGBoost's own, on rows on thresholds and with NaN
#
#   tools/bench.sh scores [--quick]
#
# Each model is trained here, written as ONNX as skl2onnx and onnxmltools write it, imported, and asked for 10^5 rows (--quick:
# 10^4): random ones, such as lie exactly on a tree's thresholds, and, where the library takes them, such as lack a tenth of their
# features. Figures: classes that differ, and scores further than float32 rounding: 1e-6 x (1 + |score|) of the library's own.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ROWS=100000
[ "${1:-}" != --quick ] || ROWS=10000

# shellcheck disable=SC2086 # lists of words
install_packages "build and compare" $PACKAGES_BUILD $PACKAGES_DEMO python3-sklearn python3-xgboost python3-onnx
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench WORK=$TREE/build/bench/scores
headline "Training, and predicting $ROWS rows with the libraries"
as_worker mkdir -p "$WORK"
as_worker env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 bench/scores.py train "$WORK" "$ROWS"

headline "Predicting them in a private server in $DIR"
cluster_start "$DIR" "autovacuum = off" "max_wal_size = 4GB" "jit = off"
trap 'cluster_stop "$DIR"' EXIT
cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS scores"
cluster_psql "$DIR" -q -d postgres -c "CREATE DATABASE scores"
cluster_psql "$DIR" -q -d scores -c "CREATE EXTENSION pg_mosaic"
for folder in "$WORK"/*/; do
  name=$(basename "$folder")
  cluster_psql "$DIR" -q -d scores -c "SELECT import_model('$name', '${folder}model.onnx')" >/dev/null
  cluster_psql "$DIR" -q -d scores -c "CREATE TABLE $name (id int, x real[])" -c "\\copy $name FROM '${folder}rows.csv'"
  cluster_psql "$DIR" -qAt -d scores -c "\\copy (SELECT predict_outputs('$name', x)::text FROM $name ORDER BY id) TO '${folder}found.csv'"
done
LOG=build/logs/scores_run.log
as_worker /usr/bin/python3 bench/scores.py compare "$WORK" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py scores "${FIGURES[@]}"
