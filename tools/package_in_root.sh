#!/usr/bin/env bash
# package_in_root.sh build|check|try MAJOR: what tools/package.sh does in its roots, as root there.
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
export DEBIAN_FRONTEND=noninteractive
MAJOR=$2
PACKAGE=postgresql-$MAJOR-pg-mosaic

# The source is a copy of the checkout: debian/control is made for the PostgreSQL that this Debian has.
build() {
  local work=/var/tmp/pg-mosaic
  apt-get update -q
  apt-get install -q -y --no-install-recommends build-essential debhelper postgresql-server-dev-all
  rm -rf "$work"
  mkdir -p "$work/source" /pg_mosaic/build/packages
  tar -C /pg_mosaic --exclude=./build --exclude=./.git --exclude=./.cache -cf - . | tar -C "$work/source" --no-same-owner -xf -
  cd "$work/source"
  pg_buildext updatecontrol
  apt-get build-dep -q -y --no-install-recommends ./
  DEB_BUILD_OPTIONS="parallel=$(nproc)" dpkg-buildpackage -b -us -uc
  rm -f /pg_mosaic/build/packages/*
  cp ../*.deb ../*.buildinfo ../*.changes /pg_mosaic/build/packages/
}

# debian/tests, as autopkgtest would run them where it was built: the SQL tests against the installed package.
check() {
  trap 'apt-get purge -q -y "$PACKAGE"' EXIT # or the next build, in the same root, would find it
  apt-get install -q -y --no-install-recommends "/pg_mosaic/build/packages/$PACKAGE"_*.deb
  chmod -R a+rX /var/tmp/pg-mosaic # the server reads test/data, whatever umask the checkout was made with
  cd /var/tmp/pg-mosaic/source
  sh debian/tests/installcheck
  trap - EXIT
  apt-get purge -q -y "$PACKAGE"
}

psql() { runuser -u postgres -- psql -X -At -v ON_ERROR_STOP=1 "$@"; }

# Fails unless the two are equal.
expect() {
  [ "$2" = "$3" ] || { printf 'FAILED: %s: got %s, not %s\n' "$1" "$2" "$3" >&2; exit 1; }
  printf 'ok: %s\n' "$1"
}

# The predictions of a store's contents, their numbers to 2 digits behind the point.
rounded() { grep '^predict' | perl -pe 's/-?\d+(\.\d+)?(e[-+]?\d+)?/sprintf "%.2f", $& + 0.0003/ge'; }

files_of_ours() { find / -xdev -path /pg_mosaic -prune -o -path /proc -prune -o -iname '*mosaic*' ! -path '/root/*' ! -path '/var/build/*' -print; }

try() {
  local models=/var/tmp/models version
  apt-get update -q
  apt-get install -q -y --no-install-recommends "/root/$PACKAGE"_*.deb
  version=$(dpkg-query -W -f '${Version}' "$PACKAGE")
  version=${version%-*}
  # A user who is not the server's owner could not read the checkout either.
  cp -r /pg_mosaic/test/data/models "$models"
  chmod -R a+rX "$models"
  pg_lsclusters -h | grep -q "^$MAJOR " || pg_createcluster "$MAJOR" main
  pg_ctlcluster "$MAJOR" main start || pg_ctlcluster "$MAJOR" main status
  psql -q -c 'CREATE EXTENSION pg_mosaic' -c "SELECT import_model('iris', '$models/iris.onnx')" >/dev/null
  expect 'the version' "$(psql -c "SELECT extversion FROM pg_extension WHERE extname = 'pg_mosaic'")" "$version"
  expect 'a prediction' "$(psql -c "SELECT predict_class('iris', 5.1, 3.5, 1.4, 0.2), predict_class('iris', 6.3, 3.3, 6.0, 2.5)")" '0|2'
  expect 'the store' "$(psql -c 'SELECT count(*) FROM check_store()')" 0
  psql -q -c 'DROP EXTENSION pg_mosaic CASCADE' -c "CREATE EXTENSION pg_mosaic VERSION '0.1.0'" -c 'ALTER EXTENSION pg_mosaic UPDATE' \
    -c "SELECT import_model('iris', '$models/iris.onnx')" >/dev/null 2>&1
  expect 'a prediction after an update' "$(psql -c "SELECT predict_class('iris', 6.3, 3.3, 6.0, 2.5)")" 2
  # A store that the release before made, from its dump into its own version, updated: numbers nearly, as CPUs differ.
  psql -q -c 'CREATE ROLE alice' -c 'CREATE ROLE bob' -c 'CREATE DATABASE store'
  psql -q -d store -c "CREATE EXTENSION pg_mosaic VERSION '0.1.0'" -f /pg_mosaic/build/store.sql >/dev/null
  psql -q -d store -c 'ALTER EXTENSION pg_mosaic UPDATE'
  expect 'a store of 0.1.0, updated: predictions as recorded' "$(psql -d store -f /pg_mosaic/test/data/stores/contents.sql | rounded)" \
    "$(rounded </pg_mosaic/test/data/stores/0.1.0/recorded)"
  expect 'that store' "$(psql -d store -c 'SELECT count(*) FROM check_store()')" 0
  psql -q -c 'DROP DATABASE store' -c 'DROP ROLE alice' -c 'DROP ROLE bob'
  expect 'licences' "$(grep -c '^License: \(PostgreSQL\|MPL-2.0\|BSD-2-clause\|Expat\)$' "/usr/share/doc/$PACKAGE/copyright")" 9
  psql -q -c 'DROP EXTENSION pg_mosaic CASCADE'
  apt-get purge -q -y "$PACKAGE"
  expect 'nothing is left' "$(files_of_ours)" ''
  pg_ctlcluster "$MAJOR" main stop
}

"$1"
