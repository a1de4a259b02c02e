#!/usr/bin/env bash
# fuzz: every reader of foreign bytes under the sanitizers for 10^7 inputs, as many values through the binding, and 10^5 random calls of the
# SQL functions
#
#   tools/bench.sh fuzz [--inputs N] [--calls N] [--seed S] [--only REGEX]      default: 10000000, 100000, 1; --quick: 20000, 2000
#
# The fuzz targets are those of test/fuzz, two at a time, each from its seed corpus and what it found before (build/sanitize/found);
# op_fuzz, which computes whole graphs, gets a hundredth of the inputs. "values" are JSON, arrays and rows given to predictions
# (bench/calls/values.sql), "calls" those of bench/calls/calls.sql, of one session each. --only: targets whose names match, "values"
# and "calls" among them. What fails is left in build/sanitize/crashes, or named with the last call.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

INPUTS=10000000 CALLS=100000 SEED=1 ONLY=.
while [ $# -gt 0 ]; do
  case $1 in
    --quick) INPUTS=20000 CALLS=2000 ;;
    --inputs) INPUTS=$2 && shift ;;
    --calls) CALLS=$2 && shift ;;
    --seed) SEED=$2 && shift ;;
    --only) ONLY=$2 && shift ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
  shift
done

# shellcheck disable=SC2086 # lists of words
install_packages "build and fuzz" $PACKAGES_BUILD clang libclang-rt-dev
prepare_tree release sanitize bench
mapfile -t TARGETS < <(basename -s .cc -a test/fuzz/*_fuzz.cc | grep -E "$ONLY" || true)
FIGURES=() FAILURES=0
[ ${#TARGETS[@]} -gt 0 ] || printf 'values\ncalls\n' | grep -qE "$ONLY" || die "nothing is called like $ONLY" "the targets: $(basename -s .cc -a test/fuzz/*_fuzz.cc | xargs) values calls"

# fuzz TARGET: its output is in build/logs; ends with its status. Half of the time of so many short runs would go into what the sanitizers
# and the choice of inputs keep books of, and into long inputs of tokenizers: tools/test.sh leaves all that as it is.
fuzz() {
  local dir=$TREE/build/sanitize seeds=$TREE/test/fuzz/corpus/${1%_fuzz} inputs=$INPUTS longest=0
  trap - ERR # a finding is a result
  [ "$1" != op_fuzz ] || inputs=$((INPUTS / 100))
  [ "$1" != tokenizer_fuzz ] || longest=1024
  as_worker mkdir -p "$dir/found/$1" "$dir/crashes"
  as_worker env ASAN_OPTIONS=malloc_context_size=2 "$dir/$1" -runs="$inputs" -seed="$SEED" -entropic=0 -max_len="$longest" -rss_limit_mb=2048 -timeout=20 \
    -artifact_prefix="$dir/crashes/$1-" "$dir/found/$1" "$seeds" >"$TREE/build/logs/bench-$1.log" 2>&1 </dev/null
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

# A server for what goes through SQL, with FILE of bench/calls.
serve() {
  build_release pg_mosaic sql_script
  DIR=$TREE/build/bench/fuzz
  as_worker mkdir -p "$DIR"
  cluster_stop "$DIR"
  as_worker rm -rf "$DIR/data" "$DIR/server.log"
  trap 'cluster_stop "$DIR"' EXIT
  cluster_start "$DIR" "shared_buffers = 32MB" "autovacuum = on" "fsync = off" "log_min_messages = warning" "log_min_error_statement = panic" >/dev/null
  sql -c 'SET client_min_messages = error' -c 'CREATE EXTENSION pg_mosaic' -f "$TREE/bench/calls/$1" >/dev/null
}
sql() { cluster_psql "$DIR" -qAt -d postgres "$@"; }
MODELS=$TREE/test/data/models

# A hundred thousand at a time, each with draws of its own.
run_values() {
  local done=0 some=100000
  serve values.sql
  headline "Random values, seed $SEED"
  sql -c 'SET client_min_messages = error' -c "CALL calls.provide_values('$MODELS')" >/dev/null
  while [ "$done" -lt "$INPUTS" ]; do
    sql -c "SELECT setseed((($SEED + $done / 100000) % 1000000) / 1e6)" -c "CALL calls.bind(least($some, $INPUTS - $done))" >/dev/null ||
      die "the server or a batch of values ended" "see $DIR/server.log; the draws: $SEED + $done / 100000"
    done=$(sql -c 'SELECT sum(count) FROM calls.bound')
  done
  printf '  %s\n' "ends of $done values, by SQLSTATE:"
  sql -F ' ' -c "SELECT sqlstate, sum(count) FROM calls.bound GROUP BY 1 ORDER BY 2 DESC" | sed 's/^/    /'
  sql -c "SELECT '  internal: ' || form || ': ' || message || ': ' || example FROM calls.bound_internal"
  sql -c "SELECT '  differing: ' || forms::text || ', ' || model || ', ' || value || ': ' || one || ', ' || other FROM calls.differing LIMIT 20"
  FIGURES+=("values=$done" "target:values_internal_errors=$(sql -c 'SELECT coalesce(sum(count), 0) FROM calls.bound_internal')<=0" "target:values_differing=$(sql -c 'SELECT count(*) FROM calls.differing')<=0")
  cluster_stop "$DIR"
}

# A thousand at a time. The end of the server ends the bench, with the last call.
run_calls() {
  local done=0 internal problems
  serve calls.sql
  headline "Random calls, seed $SEED"
  sql -c 'SET client_min_messages = error' -c "SELECT setseed(($SEED % 1000000) / 1e6)" -c "CALL calls.prepare('$MODELS')" >/dev/null
  while [ "$done" -lt "$CALLS" ]; do
    sql -c 'SET client_min_messages = error' -c "SET calls.models = '$MODELS'" -c "SELECT setseed((($SEED + $done) % 1000000) / 1e6)" -c "CALL calls.run(1000)" >/dev/null ||
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
! grep -qE "$ONLY" <<<values || run_values
! grep -qE "$ONLY" <<<calls || run_calls
"$ROOT/tools/bench_report.py" fuzz "${FIGURES[@]}"
