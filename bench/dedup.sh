#!/usr/bin/env bash
# dedup: five text classifiers stored exactly and with near duplicates: ratio, accuracy, evaluations.
#
#   tools/bench.sh dedup [--quick] [--height N] [--bound X]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/bench/dedup/prepare.sh"

prepare_text dedup "$@"
measure dedup "$@"
