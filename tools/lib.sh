# shellcheck shell=bash disable=SC2034 # the variables are for the scripts that source this
# Shared by the scripts of tools/ and bench/; to be sourced by bash.
#
# Who does what: only apt needs root. Everything else - configure, build, servers, tests - runs as the
# "worker": the caller, or the user postgres where the caller is root, because PostgreSQL refuses to
# run as root. Where the worker cannot read this checkout (say it lies under /root), the work is done
# in a copy of it, /var/cache/pg_mosaic-HASH, refreshed at each start.
#
# Sets: ROOT the checkout; TREE the folder that is built (ROOT or the copy); PG the major version of PostgreSQL,
# that of this Debian; PGBIN.

set -Eeuo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TREE=$ROOT
WORKER=$(id -un)
[ "$(id -u)" != 0 ] || WORKER=postgres
START=$SECONDS

# use_postgresql MAJOR: also sets RELEASE, the folder under build/ for this version.
use_postgresql() {
  RELEASE=release${PG:+-$1} # that of the first call, which is this Debian's version, is "release"
  PG=$1
  PGBIN=/usr/lib/postgresql/$PG/bin
  local server=postgresql-$PG
  [ ! -e "${PGBIN%bin}.complete" ] || server='' # unpacked (tools/root.sh)
  PACKAGES_BUILD="g++ cmake ninja-build ccache postgresql-$PG postgresql-server-dev-$PG libeigen3-dev
    libprotozero-dev nlohmann-json3-dev libxxhash-dev libutf8proc-dev libpcre2-dev libgtest-dev libgmock-dev libbenchmark-dev"
  # The module alone, over a core that is built already, and its tests; and PostgreSQL's headers.
  PACKAGES_MODULE="g++ cmake ninja-build ccache $server libutf8proc-dev libpcre2-dev libipc-run-perl binutils xz-utils
    chromium-headless-shell dataset-fashion-mnist python3"
  PACKAGES_VECTOR='' # pgvector is in Debian 13
  [ "$1" -lt 17 ] || PACKAGES_VECTOR="postgresql-$1-pgvector"
  PACKAGES_PEERS="postgresql-plpython3-$PG libopenblas0-pthread python3-torch python3-onnx python3-numpy python3-psycopg2"
}
PG=
case $(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}") in
  bookworm) use_postgresql 15 ;;
  trixie) use_postgresql 17 ;;
  *) use_postgresql "$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n | tail -n 1 | grep . || echo 18)" ;;
esac
# Their installation starts services, so only where nobody works otherwise.
PACKAGES_PROXIES=''
[ -z "${CI:-}" ] || PACKAGES_PROXIES="haproxy pgbouncer"
PACKAGES_TEST="libipc-run-perl libonnx-testdata clang libclang-rt-dev binutils xz-utils chromium-headless-shell"
PACKAGES_DEMO="dataset-fashion-mnist python3"

# ---- messages ----

say() { printf '%s\n' "$*"; }
headline() { printf '\n==> %s\n' "$*"; }
# die MESSAGE [HINT]
die() {
  printf '\nFAILED: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'What to do: %s\n' "$2" >&2
  exit 1
}
trap 'die "line $LINENO of ${BASH_SOURCE[0]}: $BASH_COMMAND" "this is a bug of the script; please report it with the output above"' ERR

# ---- packages ----

is_installed() {
  local status
  status=$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) && [ "$status" = installed ]
}

# install_packages WHY PACKAGE...: installs with apt those that are missing.
install_packages() {
  local why=$1 missing=() package
  shift
  command -v dpkg-query >/dev/null ||
    die "this is not Debian" "the scripts are written for Debian 12 and later; docs/development.md lists what a build needs"
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  headline "Installing what is missing to $why"
  say "  ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing, and there is neither root nor sudo to install them" \
      "ask an administrator for: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  "${sudo[@]}" bash "$ROOT/tools/apt_install.sh" "${missing[@]}" ||
    die "apt could not install them" "see apt's message above; by hand: apt-get update && apt-get install ${missing[*]}"
}

# ---- the worker and its tree ----

