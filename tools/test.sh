#!/usr/bin/env bash
# test.sh: sets up, builds and runs every test; ends in one line "N passed, M failed".
#
#   tools/test.sh            unit, SQL, isolation, TAP and conformance tests against a Release build;
#                            the unit tests under AddressSanitizer and UBSan; each fuzz target for 60 s
#   tools/test.sh -R REGEX   only the tests of the Release build whose names match (see ctest -N)
#   tools/test.sh --pg N [-R REGEX]
#                            with PostgreSQL N: SQL, isolation, TAP and the module's symbols, or what matches. Where N is
#                            not the one of this Debian and not installed, in a root of the Debian that has it, which is
#                            made under build/roots (tools/root.sh), over the core that is built here (or $MOSAIC_CORE);
#                            16 is fetched from a mirror of Ubuntu, $UBUNTU_MIRROR
#   tools/test.sh --also N   all of the first, then that
#
# As root, all but the installation of packages runs as the user postgres (a server refuses root).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PASSED=0 FAILED=0
JOBS=3 # tests at a time: most of them wait
FUZZ_SECONDS=60 # for each fuzz target

# run_ctest BUILD ARGUMENT...: runs the tests of build/BUILD and adds them to the counts.
run_ctest() {
  local build=$1 junit=$TREE/build/$1/junit.xml tests failures
  shift
  as_worker rm -f "$junit"
  as_worker ctest --test-dir "$TREE/build/$build" -j"$JOBS" --output-on-failure --no-tests=error \
    --output-junit "$junit" "$@" </dev/null || true # counted below
  tests=$(xml_attribute testsuite tests "$junit") failures=$(xml_attribute testsuite failures "$junit")
  [ -n "$tests" ] || die "ctest in build/$build did not finish, or found no test" "see above"
  # A test that did not run, for want of a tool or of its fixture, has not passed.
  failures=$((failures + $(xml_attribute testsuite disabled "$junit") + $(xml_attribute testsuite skipped "$junit")))
  PASSED=$((PASSED + tests - failures)) FAILED=$((FAILED + failures))
}

# xml_attribute ELEMENT NAME FILE: a number of the first element of that kind.
xml_attribute() {
  [ ! -s "$3" ] || tr '\n\t' '  ' <"$3" | grep -o "<$1 [^>]*>" | sed -n "1s/.* $2=\"\([0-9]*\)\".*/\1/p"
}

# The unit tests in two processes instead of one for each test, whose start takes longer than most tests.
test_units() {
  headline "The unit tests under the sanitizers"
  local shard xml log pids='' tests failures
  for shard in 0 1; do
    xml=$TREE/build/sanitize/unit_$shard.xml
    as_worker rm -f "$xml"
    log=$TREE/build/logs/unit_$shard.log
    (
      trap - ERR # a failure is a result
      as_worker env GTEST_TOTAL_SHARDS=2 GTEST_SHARD_INDEX=$shard "$TREE/build/sanitize/unit_tests" --gtest_brief=1 \
        --gtest_output="xml:$xml" >"$log" 2>&1 </dev/null
    ) &
    pids="$pids $!"
  done
  # shellcheck disable=SC2086 # a list of numbers
  wait $pids || true # counted below
  for shard in 0 1; do
    xml=$TREE/build/sanitize/unit_$shard.xml log=$TREE/build/logs/unit_$shard.log
    tail -n 3 "$log"
    tests=$(xml_attribute testsuites tests "$xml") failures=$(xml_attribute testsuites failures "$xml")
    if [ -z "$tests" ]; then # a sanitizer ended it
      tail -n 60 "$log"
      FAILED=$((FAILED + 1))
      continue
    fi
    [ "$failures" = 0 ] || grep -v '^seed ' "$log" | tail -n 60
    PASSED=$((PASSED + tests - failures)) FAILED=$((FAILED + failures))
  done
}

# fuzz_one NAME: from its seed corpus, test/fuzz/corpus/NAME; keeps what it finds in build/.
fuzz_one() {
  local name=$1 dir=$TREE/build/sanitize seeds=$TREE/test/fuzz/corpus/${1%_fuzz}
  trap - ERR # a finding is a result
  as_worker "$dir/$name" -max_total_time=$FUZZ_SECONDS -seed=1 -rss_limit_mb=2048 -timeout=10 \
    -artifact_prefix="$dir/crashes/$name-" "$dir/found/$name" "$seeds" >"$TREE/build/logs/$name.log" 2>&1 </dev/null
}

