# shellcheck shell=bash
# A memory cgroup, version 1 or 2, for what a benchmark measures; sourced after tools/lib.sh. Needs root.
#
#   memory_limit_open BYTES; limited COMMAND...; memory_limit_kills; memory_limit_close
# Files' pages in the operating system's cache count, as do shared buffers; there is no swap in it.

memory_limit_open() {
  local name=pg_mosaic_bench
  [ "$(id -u)" = 0 ] || die "this benchmark limits memory by a cgroup, which needs root" "run it as root"
  if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    LIMIT_GROUP=/sys/fs/cgroup/memory/$name LIMIT_EVENTS=memory.oom_control
    mkdir -p "$LIMIT_GROUP"
    echo "$1" >"$LIMIT_GROUP/memory.limit_in_bytes"
    echo 0 >"$LIMIT_GROUP/memory.swappiness"
  else
    LIMIT_GROUP=/sys/fs/cgroup/$name LIMIT_EVENTS=memory.events
    echo +memory >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    mkdir -p "$LIMIT_GROUP"
    [ -e "$LIMIT_GROUP/memory.max" ] || die "there is no memory cgroup here" "is /sys/fs/cgroup mounted, and writable?"
    echo "$1" >"$LIMIT_GROUP/memory.max"
    echo 0 >"$LIMIT_GROUP/memory.swap.max"
  fi
}

# Runs it as the worker within the limit.
limited() { (echo "$BASHPID" >"$LIMIT_GROUP/cgroup.procs" && as_worker "$@"); }

# Processes killed since the group was made.
memory_limit_kills() { awk '$1 == "oom_kill" {print $2}' "$LIMIT_GROUP/$LIMIT_EVENTS"; }

# REQUIRES: nothing runs in it any more.
memory_limit_close() { rmdir "$LIMIT_GROUP" 2>/dev/null || true; }

# forget_cached FILE...: their pages leave the operating system's cache (clean ones; sync first).
forget_cached() {
  local file
  for file in "$@"; do dd if="$file" iflag=nocache count=0 status=none; done
}
