#!/usr/bin/env bash
# bench.sh: runs one benchmark; each is one claim of the documentation, peers side by side.
#
#   tools/bench.sh --list            the benchmarks, with what each one measures
#   tools/bench.sh NAME [--quick]    run one; --quick: small sizes, to see that it works
#
# bench/NAME.sh is a script that sources tools/lib.sh; bench/NAME.cc a program of the core that is built
# and run. Their first comment line says what they measure. The last line of the output is one JSON
# object (tools/bench_report.py): figures, and the targets they are held against.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

list() {
  local file name
  for file in "$ROOT"/bench/*.sh "$ROOT"/bench/*.cc; do
    [ -e "$file" ] || continue
    name=$(basename "${file%.*}")
    # A program that has a script is run by it.
    [ "$file" = "${file%.cc}" ] || [ ! -e "${file%.cc}.sh" ] || continue
    # The first comment line, without the marker and without the name it may open with.
    printf '%-24s %s\n' "$name" "$(sed -nE '/^(#!|$)/d; /^(#|\/\/) ?/{s///; s/^'"$name"'(\.sh|\.cc)?: *//; p; q}' "$file")"
  done
}

NAME=${1:-}
case $NAME in
  --list) list; exit 0 ;;
  "" | -*) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
shift
MOSAIC_COMMIT=$(git -C "$ROOT" -c safe.directory="$ROOT" rev-parse --short HEAD 2>/dev/null || echo unknown)
[ -z "$(git -C "$ROOT" -c safe.directory="$ROOT" status --porcelain 2>/dev/null)" ] || MOSAIC_COMMIT+=-modified
export MOSAIC_COMMIT
if [ -e "$ROOT/bench/$NAME.sh" ]; then
  exec bash "$ROOT/bench/$NAME.sh" "$@"
fi
[ -e "$ROOT/bench/$NAME.cc" ] || die "there is no benchmark $NAME" "tools/bench.sh --list shows what there is"
# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
prepare_tree release
build_release "$NAME"
as_worker "build/release/$NAME" "$@"
