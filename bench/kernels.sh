#!/usr/bin/env bash
# kernels: f32 products straight from pages against ONNX Runtime, oneDNN, OpenBLAS and Eigen; one thread.
#
#   tools/bench.sh kernels [--quick] [--isa avx512|avx2|generic] [--only K,M,N]
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ORT_VERSION=1.30.0
# shellcheck disable=SC2086 # lists of words
install_packages "build and to compare with" $PACKAGES_BUILD libdnnl-dev libopenblas-dev python3-minimal
command -v npm >/dev/null || install_packages "fetch ONNX Runtime" npm
prepare_tree release bench/ort bench/peers
build_release kernels

headline "Fetching and building the libraries to compare with"
ORT=build/bench/ort/node_modules/onnxruntime-node/bin/napi-v6/linux
case $(uname -m) in
  x86_64) ORT+=/x64 ;;
  aarch64) ORT+=/arm64 ;;
esac
if [ ! -e "$ORT/libonnxruntime.so.1" ]; then
  # Its install script would download a CUDA library; the one for CPUs is in the package.
  step ort "is the npm registry reachable?" env ONNXRUNTIME_NODE_INSTALL=skip \
    npm install --prefix build/bench/ort --ignore-scripts --no-audit --no-fund "onnxruntime-node@$ORT_VERSION"
fi
# peer NAME FLAG...: builds bench/peers/NAME.cc, as fast as this machine allows.
peer() {
  local name=$1
  shift
  step "peer_$name" "see the compiler's message above" g++ -std=c++17 -O3 -DNDEBUG -march=native -w -fPIC \
    -shared -fvisibility=hidden "bench/peers/$name.cc" -o "build/bench/peers/$name.so" "$@"
}
peer ort "-L$ORT" -l:libonnxruntime.so.1 "-Wl,-rpath,$TREE/$ORT"
peer onednn -ldnnl
peer openblas -lopenblas
peer eigen -isystem /usr/include/eigen3

headline "Measuring"
LOG=build/logs/kernels_run.log
as_worker build/release/kernels build/bench/peers/{ort,onednn,openblas,eigen}.so "$@" | tee "$LOG" | grep -v '^report '
mapfile -t FIGURES < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py kernels "${FIGURES[@]}"
