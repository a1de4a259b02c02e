# shellcheck shell=bash
# root.sh: other Debian releases in folders, for tools/test.sh --pg and tools/package.sh. Sourced behind tools/lib.sh.
#
# A root is build/roots/SUITE, made by debootstrap from the mirror that apt uses here (about 300 MB, then what is
# installed in it). Commands run there as root, in namespaces of their own, which end with all that they mounted. Nothing
# of this machine is changed.

# suite_of MAJOR: the Debian release that has this PostgreSQL.
suite_of() {
  case $1 in
    15) say bookworm ;;
    17) say trixie ;;
    18) say forky ;;
    *) die "no Debian release has PostgreSQL $1" "there are 15, 17 and 18; or install postgresql-$1 and postgresql-server-dev-$1 here" ;;
  esac
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null || die "this needs root or sudo: $*" "run it as root"
    sudo "$@"
  fi
}

# make_root SUITE DIR: makes the root, if it is not there: unpacks build/roots/SUITE.tar, which it makes where that is not there.
make_root() {
  local base=$TREE/build/roots/$1.tar
  [ ! -e "$2/.complete" ] || return 0
  [ -e "$base" ] || make_base "$1" "$base"
  as_root rm -rf "$2"
  as_root mkdir -p "$2"
  as_root tar -C "$2" -xpf "$base"
  as_root touch "$2/.complete"
}

# mirror: what apt uses here; empty where apt has no lists of Debian.
# shellcheck disable=SC2016 # apt expands it
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' | awk '!/security/ && !n++'; }

# make_test_root MAJOR DIR: a root that has what building the module of this PostgreSQL over a core, and its tests, need, and the
# older PostgreSQL versions that stores are upgraded from. One that is there gets those that it lacks.
make_test_root() {
  local older
  [[ $(not_unpacked "$1" "$2") != *16* || -n ${UBUNTU_MIRROR:-} ]] ||
    die "PostgreSQL 16 is in Ubuntu 24.04, not in Debian" "set UBUNTU_MIRROR to the URL of a mirror of Ubuntu"
  [ -e "$2/.complete" ] || bootstrap_test_root "$(lodging_of "$1")" "$2"
  for older in $(not_unpacked "$1" "$2"); do add_older "$older" "$2"; done
}

# not_unpacked MAJOR DIR: the older PostgreSQL versions that this test root lacks.
not_unpacked() {
  local older
  for older in $(unpacked_for "$1"); do
    [ -e "$2/usr/lib/postgresql/$older/.complete" ] || say "$older"
  done
}

# lodging_of MAJOR: the PostgreSQL in whose root it is tested. unpacked_for MAJOR: what is unpacked there.
lodging_of() { say "${1/#16/17}"; }
unpacked_for() {
  case $1 in
    16) say 15 16 ;;
    17) say 15 ;;
    18) say 15 17 ;;
  esac
}

# The libraries that a server needs and later Debian releases have no more.
libraries_of() {
  case $1 in
    15) say libicu72 libldap-2.5-0 libxml2 libgnutls30 libunistring2 libtasn1-6 libp11-kit0 ;;
    16) say libicu74 ;;
    17) say libicu76 libxml2 ;;
  esac
}

# sources_of MAJOR: where apt finds it.
sources_of() {
  local mirror suite
  if [ "$1" = 16 ]; then
    for suite in noble noble-updates; do
      say "deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] $UBUNTU_MIRROR $suite main universe"
    done
  else
    mirror=$(mirror) && [ -n "$mirror" ] || die "apt knows no mirror of Debian here" "apt-get update, with sources that name one"
    say "deb $mirror $(suite_of "$1") main"
  fi
}

