#!/usr/bin/env bash
# kernels: products straight from pages, weights in float32 and bfloat16, against ONNX Runtime, oneDNN (also in bfloat16), OpenBLAS and Eigen; one thread.
#
#   tools/bench.sh kernels [--quick] [--isa amx|avx512_bf16|avx512|avx2|generic] [--only K,M,N]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build and to compare with" $PACKAGES_BUILD libdnnl-dev libopenblas-dev python3-minimal
prepare_tree release bench/ort bench/peers
. bench/peers/ort.sh
build_release kernels

headline "Fetching and building the libraries to compare with"
fetch_ort
# peer NAME FLAG...: builds bench/peers/NAME.cc, as fast as this machine allows.
peer() {
  local name=$1
  shift
  step "peer_$name" "see the compiler's message above" g++ -std=c++17 -O3 -DNDEBUG -march=native -w -fPIC \
    -shared -fvisibility=hidden "bench/peers/${SOURCE:-$name}.cc" -o "build/bench/peers/$name.so" "$@"
}
peer ort "-L$ORT" -l:libonnxruntime.so.1 "-Wl,-rpath,$TREE/$ORT"
peer onednn -ldnnl
SOURCE=onednn peer onednn_bf16 -DBF16 -ldnnl
peer openblas -lopenblas
peer eigen -isystem /usr/include/eigen3

headline "Measuring"
LOG=build/logs/kernels_run.log
as_worker build/release/kernels build/bench/peers/{ort,onednn,onednn_bf16,openblas,eigen}.so "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py kernels "${FIGURES[@]}"
