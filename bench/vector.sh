#!/usr/bin/env bash
# vector: the kernels beside the products, in cache and from memory, against memcpy and plain loops; fused attention; one thread.
#
#   tools/bench.sh vector [--quick] [--isa avx512|avx2|generic]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD python3-minimal
prepare_tree release
build_release vector

headline "Measuring"
LOG=build/logs/vector_run.log
as_worker build/release/vector "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py vector "kernel=$(sed -n 's/^kernel //p' "$LOG")" "${FIGURES[@]}"