# add_older MAJOR DIR: unpacks this PostgreSQL, with headers, from its own release, into a root of a later one. What the
# root has stays as it is, apt's settings and lists too. Without LLVM: the server then does not compile queries.
add_older() {
  local major=$1 dir=$2 suite='' sources name proxies=()
  sources=$(sources_of "$major") || exit 1
  [ "$major" = 16 ] || suite=/$(suite_of "$major") # the root's own libraries of the same names are newer
  for name in http_proxy https_proxy no_proxy; do # apt's own settings of that are in the root (bootstrap_test_root)
    [ -z "${!name:-}" ] || proxies+=("$name=${!name}")
  done
  headline "Adding PostgreSQL $major to $dir"
  # shellcheck disable=SC2016,SC2046 # for the shell there; a list of words
  WORKER=$(id -un) step "root-older-$major" "is the mirror within reach?" in_root "$dir" env "${proxies[@]}" bash -euo pipefail -c '
    major=$1 sources=$2 suite=$3
    shift 3
    rm -rf /usr/{lib,include,share}/postgresql/"$major" # of a try before
    mkdir -p /tmp/older/lists/partial
    chmod 777 /tmp/older
    cd /tmp/older
    [[ $sources != *ubuntu-archive-keyring* ]] || { apt-get -q update && apt-get -q install -y ubuntu-keyring; }
    echo "$sources" >sources.list
    apt="-q -o Dir::Etc::SourceList=/tmp/older/sources.list -o Dir::Etc::SourceParts=/dev/null
      -o Dir::State::Lists=/tmp/older/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
    apt-get $apt update
    apt-get $apt download "${@/%/$suite}"
    for package in *.deb; do
      dpkg-deb --fsys-tarfile "$package" | tar -C / -x --skip-old-files --keep-directory-symlink \
        --exclude=\*llvmjit\* --exclude=\*/bitcode --exclude=./etc --exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man
    done
    ldconfig
    "/usr/lib/postgresql/$major/bin/postgres" --version
    touch "/usr/lib/postgresql/$major/.complete"' add_older "$major" "$sources" "$suite" \
    "postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major" $(libraries_of "$major")
}

