#!/usr/bin/env bash
# deltas.sh: fine-tunes stored as differences to their base, lossless and of few bits: bytes, import rate, agreement, time of predictions
#
# A dense model of 33 MB and four fine-tunes of it, made with a seed (bench/deltas.py): bytes added by exact sharing, near merges, the ladder, lossless
# differences, and zstd -19 --patch-from; then predictions with weights stored whole and as differences, by turns.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

QUICK=0 ROUNDS=7
if [ "${1:-}" = --quick ]; then QUICK=1 ROUNDS=2; fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-numpy python3-psycopg2 zstd
prepare_tree release bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench
headline "Starting a private server in $DIR"
cluster_start "$DIR" "shared_buffers = 1GB" "autovacuum = off" "max_wal_size = 8GB" "jit = off"
trap 'cluster_stop "$DIR"; as_worker rm -rf "$DIR/models"' EXIT
as_worker mkdir -p "$DIR/models"
sql() { cluster_psql "$DIR" -qAt -d "$1" "${@:2}"; }
sql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS deltas"
sql postgres -c "CREATE DATABASE deltas"
sql deltas -c "CREATE EXTENSION pg_mosaic"

headline "A model and its fine-tunes: MB added"
as_worker env PYTHONPATH="$TREE/bench" python3 "$TREE/bench/deltas.py" write "$DIR/models" "$QUICK"
as_worker env PYTHONPATH="$TREE/bench" PGHOST="$(cluster_socket "$DIR")" PGDATABASE=deltas PGUSER=postgres PGOPTIONS="-c client_min_messages=warning" \
  python3 "$TREE/bench/deltas.py" measure "$DIR/models" "$QUICK" "$ROUNDS" 2>"$TREE/build/logs/deltas_figures" ||
  die "the measurement failed" "$(tail -n 5 "$TREE/build/logs/deltas_figures")"
sql postgres -c "DROP DATABASE deltas"
# shellcheck disable=SC2046 # words
"$TREE/tools/bench_report.py" deltas $(tail -n 1 "$TREE/build/logs/deltas_figures")