# Runs a command as the worker, in the current folder if it can enter it.
as_worker() {
  if [ "$(id -un)" = "$WORKER" ]; then
    "$@"
  else
    runuser -u "$WORKER" -- env HOME="$TREE/build/home" CCACHE_DIR="$TREE/build/ccache" "$@"
  fi
}

# find_tree: sets TREE, and goes there.
find_tree() {
  as_worker test -r "$ROOT/CMakeLists.txt" -a -r "$ROOT/tools/lib.sh" -a -x "$ROOT/test/data" 2>/dev/null ||
    TREE=/var/cache/pg_mosaic-$(printf %s "$ROOT" | md5sum | cut -c1-8)
  [ ! -d "$TREE" ] || cd "$TREE"
}

# prepare_tree SUBDIR...: find_tree; brings the copy up to date if TREE is one, and makes the
# folders build/SUBDIR, owned by the worker.
prepare_tree() {
  find_tree
  if [ "$TREE" != "$ROOT" ]; then
    say "The user $WORKER cannot read $ROOT: working in a copy of it, $TREE"
    mkdir -p "$TREE"
    find "$TREE" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
    tar -C "$ROOT" --exclude=./build --exclude=./.git -cf - . | tar -C "$TREE" -xf -
    chown -R "$WORKER:" "$TREE"
    chmod 755 "$TREE"
  fi
  local dir
  mkdir -p "$TREE/build/logs" || die "cannot write to $TREE/build" "clone into a folder of your own"
  for dir in ccache home "$@"; do
    mkdir -p "$TREE/build/$dir"
    [ "$(id -un)" = "$WORKER" ] || chown -R "$WORKER:" "$TREE/build/$dir"
    [ -w "$TREE/build/$dir" ] || die "cannot write to $TREE/build/$dir, which belongs to $(stat -c %U "$TREE/build/$dir")" \
      "remove it, or run this script as that user"
  done
  cd "$TREE"
}

# ---- steps ----

# step NAME HINT COMMAND...: runs it as the worker, shows that it goes on, keeps its output in
# build/logs/NAME.log; where it fails, shows the end of that and the hint.
step() {
  local name=$1 hint=$2 log=$TREE/build/logs/$1.log begin=$SECONDS shown='' line pid status=0
  shift 2
  set -m  # in a process group of its own, so that ^C can end all of it
  { as_worker "$@" || exit $?; } >"$log" 2>&1 </dev/null &
  set +m
  pid=$!
  trap 'kill -- -"$pid" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    line=$(tail -n 1 "$log" | cut -c1-100)
    if [ -t 1 ]; then
      printf '\r\033[K  %s' "$line"
    elif [ $(((SECONDS - begin) / 15)) != "${shown:-0}" ]; then
      shown=$(((SECONDS - begin) / 15))
      say "  $line"
    fi
  done
  wait "$pid" || status=$?
  trap - INT TERM
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" != 0 ]; then
    tail -n 30 "$log" >&2
    die "$name (the end of its output is above; all of it is in $log)" "$hint"
  fi
  say "  $name: $((SECONDS - begin)) s"
}

# Continuous integration builds from nothing: precompiled headers pay there, and the compiler's cache costs.
PCH=OFF
[ "${CI:-}" != true ] || { PCH=ON; export CCACHE_DISABLE=1; }

HINT_BUILD="if a header or a library was not found, run tools/setup.sh; to start over, remove the build folder"

# build_release [TARGET...]: configures and builds build/$RELEASE; with the core $MOSAIC_CORE, if that is given.
build_release() {
  headline "Building (Release) for PostgreSQL $PG in $TREE/build/$RELEASE"
  step configure "$HINT_BUILD" cmake -S . -B "build/$RELEASE" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DPG_CONFIG="$PGBIN/pg_config" -DMOSAIC_CORE="${MOSAIC_CORE:-}" -DMOSAIC_PCH=$PCH
  step build "$HINT_BUILD" cmake --build "build/$RELEASE" ${1:+--target "$@"}
}

