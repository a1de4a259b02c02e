#!/usr/bin/env bash
# evaluations: what the gate saves by keeping activations from one evaluation to the next
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/bench/dedup/prepare.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build and to train" $PACKAGES_BUILD dataset-fashion-mnist python3-torch python3-numpy python3-onnx
prepare_tree release bench-data
build_release evaluations
TEXT=build/bench-data/fashion
step train_fashion "see the message above" /usr/bin/python3 bench/dedup/train_fashion.py "$TEXT"
measure evaluations
