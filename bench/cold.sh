#!/usr/bin/env bash
# cold.sh: the first prediction of a model whose pages are not in shared_buffers, in runs of pages and page by page (17, 18)
#
#   tools/bench.sh cold [--pg N] [--quick]   --pg: with PostgreSQL N, in a root of the Debian that has it (tools/test.sh --pg)
#
# The server is restarted before each. cached: the operating system has the file; evicted: it has not (POSIX_FADV_DONTNEED).
# Page by page is io_combine_limit = 8kB, in 18 with io_method = sync and io_max_concurrency = 1. By turns; medians. The plan is
# loaded before, by an input that does not fit. warm: what is in shared_buffers, in a new connection. 15 has one way alone.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/tools/root.sh"

ROUNDS=9 WIDTH=2048 LAYERS=8 QUICK=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) ROUNDS=1 WIDTH=256 QUICK=$1 ;;
    --pg)
      if is_elsewhere "$2"; then
        find_tree
        run_elsewhere "$2" /pg_mosaic/tools/bench.sh cold $QUICK "${@:3}" || exit $?
        exit
      fi
      [ "$2" = "$PG" ] || use_postgresql "$2"
      shift ;;
    *) die "unknown option $1" ;;
  esac
  shift
done

PACKAGES=$PACKAGES_BUILD
[ -z "${MOSAIC_CORE:-}" ] || PACKAGES=$PACKAGES_MODULE
# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES python3-minimal
prepare_tree "$RELEASE" bench
build_release pg_mosaic sql_script
DIR=$TREE/build/bench/cold-$PG
MODEL=$DIR/model.onnx
SETTINGS=("shared_buffers = 512MB" "autovacuum = off" "max_wal_size = 4GB" "jit = off" "include_if_exists = 'reads.conf'")
trap 'cluster_stop "$DIR"' EXIT
sql() { cluster_psql "$DIR" -qAt -d postgres "$@"; }

headline "A model of $((4 * LAYERS * WIDTH * WIDTH / 1000000)) MB"
as_worker mkdir -p "$DIR"
as_worker python3 - "$MODEL" "$WIDTH" "$LAYERS" <<PY
import os, random, struct, sys
sys.path.insert(0, "$TREE/bench")
from onnx_fields import field, value_info
path, width, layers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(1)
def weights():
    # random mantissas, exponents of about 1/64
    data = bytearray(random.randbytes(4 * width * width))
    for i in range(3, len(data), 4):
        data[i] = 0x3c | data[i] & 0x80
    return bytes(data)
nodes, tensors, value = b"", b"", "x"
for i in range(layers):
    out = "y%d" % i
    nodes += field(1, field(1, value) + field(1, "w%d" % i) + field(2, out) + field(4, "MatMul"))
    tensors += field(5, field(1, width) + field(1, width) + field(2, 1) + field(8, "w%d" % i) + field(9, weights()))
    value = out
graph = nodes + field(2, "cold") + tensors + field(11, value_info("x", width)) + field(12, value_info(value, width))
with open(path, "wb") as f:
    f.write(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
PY
cluster_start "$DIR" "${SETTINGS[@]}"
sql -c "DROP EXTENSION IF EXISTS pg_mosaic CASCADE" -c "CREATE EXTENSION pg_mosaic" -c "SELECT import_model('m', '$MODEL')" \
  -c "CHECKPOINT" >/dev/null
PAGES=$(sql -c "SELECT pages FROM mosaic.model_pages WHERE model = 'm'")

# evict: takes the cluster's files out of the operating system's cache.
evict() {
  sync
  as_worker python3 - "$DIR/data/base" <<'PY'
import os, sys
for folder, _, files in os.walk(sys.argv[1]):
    for name in files:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
PY
}

# first: milliseconds of the prediction, the plan being loaded; in a new connection.
first() {
  cluster_psql "$DIR" -qAt -d postgres 2>/dev/null <<SQL
\\set ON_ERROR_STOP 0
SELECT predict('m', '{1}'::real[]);
\\set ON_ERROR_STOP 1
SELECT array_fill(0.5::real, '{$WIDTH}') AS x \\gset
SELECT clock_timestamp() AS start \\gset
SELECT predict('m', :'x'::real[]) \\g /dev/null
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'start'), 2);
SQL
}

# measure WAY STATE: restarts the server with these settings and notes the time.
declare -A TIMES
measure() {
  local way=$1 state=$2
  {
    if [ "$way" = pages ]; then
      [ "$PG" -lt 17 ] || say "io_combine_limit = 8kB"
      [ "$PG" -lt 18 ] || say "io_method = sync"$'\n'"io_max_concurrency = 1"
    fi
  } | as_worker tee "$DIR/data/reads.conf" >/dev/null
  cluster_stop "$DIR"
  [ "$state" != evicted ] || evict
  as_worker "$PGBIN/pg_ctl" -D "$DIR/data" -l "$DIR/server.log" -w -t 60 start >/dev/null
  if [ "$state" = cached ]; then cat "$DIR"/data/base/*/* >/dev/null; fi
  TIMES[$way-$state]+=" $(first)"
  [ "$state" != cached ] || TIMES[$way-warm]+=" $(first)"
}

WAYS="runs pages"
[ "$PG" -ge 17 ] || WAYS=pages
headline "The first prediction, $PAGES pages, PostgreSQL $PG, $ROUNDS rounds"
for ((round = 0; round < ROUNDS; round++)); do
  for state in cached evicted; do
    for way in $WAYS; do measure "$way" "$state"; done
  done
done
median() { printf '%s\n' $1 | sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
FIGURES=()
for state in cached evicted warm; do
  for way in $WAYS; do
    ms=$(median "${TIMES[$way-$state]}")
    say "$(printf '%-8s %-6s %8.1f ms' "$state" "$way" "$ms")"
    FIGURES+=("${state}_${way}_ms=$ms")
  done
done
ratio() { awk "BEGIN {printf \"%.2f\", $(median "${TIMES[pages-$1]}") / $(median "${TIMES[runs-$1]}")}"; }
TARGETS=()
[ "$PG" -lt 17 ] || TARGETS=("target:cached_speedup=$(ratio cached)>=2" "target:evicted_speedup=$(ratio evicted)>=2" "target:warm_speedup=$(ratio warm)>=0.97")
python3 tools/bench_report.py cold "postgresql=$PG" "pages=$PAGES" "${FIGURES[@]}" "${TARGETS[@]}"
