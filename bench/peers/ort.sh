# shellcheck shell=bash
# Fetches ONNX Runtime. To be sourced after tools/lib.sh and prepare_tree: sets ORT, the folder of its library.

ORT_VERSION=1.30.0
ORT_NODE=build/bench/ort/node_modules/onnxruntime-node
ORT=$ORT_NODE/bin/napi-v6/linux
case $(uname -m) in
  x86_64) ORT+=/x64 ;;
  aarch64) ORT+=/arm64 ;;
esac

fetch_ort() {
  command -v npm >/dev/null || install_packages "fetch ONNX Runtime" npm
  [ ! -e "$ORT/libonnxruntime.so.1" ] || return 0
  as_worker mkdir -p build/bench/ort
  # Its install script would download a CUDA library; the one for CPUs is in the package.
  step ort "is the npm registry reachable?" env ONNXRUNTIME_NODE_INSTALL=skip \
    npm install --prefix build/bench/ort --ignore-scripts --no-audit --no-fund "onnxruntime-node@$ORT_VERSION"
}
