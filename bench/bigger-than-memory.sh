#!/usr/bin/env bash
# bigger-than-memory: ten fine-tuned models of 200 MB within 1 GB, against ONNX Runtime and PyTorch processes
#
# Requests come one after another, for random models (Zipf with exponent 1, and uniform). ORT and PyTorch load
# a model's file when it is asked for, and keep the KEEP models used last: the best KEEP is found by trying. ORT
# is also run with all models open and their weights mapped from files ("mapped").
# Ours: all models in one store, which shares what is equal; and each model in a database of its own, so
# that nothing is shared. Everything measured runs in a memory cgroup; files are not cached when it starts.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/bench/larger/memory_limit.sh"

MODELS=10 WIDTH=2048 LAYERS=12 OWN=2 LIMIT_MB=1024 BUFFERS_MB=640 LENGTH=112 WARM_UP=12 KEEPS="2 3"
PATIENCE=75 # seconds for all requests of a peer: one that keeps too much may go on swapping its own code for ever
if [ "${1:-}" = --quick ]; then
  MODELS=6 WIDTH=1024 LAYERS=6 OWN=1 LIMIT_MB=256 BUFFERS_MB=64 LENGTH=30 WARM_UP=6 KEEPS="1 2"
fi
ORT_VERSION=1.30.0

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-torch python3-onnx python3-numpy python3-psycopg2
command -v npm >/dev/null || install_packages "fetch ONNX Runtime" npm
prepare_tree release bench bench/ort
build_release pg_mosaic sql_script
ORT=$TREE/build/bench/ort/node_modules/onnxruntime-node
[ -e "$ORT" ] || step ort "is the npm registry reachable?" env ONNXRUNTIME_NODE_INSTALL=skip \
  npm install --prefix build/bench/ort --ignore-scripts --no-audit --no-fund "onnxruntime-node@$ORT_VERSION"

DIR=$TREE/build/bench/larger-$MODELS-$WIDTH-$LAYERS-$OWN
FILES=$DIR/models
SETTINGS=("shared_buffers = ${BUFFERS_MB}MB" "max_wal_size = 8GB" "jit = off" "autovacuum = off" "max_connections = 30")
memory_limit_open $((LIMIT_MB << 20))
trap 'cluster_stop "$DIR"; memory_limit_close' EXIT
sql() { cluster_psql "$DIR" -qAt -v ON_ERROR_STOP=1 -d "$1" "${@:2}"; }

headline "Models"
as_worker mkdir -p "$FILES"
[ -e "$FILES/items.npy" ] || step models "is the disk full?" /usr/bin/python3 bench/larger/models.py "$FILES" $MODELS $WIDTH $LAYERS $OWN
say "  $MODELS models of $(($(stat -c %s "$FILES/m0.bin") / 1000000)) MB; of $LAYERS layers the last $OWN, and the head, are their own"

# new_database NAME: with the extension and the items.
new_database() {
  sql postgres -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1" 2>/dev/null
  sql "$1" -c "CREATE EXTENSION pg_mosaic" -c "CREATE TABLE item (id int PRIMARY KEY, x real[])"
  /usr/bin/python3 -c "
import numpy
for i, row in enumerate(numpy.load('$FILES/items.npy')): print('%d\t{%s}' % (i, ','.join(map(str, row))))" |
    sql "$1" -c "COPY item FROM STDIN"
}
imported() { sql "$1" -c "SELECT import_model('m$2', '$FILES/m$2.onnx')" >/dev/null; }

headline "Importing"
cluster_start "$DIR" "${SETTINGS[@]}"
# What an earlier run imported serves again, unless it broke off or the module was built for other catalogs since.
if [ "$(sql postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'imported'")" = 0 ] ||
  ! sql shared -c "SELECT model_info('m0')" >/dev/null 2>&1; then
  sql postgres -c "DROP DATABASE IF EXISTS imported" 2>/dev/null
  new_database shared
  for ((m = 0; m < MODELS; m++)); do
    imported shared $m
    new_database "m$m"
    imported "m$m" $m
    sql "m$m" -c "VACUUM (FREEZE, ANALYZE)"
  done
  sql shared -c "SELECT pack_models()" >/dev/null
  sql shared -c "VACUUM (FREEZE, ANALYZE)"
  sql postgres -c "CREATE DATABASE imported"
fi
APART_MB=0
for ((m = 0; m < MODELS; m++)); do
  APART_MB=$((APART_MB + $(sql "m$m" -c "SELECT pg_relation_size('mosaic.block') / 1000000")))
done
SHARED_MB=$(sql shared -c "SELECT pg_relation_size('mosaic.block') / 1000000")
say "  shared: $SHARED_MB MB, apart: $APART_MB MB; shared_buffers ${BUFFERS_MB} MB, limit $LIMIT_MB MB"
cluster_stop "$DIR"
sync