# bootstrap_test_root MAJOR DIR. The headers and pg_regress are unpacked only: the package asks for LLVM and Clang, which nothing here uses.
bootstrap_test_root() {
  local suite sources dir=$2 file packages options=()
  suite=$(suite_of "$1") && sources=$(sources_of "$1") || exit 1
  install_packages "make a root of Debian $suite" mmdebstrap
  packages=$(use_postgresql "$1" && say $PACKAGES_MODULE $PACKAGES_PROXIES $PACKAGES_VECTOR)
  for file in /etc/apt/apt.conf.d/*proxy*; do
    [ ! -e "$file" ] || options+=(--aptopt="$file") # what apt needs to know of this machine's network
  done
  headline "Making a root of Debian $suite with PostgreSQL $1, $dir (some minutes)"
  as_root rm -rf "$dir"
  as_root mkdir -p "$(dirname "$dir")"
  root_step "root-$suite" "is the mirror within reach?" mmdebstrap --mode=root --variant=essential \
    --dpkgopt=force-unsafe-io --dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/* \
    --dpkgopt=path-exclude=/usr/share/locale/* --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --aptopt='Acquire::Check-Valid-Until "false"' "${options[@]}" --include="apt $packages" \
    --essential-hook='mkdir -p "$1/etc/postgresql-common/createcluster.d"' \
    --essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.d/zz_pg_mosaic.conf"' \
    --customize-hook="cd \"\$1/tmp\" && chroot \"\$1\" sh -c 'cd /tmp && apt-get download -q postgresql-server-dev-$1' && dpkg-deb -x postgresql-server-dev-$1_*.deb \"\$1\" && rm postgresql-server-dev-$1_*.deb" \
    "$suite" "$dir" "$sources"
  as_root touch "$dir/.complete"
}

# is_elsewhere MAJOR: whether this PostgreSQL needs a root.
is_elsewhere() { [ "$1" != "$PG" ] && [ ! -e "$("/usr/lib/postgresql/$1/bin/pg_config" --includedir-server 2>/dev/null)/postgres.h" ]; }
test_root() {
  local suite
  suite=$(suite_of "$(lodging_of "$1")") && say "$TREE/build/roots/$suite-test"
}

# run_elsewhere MAJOR COMMAND...: in a root of the Debian that has this PostgreSQL, with MOSAIC_CORE: the core that is built here,
# unless MOSAIC_CORE is one.
run_elsewhere() {
  local dir core=${MOSAIC_CORE:-} major=$1 unpacked
  unpacked=$(unpacked_for "$1")
  shift
  prepare_tree "$RELEASE"
  dir=$(test_root "$major") || exit 1
  make_test_root "$major" "$dir"
  if [ -z "$core" ]; then
    # shellcheck disable=SC2086 # a list of words
    install_packages "build the core" $PACKAGES_BUILD
    build_release mosaic_core
    core=$TREE/build/$RELEASE/libmosaic_core.a
  fi
  headline "In a root of Debian $(suite_of "$(lodging_of "$major")"), $dir"
  as_root mkdir -p "$dir/var/build"
  as_root cp "$core" "$dir/var/build/libmosaic_core.a"
  in_root "$dir" env CI="${CI:-}" MOSAIC_UNPACKED="${unpacked/%$major/}" MOSAIC_COMMIT="${MOSAIC_COMMIT:-}" MOSAIC_CORE=/pg_mosaic/build/libmosaic_core.a "$@"
}

make_base() {
  local suite=$1 base=$2 dir=${2%.tar}.new mirror script=/usr/share/debootstrap/scripts/$1
  install_packages "make a root of Debian $suite" debootstrap
  mirror=$(mirror)
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  headline "Making a root of Debian $suite, $base (some minutes)"
  as_root rm -rf "$dir"
  as_root mkdir -p "$dir"
  root_step "debootstrap-$suite" "is ${mirror:-the mirror} within reach?" \
    debootstrap --variant=minbase "$suite" "$dir" "${mirror:-http://deb.debian.org/debian}" "$script"
  # what apt needs to know of this machine's network
  local file
  for file in /etc/apt/apt.conf.d/*proxy*; do
    [ ! -e "$file" ] || as_root cp "$file" "$dir/etc/apt/apt.conf.d/"
  done
  say force-unsafe-io | as_root tee "$dir/etc/dpkg/dpkg.cfg.d/unsafe-io" >/dev/null
  as_root tar -C "$dir" --one-file-system -cf "$base.new" .
  as_root mv "$base.new" "$base"
  as_root rm -rf "$dir"
}

# root_step NAME HINT COMMAND...: a step as root.
root_step() {
  local worker=$WORKER
  WORKER=$(id -un)
  if [ "$WORKER" = root ]; then step "$@"; else step "$1" "$2" sudo "${@:3}"; fi
  WORKER=$worker
}

# in_root DIR COMMAND...: runs it in the root DIR. This checkout is /pg_mosaic there, with a folder build/ of its own,
# DIR/var/build.
in_root() {
  local dir=$1
  shift
  as_root mkdir -p "$dir/pg_mosaic" "$dir/var/build" "$TREE/build"
  as_root cp /etc/resolv.conf "$dir/etc/resolv.conf"
  as_root unshare --mount --pid --fork --kill-child bash -euc '
    tree=$1 dir=$2
    shift 2
    mount --make-rprivate /
    mount --bind "$tree" "$dir/pg_mosaic"
    mount --bind "$dir/var/build" "$dir/pg_mosaic/build"
    mount -t proc proc "$dir/proc"
    mount --rbind /dev "$dir/dev"
    mount -t tmpfs tmpfs "$dir/dev/shm"
    mount -t tmpfs tmpfs "$dir/tmp" -o mode=1777
    cd "$dir"
    # not exec: this shell is process 1 there, which has to wait for orphans
    chroot "$dir" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
    exit' in_root "$TREE" "$dir" "$@"
}
