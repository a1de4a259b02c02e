#!/usr/bin/env bash
# check_symbols.sh NM MODULE ALLOWED: the module exports exactly the symbols listed in ALLOWED, and
# has no static initialisers of its own (they would run at load, before the server is ready).
set -euo pipefail
nm=$1 module=$2 allowed=$3
actual=$("$nm" -D --defined-only "$module" | awk '{print $3}' | LC_ALL=C sort)
if ! diff <(LC_ALL=C sort "$allowed") <(echo "$actual"); then
  echo "exported symbols differ from $allowed (< expected, > actual)"; exit 1
fi
if "$nm" "$module" | grep -F _GLOBAL__sub_I_; then
  echo "the module has static initialisers"; exit 1
fi
echo "$(echo "$actual" | wc -l) exported symbols, no static initialisers"
