#!/usr/bin/env bash
# trees: an ensemble of 500 trees of depth 6 over 28 features, one row and many; one thread.
#
#   tools/bench.sh trees [--quick]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD python3-minimal
prepare_tree release
build_release trees

headline "Measuring"
LOG=build/logs/trees_run.log
as_worker build/release/trees "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py trees "${FIGURES[@]}"
