#!/usr/bin/env bash
# lsh: recall and speed of the search for near duplicates, against comparing all pairs.
#
#   tools/bench.sh lsh [--quick] [--queries N] [--height N] [--tables N] [--hashes N] [--sample N] [--width X]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/bench/dedup/prepare.sh"

prepare_text lsh "$@"
measure lsh "$@"
