# shellcheck shell=bash
# server.sh: a private server for a benchmark against peers, and its driver bench/NAME.py. Sourced behind tools/lib.sh.
#
#   bench_server NAME "setting = value"...   installs, builds, and starts the server in $DIR, with an empty database NAME
#   sql ARGS...                              psql in that database
#   measure ARGS...                          runs the driver; what it prints is shown, but for its lines "report …",
#   bench_report                             which become the JSON object at the end
#   bench_scratch FILE...                    files that are removed at the end
SCRATCH=()
bench_scratch() { SCRATCH=("$@"); }

bench_end() {
  cluster_stop "$DIR"
  [ ${#SCRATCH[@]} -eq 0 ] || as_worker rm -f "${SCRATCH[@]}"
}

bench_server() {
  BENCH=$1
  shift
  # shellcheck disable=SC2086 # lists of words
  install_packages "build and measure" $PACKAGES_BUILD $PACKAGES_DEMO $PACKAGES_PEERS
  prepare_tree release bench
  . bench/peers/ort.sh
  build_release pg_mosaic sql_script
  fetch_ort
  DIR=$TREE/build/bench LOG=build/logs/${BENCH}_run.log
  : >"$LOG"
  headline "Starting a private server in $DIR"
  export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 # for PyTorch inside the server, too
  cluster_start "$DIR" "autovacuum = off" "max_wal_size = 8GB" "jit = off" "$@"
  trap bench_end EXIT
  cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS $BENCH"
  cluster_psql "$DIR" -q -d postgres -c "CREATE DATABASE $BENCH"
}

sql() { cluster_psql "$DIR" -qAt -d "$BENCH" "$@"; }

measure() {
  as_worker env PGHOST="$(cluster_socket "$DIR")" PGPORT=5432 PGUSER=postgres PGDATABASE="$BENCH" PGBENCH="$PGBIN/pgbench" \
    /usr/bin/python3 "bench/$BENCH.py" "$@" | tee -a "$LOG" | grep -v '^report '
}

bench_report() {
  local figures
  mapfile -t figures < <(sed -n 's/^report //p' "$LOG")
  python3 tools/bench_report.py "$BENCH" "${figures[@]}"
}
