#!/usr/bin/env bash
# chaos.sh: processes killed, disk full, power lost, standby promoted, restored, while models change: nothing lost, nothing else there
#
#   tools/bench.sh chaos [--rounds N] [--seed S] [--only FAULT,...]      default: 200 rounds; --quick: 12
#
# Four sessions import (exactly, with near duplicates merged, with lossless differences or down the ladder, in bfloat16), replace, drop, rename and merge models, each those of its
# own; one reads, one packs, vacuums and checks. Each round ends with a fault; then every transaction that was acknowledged is there
# and no other, check_store() returns nothing, and every prediction has the bits that it had when its transaction committed.
# The first failure prints the seed, and leaves the data folder, which no later run takes away. Draws are made from the seed; the scheduling is not.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

OPTIONS=("$@")
[ "${1:-}" != --quick ] || OPTIONS=(--rounds 12 "${@:2}")
[[ " ${OPTIONS[*]-} " == *" --rounds "* ]] || OPTIONS+=(--rounds 200)

# shellcheck disable=SC2086 # lists of words
install_packages "build and measure" $PACKAGES_BUILD
prepare_tree release bench
build_release pg_mosaic sql_script chaos_disk
DIR=$TREE/build/chaos LOG=$TREE/build/logs/chaos_run.log BUILT=$TREE/build/$RELEASE
as_worker mkdir -p "$DIR"
as_worker env DESTDIR="$BUILT/stage" cmake --install "$BUILT" >/dev/null

headline "Rounds in $DIR/run"
STATUS=0
as_worker perl bench/chaos/chaos.pl --bin "$PGBIN" --conf "$BUILT/test.conf" --models "$TREE/test/data/models" --dir "$DIR/run" \
  --disk "$BUILT/chaos_disk.so" "${OPTIONS[@]}" | tee "$LOG" | grep --line-buffered -v '^report ' || STATUS=$?
[ "$STATUS" = 0 ] || die "a round failed" "tools/bench.sh chaos --seed S with the seed above draws the same; the data folder is the one named there"
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
"$ROOT/tools/bench_report.py" chaos "${FIGURES[@]}"
