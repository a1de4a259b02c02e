#!/usr/bin/env bash
# package.sh: builds the Debian package, and tries it in a fresh system: install, create, predict, update, purge.
#
#   tools/package.sh [N]   for PostgreSQL N, in the Debian that has it (15: bookworm, 17: trixie, 18: forky);
#                          without N, for this Debian's. The package is left in build/packages.
#
# Needs root or sudo: both systems are roots under build/roots (tools/root.sh).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$ROOT/tools/root.sh"

case ${1:-$PG} in
  [0-9]*) MAJOR=${1:-$PG} ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
SUITE=$(suite_of "$MAJOR") || exit 1
prepare_tree packages
BUILDER=$TREE/build/roots/$SUITE-build FRESH=$TREE/build/roots/$SUITE-fresh

headline "Building the package for PostgreSQL $MAJOR in $BUILDER"
make_root "$SUITE" "$BUILDER"
in_root "$BUILDER" /pg_mosaic/tools/package_in_root.sh build "$MAJOR"
headline "make installcheck against the package, there"
in_root "$BUILDER" /pg_mosaic/tools/package_in_root.sh check "$MAJOR"
as_root rm -rf "$TREE/build/packages/$SUITE"
as_root cp -r "$BUILDER/var/build/packages" "$TREE/build/packages/$SUITE"

headline "Trying it in a fresh system, $FRESH"
as_root rm -rf "$FRESH"
make_root "$SUITE" "$FRESH"
as_root cp "$TREE/build/packages/$SUITE/postgresql-${MAJOR}-pg-mosaic_"*.deb "$FRESH/root/"
as_root mkdir -p "$FRESH/var/build"
xz -dc test/data/stores/0.1.0/dump.sql.xz | as_root tee "$FRESH/var/build/store.sql" >/dev/null
in_root "$FRESH" /pg_mosaic/tools/package_in_root.sh try "$MAJOR"
as_root rm -rf "$FRESH"
headline "The package is good:"
ls -l "$TREE/build/packages/$SUITE"/*.deb
