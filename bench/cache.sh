#!/usr/bin/env bash
# cache.sh: hit ratios of shared_buffers with and without our steering, in the database and simulated
#
# In the database: models that share layers, requested at random (Zipf) among reads of another table,
# for some sizes of shared_buffers. The plain store holds every model in a sharing domain of its own,
# so that none shares a block. Then the policies that PostgreSQL does not have, by simulation (bench/cache.cc).
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

MODELS=8 WIDTH=512 REQUESTS=900 SEED=${SEED:-1} QUICK=${1:-}
[ "$QUICK" != --quick ] || REQUESTS=300

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD python3-minimal
prepare_tree release bench
build_release pg_mosaic sql_script cache
DIR=$TREE/build/bench
trap 'cluster_stop "$DIR"' EXIT

# server PAGES: starts it with so large a pool.
server() {
  cluster_stop "$DIR"
  cluster_start "$DIR" "shared_buffers = $(($1 * 8))kB" "autovacuum = off" "jit = off" "max_wal_size = 4GB" \
    "pg_mosaic.cache_half_life = 10" >/dev/null
}
sql() { cluster_psql "$DIR" -qAt -d cache -c "$1"; }

# make_store dedup|plain
make_store() {
  cluster_psql "$DIR" -qAt -d postgres -c "DROP DATABASE IF EXISTS cache" -c "CREATE DATABASE cache"
  sql "CREATE EXTENSION pg_mosaic" >/dev/null
  as_worker python3 bench/cache_store.py models "$1" $MODELS $WIDTH "$SEED" | cluster_psql "$DIR" -qAt -d cache >/dev/null
  sql "CREATE TABLE other (id int PRIMARY KEY, t text)" >/dev/null
  sql "ALTER TABLE other ALTER t SET STORAGE PLAIN" >/dev/null
  sql "INSERT INTO other SELECT i, repeat('x', 7000) FROM generate_series(1, 400) i" >/dev/null
  sql "VACUUM" >/dev/null
}

# The ratios of the last three quarters of the requests, in percent: of models' pages, of the other table's.
# measure on|off
measure() {
  as_worker python3 bench/cache_store.py requests "$1" $MODELS $WIDTH "$SEED" $REQUESTS |
    cluster_psql "$DIR" -qAt -d cache | tail -n 2 | paste -s -d ' '
}

# Every measurement begins with an empty pool.
run() { server "$1"; measure "$2"; }

declare -A HIT OTHER
headline "Models of their own: nothing shared"
server 16384; make_store plain
PLAIN=$(sql "SELECT sum(pages) FROM mosaic.model_pages")
POOLS="$((PLAIN / 9)) $((PLAIN / 4)) $((PLAIN / 2)) $((PLAIN * 3 / 4))"
say "  $PLAIN pages"
for pool in $POOLS; do
  read -r HIT[plain,$pool] OTHER[plain,$pool] < <(run "$pool" off)
done
headline "One store, deduplicated"
server 16384; make_store dedup
STORE=$(sql "SELECT pages FROM mosaic.storage")
say "  $STORE pages"
for pool in $POOLS; do
  read -r HIT[dedup,$pool] OTHER[dedup,$pool] < <(run "$pool" off)
done
headline "Packed"
server 16384
sql "SELECT count(*) FROM pack_models('reads')" >/dev/null
sql "VACUUM mosaic.block"; sql "SELECT count(*) FROM pack_models('reads')" >/dev/null; sql "VACUUM mosaic.block"
say "  $(sql "SELECT pages FROM mosaic.storage") pages"
for pool in $POOLS; do
  read -r HIT[packed,$pool] OTHER[packed,$pool] < <(run "$pool" off)
  read -r HIT[ours,$pool] OTHER[ours,$pool] < <(run "$pool" on)
done

headline "Hits in shared_buffers, %: pages of models (of the other table)"
printf '%-28s %18s %18s %18s %18s\n' "pool, of $PLAIN pages" "plain store" "deduplicated" "and packed" "and steered"
FIGURES=() worst=100 worst_other=100
for pool in $POOLS; do
  printf '%-28s' "$pool pages"
  for kind in plain dedup packed ours; do
    printf ' %18s' "${HIT[$kind,$pool]} (${OTHER[$kind,$pool]})"
    FIGURES+=("${kind}_$((pool * 100 / PLAIN))_pct=${HIT[$kind,$pool]}" "other_${kind}_$((pool * 100 / PLAIN))_pct=${OTHER[$kind,$pool]}")
  done
  printf '\n'
  worst=$(awk "BEGIN {d = ${HIT[ours,$pool]} - ${HIT[packed,$pool]}; print d < $worst ? d : $worst}")
  worst_other=$(awk "BEGIN {d = ${OTHER[ours,$pool]} - ${OTHER[packed,$pool]}; print d < $worst_other ? d : $worst_other}")
done
half=$((PLAIN / 2))
together=$(awk "BEGIN {printf \"%.2f\", ${HIT[ours,$half]} / ${HIT[plain,$half]}}")

headline "Simulated (bench/cache.cc)"
cluster_stop "$DIR"
# shellcheck disable=SC2086
as_worker build/release/cache $QUICK | tee build/logs/cache.txt
simulated=$(tail -n 1 build/logs/cache.txt)
value() { sed -nE "s/.*(^| )$1=([-0-9.]+).*/\2/p" <<<"$simulated"; }
python3 tools/bench_report.py cache "${FIGURES[@]}" "static_gap_closed_pct=$(value static_gap_closed_pct)" \
  "target:gap_closed_pct=$(value gap_closed_pct)>=40" "target:worst_trace_points=$(value worst_trace_points)>=-1" \
  "target:other_worst_points=$(value other_worst_points)>=-2" "target:database_worst_points=$worst>=-1" \
  "target:database_other_worst_points=$worst_other>=-2" "target:together_at_half=$together>=1.6"