# Two targets at a time.
test_fuzz() {
  headline "Fuzzing, $FUZZ_SECONDS s for each target"
  local name dir=$TREE/build/sanitize names=() pids=() i
  for name in test/fuzz/*_fuzz.cc; do
    name=$(basename "$name" .cc)
    [ -d "$TREE/test/fuzz/corpus/${name%_fuzz}" ] ||
      die "the target $name has no seed corpus" "add some inputs in test/fuzz/corpus/${name%_fuzz}"
    as_worker mkdir -p "$dir/found/$name" "$dir/crashes"
    names+=("$name")
  done
  for ((i = 0; i < ${#names[@]}; i++)); do
    fuzz_one "${names[i]}" &
    pids[i]=$!
    [ $((i % 2)) = 0 ] && [ $((i + 1)) -lt ${#names[@]} ] && continue
    fuzz_result "${names[i]}" "${pids[i]}"
    [ $((i % 2)) = 0 ] || fuzz_result "${names[i - 1]}" "${pids[i - 1]}"
  done
}

# fuzz_result NAME PID: waits for the target, says how it ended, and counts it.
fuzz_result() {
  say "  $1 ..."
  if wait "$2"; then
    tail -n 1 "$TREE/build/logs/$1.log"
    PASSED=$((PASSED + 1))
  else
    tail -n 40 "$TREE/build/logs/$1.log"
    say "fuzz.$1 FAILED; to reproduce: $TREE/build/sanitize/$1 $TREE/build/sanitize/crashes/$1-*"
    FAILED=$((FAILED + 1))
  fi
}

# test_also MAJOR: tools/test.sh --pg over the core of the Release build; adds its counts.
test_also() {
  local log=$TREE/build/logs/pg_$1.log passed failed
  headline "With PostgreSQL $1"
  MOSAIC_CORE=$TREE/build/$RELEASE/libmosaic_core.a "$ROOT/tools/test.sh" --pg "$1" 2>&1 | tee "$log" || true # counted below
  read -r passed failed < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" | tail -n 1) || die "they did not finish" "see above"
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
}

. "$ROOT/tools/root.sh"
ONLY='' MAJOR='' ALSO='' TARGETS='' ROOT_PID=''
while [ $# -gt 0 ]; do
  case $1:${2:-} in
    -R:?*) ONLY=$2 ;;
    --pg:[0-9]*) MAJOR=$2 ;;
    --also:[0-9]*) ALSO=$2 ;;
    *) sed -n '2,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
  esac
  shift 2
done
PACKAGES="$PACKAGES_BUILD $PACKAGES_TEST $PACKAGES_PROXIES $PACKAGES_VECTOR $PACKAGES_DEMO"
if [ -n "$MAJOR" ]; then
  if is_elsewhere "$MAJOR"; then
    run_elsewhere "$MAJOR" /pg_mosaic/tools/test.sh --pg "$MAJOR" ${ONLY:+-R "$ONLY"} || exit $?
    exit
  fi
  [ "$MAJOR" = "$PG" ] || use_postgresql "$MAJOR"
  # these need no program but the module
  [ -n "$ONLY" ] || { ONLY='^(sql|tap|module)' TARGETS='pg_mosaic sql_script chaos_disk'; }
  [ -z "${MOSAIC_CORE:-}" ] || { PACKAGES="$PACKAGES_MODULE $PACKAGES_PROXIES $PACKAGES_VECTOR"; }
fi

# shellcheck disable=SC2086 # lists of words
install_packages "build and test" $PACKAGES
prepare_tree "$RELEASE" sanitize
if [ -n "$ALSO" ] && is_elsewhere "$ALSO"; then # meanwhile: it is mostly waiting for the mirror
  make_test_root "$ALSO" "$(test_root "$ALSO")" >"$TREE/build/logs/root.log" 2>&1 </dev/null &
  ROOT_PID=$!
fi
# shellcheck disable=SC2086 # a list of words
build_release $TARGETS
headline "The tests of the Release build"
run_ctest "$RELEASE" ${ONLY:+-R "$ONLY"}
if [ -z "$ONLY" ]; then
  build_sanitized
  test_units
  headline "ONNX's cases and models of other tools under the sanitizers"
  run_ctest sanitize -E '^unit'
  test_fuzz
fi
if [ -n "$ALSO" ] && [ "$ALSO" != "$PG" ]; then
  if [ -n "$ROOT_PID" ]; then
    # Not "wait": steps switch job control on, and with it the shell forgets what has ended.
    while kill -0 "$ROOT_PID" 2>/dev/null; do sleep 1; done
    dir=$(test_root "$ALSO")
    [ -e "$dir/.complete" ] || die "no root was made" "see $TREE/build/logs/root.log"
    lacks=$(not_unpacked "$ALSO" "$dir")
    [ -z "$lacks" ] || die "$dir lacks PostgreSQL ${lacks//$'\n'/ and }" "see $TREE/build/logs/root.log"
  fi
  test_also "$ALSO"
fi
say
say "$PASSED passed, $FAILED failed"
exit $((FAILED > 0))
