#!/usr/bin/env bash
# apt_install.sh PACKAGE...: installs Debian packages, as root; used by tools/lib.sh.
# Installing a PostgreSQL server normally creates and starts a cluster "main". That is not ours to
# do: for the time of this installation Debian's setting create_main_cluster is turned off.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
setting=/etc/postgresql-common/createcluster.d/zz_pg_mosaic_setup.conf
if [[ " $*" == *" postgresql-"[0-9]* ]]; then
  trap 'rm -f "$setting"' EXIT
  mkdir -p "$(dirname "$setting")"
  echo "create_main_cluster = false" >"$setting"
fi
apt-get update -q -o DPkg::Lock::Timeout=600
apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=600 "$@"
