#!/bin/sh
# check_versions.sh VERSION SOURCE: fails where META.json, debian/changelog or CHANGELOG.md name another version than CMakeLists.txt,
# a released version has no store among the tests' data, or a file other than compat.h asks for PostgreSQL's version.
status=0
check() {
  [ "$2" = "$version" ] || { echo "$1 names version ${2:-none}, CMakeLists.txt $version"; status=1; }
}
version=$1
cd "$2" || exit 1
for named in $(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' META.json | sed '$d'); do check META.json "$named"; done  # the last is the format's
check debian/changelog "$(sed -n '1s/^pg-mosaic (\([^-]*\)-.*/\1/p' debian/changelog)"
check CHANGELOG.md "$(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)"
for script in sql/frozen/pg_mosaic--*.sql; do
  released=$(basename "$script" .sql)
  [ -d "test/data/stores/${released#pg_mosaic--}" ] || { echo "$script has no store in test/data/stores"; status=1; }
done
for file in $(grep -rlE 'PG_(VERSION|MAJORVERSION)(_NUM)?\b' src/pg); do
  [ "$file" = src/pg/compat.h ] || { echo "$file asks for PostgreSQL's version, which belongs into src/pg/compat.h"; status=1; }
done
exit $status
