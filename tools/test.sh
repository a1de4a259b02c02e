#!/usr/bin/env bash
# test.sh: sets up, builds and runs every test; ends in one line "N passed, M failed".
#
#   tools/test.sh            unit, SQL, isolation, TAP and conformance tests against a Release build;
#                            the unit tests under AddressSanitizer and UBSan; a bounded fuzz run
#   tools/test.sh -R REGEX   only the tests of the Release build whose names match (see ctest -N)
#
# As root, all but the installation of packages runs as the user postgres (a server refuses root).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PASSED=0 FAILED=0
FUZZ_RUNS=200000 FUZZ_SECONDS=60 # whichever comes first, for each fuzz target

# run_ctest BUILD ARGUMENT...: runs the tests of build/BUILD and adds them to the counts.
run_ctest() {
  local build=$1 junit=$TREE/build/$1/junit.xml tests failures
  shift
  as_worker rm -f "$junit"
  as_worker ctest --test-dir "$TREE/build/$build" -j2 --output-on-failure --no-tests=error \
    --output-junit "$junit" "$@" </dev/null || true # counted below
  tests=$(suite_attribute tests "$junit") failures=$(suite_attribute failures "$junit")
  [ -n "$tests" ] || die "ctest in build/$build did not finish, or found no test" "see above"
  # A test that did not run, for want of a tool or of its fixture, has not passed.
  failures=$((failures + $(suite_attribute disabled "$junit") + $(suite_attribute skipped "$junit")))
  PASSED=$((PASSED + tests - failures)) FAILED=$((FAILED + failures))
}

# suite_attribute NAME FILE: a number of the <testsuite> element.
suite_attribute() {
  [ ! -s "$2" ] || tr '\n\t' '  ' <"$2" | grep -o '<testsuite [^>]*>' | sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p"
}

test_sanitized() {
  headline "The unit tests under AddressSanitizer and UBSan, in build/sanitize"
  step configure-sanitize "$HINT_BUILD" cmake -S . -B build/sanitize -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g" -DMOSAIC_SANITIZE=address,undefined -DMOSAIC_EXTENSION=OFF -DMOSAIC_BENCH=OFF
  step build-sanitize "$HINT_BUILD" cmake --build build/sanitize
  run_ctest sanitize
}

# Each target starts from its seed corpus, test/fuzz/corpus/NAME, and keeps what it finds in build/.
test_fuzz() {
  headline "Fuzzing: at most $FUZZ_RUNS inputs or $FUZZ_SECONDS s for each target"
  local source name dir=$TREE/build/fuzz
  step configure-fuzz "$HINT_BUILD" env CC=clang-14 CXX=clang++-14 cmake -S . -B build/fuzz -G Ninja \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g" -DMOSAIC_SANITIZE=fuzzer-no-link,address,undefined \
    -DMOSAIC_FUZZ=ON -DMOSAIC_EXTENSION=OFF -DMOSAIC_BENCH=OFF
  for source in test/fuzz/*_fuzz.cc; do
    name=$(basename "$source" .cc)
    step "build-$name" "$HINT_BUILD" cmake --build build/fuzz --target "$name"
    as_worker mkdir -p "$dir/found/$name" "$dir/crashes"
    local seeds=$TREE/test/fuzz/corpus/${name%_fuzz}
    [ -d "$seeds" ] || die "the target $name has no seed corpus" "add some inputs in test/fuzz/corpus/${name%_fuzz}"
    say "  $name ..."
    if as_worker "$dir/$name" -runs=$FUZZ_RUNS -max_total_time=$FUZZ_SECONDS -seed=1 -rss_limit_mb=2048 -timeout=10 \
        -artifact_prefix="$dir/crashes/$name-" "$dir/found/$name" "$seeds" >"$TREE/build/logs/$name.log" 2>&1; then
      tail -n 1 "$TREE/build/logs/$name.log"
      PASSED=$((PASSED + 1))
    else
      tail -n 40 "$TREE/build/logs/$name.log"
      say "fuzz.$name FAILED; to reproduce: $dir/$name $dir/crashes/$name-*"
      FAILED=$((FAILED + 1))
    fi
  done
}

ONLY=
case ${1:-} in
  "") ;;
  -R) ONLY=${2:?a regular expression is missing} ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac

# shellcheck disable=SC2086 # lists of words
install_packages "build and test" $PACKAGES_BUILD $PACKAGES_TEST $PACKAGES_DEMO
prepare_tree release sanitize fuzz
build_release
headline "The tests of the Release build"
run_ctest release ${ONLY:+-R "$ONLY"}
if [ -z "$ONLY" ]; then
  test_sanitized
  test_fuzz
fi
say
say "$PASSED passed, $FAILED failed"
exit $((FAILED > 0))
