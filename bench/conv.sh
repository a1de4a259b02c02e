#!/usr/bin/env bash
# conv: convolutions of ResNet-50 and MobileNet, kernels in blocks; GF/s of one thread.
#
#   tools/bench.sh conv [--quick]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD python3-minimal
prepare_tree release
build_release conv

headline "Measuring"
LOG=build/logs/conv_run.log
as_worker build/release/conv "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py conv "${FIGURES[@]}"
