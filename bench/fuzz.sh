#!/usr/bin/env bash
# fuzz: every reader of foreign bytes under the sanitizers for 10^7 inputs, and 10^5 random calls of the SQL functions
#
#   tools/bench.sh fuzz [--inputs N] [--calls N] [--seed S] [--only REGEX]      default: 10000000, 100000, 1; --quick: 20000, 2000
#
# The fuzz targets are those of test/fuzz, two at a time, each from its seed corpus and what it found before (build/sanitize/found);
# "calls" are those of bench/calls/calls.sql, of one session. --only: targets whose names match, "calls" among them. What
# fails is left in build/sanitize/crashes, or named with the last call.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

INPUTS=10000000 CALLS=100000 SEED=1 ONLY=.
while [ $# -gt 0 ]; do
  case $1 in
    --quick) INPUTS=20000 CALLS=2000 ;;
    --inputs) INPUTS=$2 && shift ;;
    --calls) CALLS=$2 && shift ;;
    --seed) SEED=$2 && shift ;;
    --only) ONLY=$2 && shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
  shift
done

# shellcheck disable=SC2086 # lists of words
install_packages "build and fuzz" $PACKAGES_BUILD clang libclang-rt-dev
prepare_tree release sanitize bench
mapfile -t TARGETS < <(basename -s .cc -a test/fuzz/*_fuzz.cc | grep -E "$ONLY" || true)
FIGURES=() FAILURES=0
[ ${#TARGETS[@]} -gt 0 ] || grep -qE "$ONLY" <<<calls || die "nothing is called like $ONLY" "the targets: $(basename -s .cc -a test/fuzz/*_fuzz.cc | xargs) calls"

# fuzz TARGET: its output is in build/logs; ends with its status.
fuzz() {
  local dir=$TREE/build/sanitize seeds=$TREE/test/fuzz/corpus/${1%_fuzz}
  trap - ERR # a finding is a result
  as_worker mkdir -p "$dir/found/$1" "$dir/crashes"
  as_worker "$dir/$1" -runs="$INPUTS" -seed="$SEED" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$dir/crashes/$1-" \
    "$dir/found/$1" "$seeds" >"$TREE/build/logs/bench-$1.log" 2>&1 </dev/null
}

# report_target TARGET PID
report_target() {
  local log=$TREE/build/logs/bench-$1.log runs seconds found=0
  wait "$2" || found=1
  runs=$(sed -n 's/^Done \([0-9]*\) runs in .*/\1/p' "$log") seconds=$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) .*/\1/p' "$log")
  printf '  %-22s %12s %10s %9s\n' "$1" "${runs:-stopped}" "${seconds:--}" "$found"
  [ "$found" = 0 ] || tail -n 40 "$log"
  FIGURES+=("${1}_inputs=${runs:-0}")
  FAILURES=$((FAILURES + found))
}

if [ ${#TARGETS[@]} -gt 0 ]; then
  build_sanitized "${TARGETS[@]}"
  headline "Fuzz targets, $INPUTS inputs each, seed $SEED"
  printf '  %-22s %12s %10s %9s\n' target inputs seconds failures
  set +m
  # They run as the worker, below a process of its own each.
  trap 'for pid in $(jobs -p); do pkill -P "$pid" || true; kill "$pid" || true; done 2>/dev/null; exit 130' INT TERM
  for ((i = 0; i < ${#TARGETS[@]}; i += 2)); do
    fuzz "${TARGETS[i]}" &
    first=$!
    second=''
    if [ -n "${TARGETS[i + 1]:-}" ]; then
      fuzz "${TARGETS[i + 1]}" &
      second=$!
    fi
    report_target "${TARGETS[i]}" "$first"
    [ -z "$second" ] || report_target "${TARGETS[i + 1]}" "$second"
  done
  trap - INT TERM
  FIGURES+=("target:findings=$FAILURES<=0")
fi

# A thousand at a time. The end of the server ends the bench, with the last call.
run_calls() {
  local models=$TREE/test/data/models done=0 internal problems
  build_release pg_mosaic sql_script
  DIR=$TREE/build/bench/fuzz
  as_worker mkdir -p "$DIR"
  cluster_stop "$DIR"
  as_worker rm -rf "$DIR/data" "$DIR/server.log"
  trap 'cluster_stop "$DIR"' EXIT
  cluster_start "$DIR" "shared_buffers = 32MB" "autovacuum = on" "fsync = off" "log_min_messages = warning" "log_min_error_statement = panic" >/dev/null
  sql() { cluster_psql "$DIR" -qAt -d postgres "$@"; }
  headline "Random calls, seed $SEED"
  sql -c 'SET client_min_messages = error' -c 'CREATE EXTENSION pg_mosaic' -f "$TREE/bench/calls/calls.sql" -c "SELECT setseed(($SEED % 1000000) / 1e6)" \
    -c "CALL calls.prepare('$models')" >/dev/null
  while [ "$done" -lt "$CALLS" ]; do
    sql -c 'SET client_min_messages = error' -c "SET calls.models = '$models'" -c "SELECT setseed((($SEED + $done) % 1000000) / 1e6)" -c "CALL calls.run(1000)" >/dev/null ||
      die "the server or a batch of calls ended" "the last call: $(grep 'LOG:  call' "$DIR/server.log" | tail -n 1)"
    done=$((done + 1000))
  done
  printf '  %s\n' "ends of $done calls, by SQLSTATE:"
  sql -F ' ' -c "SELECT sqlstate, sum(count) FROM calls.outcomes GROUP BY 1 ORDER BY 2 DESC" | sed 's/^/    /'
  sql -c "SELECT '  longer than 5 s: ' || left(statement, 200) || ', ' || seconds FROM calls.slow"
  internal=$(sql -c 'SELECT coalesce(sum(count), 0) FROM calls.internal')
  sql -c "SELECT '  internal: ' || message || ': ' || example FROM calls.internal"
  problems=$(sql -c 'SELECT count(*) FROM check_store()')
  FIGURES+=("calls=$done" "functions=$(sql -c 'SELECT count(DISTINCT function) FROM calls.outcomes')" "target:internal_errors=$internal<=0" "target:problems_of_check_store=$problems<=0")
}
! grep -qE "$ONLY" <<<calls || run_calls
"$ROOT/tools/bench_report.py" fuzz "${FIGURES[@]}"
