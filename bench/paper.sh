#!/usr/bin/env bash
# paper.sh: the workloads of Zhou et al. (PVLDB 15(10), 2022), scaled to two cores: storage, latency against PyTorch, hits
#
#   tools/bench.sh paper [--quick] [--without-text]
#
# docs/paper.md goes through the paper point by point. Here are its three kinds of workload in the shape of its artifact, smaller:
#   embed6, embed12    6 and 12 embedding tables of 48,000 x 64, as of word2vec: the mean of 32 rows (the artifact: a million x 500)
#   wide1, wide2       5 classifiers of a wide input, 1,000 and a wide output: 8,000-1,000-4,000, 16,000-1,000-8,000 (597,540-1,000-14,588)
#   text               the five text classifiers: tools/bench.sh dedup --height 63 --bound 0.01; --without-text leaves them out
# Of the first two, 90 % of the blocks of a model are those of the first, but for noise, and are merged as near duplicates.
# Requests are for random models, uniformly, one item each: "within": the pool holds the plain store; "beyond": half of it. Files, and pages that are
# not in the pool, come from the operating system's cache for everybody. PyTorch, one thread: loads the model for each request from a file, or from a
# bytea of PostgreSQL (binary COPY); or keeps the models used last, as many as the pool has bytes for. Times are CPU's, of client and server together.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/peers/server.sh"

SETS="embed6 embed12 wide1 wide2" REQUESTS=40 QUICK=0 TEXT=1
for argument in "$@"; do
  case $argument in
    --quick) QUICK=1 REQUESTS=16 ;;
    --without-text) TEXT=0 ;;
    *) die "unknown argument $argument" ;;
  esac
done

bench_server paper "shared_buffers = 1GB" "pg_mosaic.cache_half_life = 10"
say "  seed 1"
as_worker rm -rf "$DIR/paper"
as_worker mkdir -p "$DIR/paper"
trap 'bench_end; as_worker rm -rf "$DIR/paper"' EXIT

# Restarts the server with so many pages in its pool, all of them empty.
restart() {
  cluster_stop "$DIR"
  cluster_start "$DIR" "autovacuum = off" "max_wal_size = 8GB" "jit = off" "shared_buffers = $(($1 * 8))kB" "pg_mosaic.cache_half_life = 10" >/dev/null
}

for name in $SETS; do
  headline "$name"
  restart 131072
  cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS paper" -c "CREATE DATABASE paper"
  sql -c "CREATE EXTENSION pg_mosaic"
  measure make "$name" "$QUICK" "$DIR/paper"
  plain=$(sql -c "SELECT sum(pages) FROM mosaic.model_pages WHERE model LIKE 'p%'")
  restart $((plain * 5 / 4 + 2048))
  measure serve "$name" "$QUICK" "$DIR/paper" "$REQUESTS" within $((plain * 8192))
  restart $((plain / 2))
  measure serve "$name" "$QUICK" "$DIR/paper" "$REQUESTS" beyond $((plain * 4096))
  as_worker find "$DIR/paper" -type f -delete
done
cluster_psql "$DIR" -q -d postgres -c "DROP DATABASE paper"
if [ $TEXT = 1 ]; then
  headline "Five text classifiers"
  text=$(bash "$ROOT/bench/dedup.sh" --height 63 --bound 0.01 "${@/--without-text/}" | tee /dev/stderr | tail -n 1)
  python3 -c 'import json, sys; print("report target:text_storage=%.3f>=3.6" % json.loads(sys.argv[1])["targets"]["ratio_at_0.01"]["value"])' "$text" >>"$LOG" ||
    say "  the ratio was not found in what tools/bench.sh dedup reports"
fi
bench_report
