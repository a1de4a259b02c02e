#!/usr/bin/env bash
# steps: the longest step of every operator on arrays of 10^8 elements, in CPU time: what a cancelled statement waits for
#
#   tools/bench.sh steps [--elements N] [--samples N] [--only OPERATOR]      default: 100000000, 3; --quick: 1000000, 2
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

[ "${1:-}" != --quick ] || set -- --elements 1000000 --samples 2
# shellcheck disable=SC2086 # a list of words
install_packages "build and measure" $PACKAGES_BUILD
prepare_tree release
build_release steps
LOG=build/logs/steps_run.log
headline "The longest steps"
as_worker build/release/steps "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
"$ROOT/tools/bench_report.py" steps "${FIGURES[@]}"