# build_sanitized [TARGET...]: one build of the core by Clang serves the unit tests under the sanitizers and the fuzz targets: it
# compiles in a third of GCC's time. Lines are all the debugging information that a report needs.
build_sanitized() {
  headline "The core, its unit tests and fuzz targets under AddressSanitizer and UBSan, in build/sanitize"
  step configure-sanitize "$HINT_BUILD" env CC=clang CXX=clang++ cmake -S . -B build/sanitize -G Ninja \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -gline-tables-only" \
    -DMOSAIC_PCH=$PCH -DMOSAIC_SANITIZE=address,undefined -DMOSAIC_FUZZ=ON -DMOSAIC_EXTENSION=OFF -DMOSAIC_BENCH=OFF
  step build-sanitize "$HINT_BUILD" cmake --build build/sanitize ${1:+--target "$@"}
}

# ---- a private server: cluster_* DIR ----
# DIR/data the cluster, DIR/stage the extension, DIR/server.log. It listens on a unix socket only,
# in a folder that none but its owner can enter.

# cluster_socket DIR: the folder of the socket, whose path must not be longer than the system allows.
cluster_socket() {
  local dir=$1/socket
  [ ${#dir} -le 85 ] || dir=/tmp/pg_mosaic-$(id -u "$WORKER")-$(printf %s "$1" | md5sum | cut -c1-8)
  printf %s "$dir"
}

cluster_running() { as_worker "$PGBIN/pg_ctl" -D "$1/data" status >/dev/null 2>&1; }

cluster_stop() {
  ! cluster_running "$1" || as_worker "$PGBIN/pg_ctl" -D "$1/data" -m fast stop >/dev/null
}

# stage_settings STAGE: what lets a server find the extension there. Debian's own setting; since 18, PostgreSQL's.
stage_settings() {
  if [ "$PG" -lt 18 ]; then
    say "extension_destdir = '$1'"
  else
    say "extension_control_path = '$1$("$PGBIN/pg_config" --sharedir):\$system'"
    say "dynamic_library_path = '$1$("$PGBIN/pg_config" --pkglibdir):\$libdir'"
  fi
}

# cluster_start DIR [SETTING...]: makes the cluster if there is none, stages the extension that was
# built, and starts the server. Settings are lines of postgresql.conf.
cluster_start() {
  local dir=$1 module=pg_mosaic.so socket staged setting
  shift
  socket=$(cluster_socket "$dir")
  staged=$dir/stage$("$PGBIN/pg_config" --pkglibdir)/$module
  as_worker mkdir -p -m 700 "$dir" "$socket"
  [ "$(stat -c '%U %a' "$socket")" = "$WORKER 700" ] ||
    die "$socket is not a private folder of $WORKER" "remove it"
  if [ ! -s "$dir/data/PG_VERSION" ]; then
    rm -rf "$dir/data"
    step initdb "see the message above; is the disk full?" "$PGBIN/initdb" -D "$dir/data" \
      -U postgres --auth=trust --encoding=UTF8 --no-locale
    echo "include 'mosaic.conf'" | as_worker tee -a "$dir/data/postgresql.conf" >/dev/null
  fi
  {
    say "listen_addresses = ''"
    say "unix_socket_directories = '$socket'"
    say "unix_socket_permissions = 0700"
    stage_settings "$dir/stage"
    for setting in "$@"; do say "$setting"; done
  } | as_worker tee "$dir/mosaic.conf" >/dev/null
  # A running server must not have its module replaced under it.
  if ! as_worker cmp -s "build/$RELEASE/$module" "$staged" ||
      ! as_worker cmp -s "$dir/mosaic.conf" "$dir/data/mosaic.conf"; then
    cluster_stop "$dir"
  fi
  step stage "$HINT_BUILD" env DESTDIR="$dir/stage" cmake --install "build/$RELEASE"
  as_worker cp "$dir/mosaic.conf" "$dir/data/mosaic.conf"
  cluster_running "$dir" ||
    step start "the server's own log: $dir/server.log" \
      "$PGBIN/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 start
}

# cluster_psql DIR [ARGUMENT...]
cluster_psql() {
  local socket
  socket=$(cluster_socket "$1")
  shift
  as_worker env -u PGHOST -u PGPORT -u PGDATABASE -u PGOPTIONS -u PGSERVICE \
    "$PGBIN/psql" -X -v ON_ERROR_STOP=1 -h "$socket" -p 5432 -U postgres "$@"
}
