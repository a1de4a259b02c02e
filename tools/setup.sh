#!/usr/bin/env bash
# setup.sh: installs with apt what building, testing and the demo need on Debian 12 or later and is missing.
# Needs root or sudo only if something is. Leaves the system's PostgreSQL clusters alone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2086 # lists of words
install_packages "build, test and run the demo" $PACKAGES_BUILD $PACKAGES_TEST $PACKAGES_DEMO
say "Everything that is needed is installed."