# measure NAME COMMAND...: its figures, or that it failed, into RESULT[NAME].
declare -A RESULT
KILLS=0
measure() {
  local name=$1 status=0 before
  shift
  before=$(memory_limit_kills)
  RESULT[$name]=$("$@" 2>"$TREE/build/logs/larger_$name.log" | tail -n 1) || status=$?
  KILLS=$(($(memory_limit_kills) - before))
  if [ "$status" != 0 ] || [ "$KILLS" != 0 ] || [ -z "${RESULT[$name]}" ]; then
    if [ "$status" = 124 ]; then
      printf '  %-22s failed: not done after %d s\n' "$name" "$PATIENCE"
    elif [ "$KILLS" != 0 ]; then
      printf '  %-22s failed: %d processes killed for want of memory\n' "$name" "$KILLS"
    else
      printf '  %-22s failed: build/logs/%s says why\n' "$name" "larger_$name.log"
    fi
    RESULT[$name]=""
  else
    # shellcheck disable=SC2046,SC2183 # a list of numbers
    printf '  %-22s %8.1f %9.1f %9.1f %9.1f %9.1f\n' "$name" $(field "$name" per_second p50_ms p95_ms max_ms read_mb)
  fi
}
# field NAME KEY...
field() { python3 -c "import json, sys; r = json.loads(sys.argv[1] or '{}'); print(*(r.get(k, 0) for k in sys.argv[2:]))" "${RESULT[$1]}" "${@:2}"; }

# What is measured starts with nothing cached.
forget_all() {
  forget_cached "$FILES"/*.bin "$FILES"/*.pt
  find "$DIR/data/base" -type f -size +1M -print0 | while IFS= read -r -d '' file; do forget_cached "$file"; done
}
# ours shared|apart KIND
ours() {
  forget_all
  (echo "$BASHPID" >"$LIMIT_GROUP/cgroup.procs" && cluster_start "$DIR" "${SETTINGS[@]}") >&2
  as_worker /usr/bin/python3 bench/larger/ours_client.py "$(cluster_socket "$DIR")" "$1" $MODELS "$2" $LENGTH $WARM_UP
  cluster_stop "$DIR" >&2
}
ort() {
  forget_all
  limited timeout "$PATIENCE" /usr/bin/python3 bench/larger/ort_client.py "$(command -v node)" "$ORT" "$FILES" $MODELS "$1" "$2" $LENGTH $WARM_UP
}
torch() {
  forget_all
  limited timeout "$PATIENCE" /usr/bin/python3 bench/larger/torch_serve.py "$FILES" $MODELS "$1" "$2" $LENGTH $WARM_UP
}
# best KIND SERVER: the KEEP with which it serves the most requests.
best() {
  local keep
  for keep in $KEEPS mapped; do
    [ -z "${RESULT[$2_keep_${keep}_$1]:-}" ] || say "$(field "$2_keep_${keep}_$1" per_second) $keep"
  done | sort -g | tail -n 1
}
ratio() { awk "BEGIN {printf \"%.2f\", $1 / ($2)}"; }

FIGURES=("shared_mb=$SHARED_MB" "apart_mb=$APART_MB" "limit_mb=$LIMIT_MB")
FAILED=0
for kind in zipf uniform; do
  headline "$kind: requests a second, p50, p95 and longest in ms, MB read a request"
  measure "shared_$kind" ours shared $kind
  [ -n "${RESULT[shared_$kind]}" ] || FAILED=$((FAILED + 1))
  measure "apart_$kind" ours apart $kind
  [ -n "${RESULT[apart_$kind]}" ] || FAILED=$((FAILED + 1))
  for server in ort torch; do
    keeps=$KEEPS
    [ $server = torch ] || keeps+=" mapped"
    for keep in $keeps; do measure "${server}_keep_${keep}_$kind" $server "$keep" $kind; done
    read -r rate keep <<<"$(best $kind $server)"
    [ -n "$rate" ] || die "$server served no request" "see $TREE/build/logs/larger_${server}_*.log"
    RESULT[${server}_$kind]=${RESULT[${server}_keep_${keep}_$kind]}
    FIGURES+=("${server}_${kind}_kept=$keep")
  done
  for name in shared apart ort torch; do
    read -r rate p50 p95 read_mb sum <<<"$(field "${name}_$kind" per_second p50_ms p95_ms read_mb checksum)"
    FIGURES+=("${name}_${kind}_per_second=$rate" "${name}_${kind}_p50_ms=$p50" "${name}_${kind}_p95_ms=$p95" "${name}_${kind}_read_mb=$read_mb")
    [ -n "${first:-}" ] || first=$sum
    [ "$(awk "BEGIN {d = $sum / $first - 1; print (d < 1e-3 && d > -1e-3)}")" = 1 ] || die "$name computes something else: $sum, not $first"
  done
  first=
  peer=$(printf '%s\n' "$(field ort_$kind per_second)" "$(field torch_$kind per_second)" | sort -g | tail -n 1)
  FIGURES+=("apart_${kind}_per_best_peer=$(ratio "$(field apart_$kind per_second)" "$peer")"
    "target:shared_${kind}_per_best_peer=$(ratio "$(field shared_$kind per_second)" "$peer")>=4.7")
done
say
python3 tools/bench_report.py bigger-than-memory "${FIGURES[@]}" "target:failures=$FAILED<=0"
