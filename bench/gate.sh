#!/usr/bin/env bash
# gate: Fashion-MNIST models behind the gate, in SQL: bytes and accuracy, retrained versions, independent models, the curve
#
#   tools/bench.sh gate [--quick] [--picture FILE]
#
# The four models of test/data: one, and three that were trained on from it. 5,000 of the test images are the
# validation set, the others are looked at afterwards. --picture writes the curve as SVG.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"

IMAGES=10000 POINTS=20 PICTURE=
while [ $# -gt 0 ]; do
  case $1 in
    --quick) IMAGES=2000 POINTS=5 ;;
    --picture) PICTURE=$2; shift ;;
    *) die "unknown option $1" "see the head of bench/gate.sh" ;;
  esac
  shift
done

# shellcheck disable=SC2086 # lists of words
install_packages "build and to train" $PACKAGES_BUILD $PACKAGES_DEMO python3-torch python3-numpy python3-onnx
prepare_tree release bench bench-data
build_release pg_mosaic sql_script
MODELS=build/bench-data/fashion
headline "Models and images"
step train_fashion "see the message above" /usr/bin/python3 bench/dedup/train_fashion.py "$MODELS"
DIR=$TREE/build/bench
cluster_start "$DIR" "shared_buffers = 256MB" "autovacuum = off" "jit = off"
trap 'cluster_stop "$DIR"' EXIT
sql() { cluster_psql "$DIR" -qAt -F ' ' -d gate "$@"; }
cluster_psql "$DIR" -q -d postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS gate"
cluster_psql "$DIR" -q -d postgres -c "CREATE DATABASE gate"
sql -c "CREATE EXTENSION pg_mosaic" -c "CREATE TABLE images (id int, label int, x real[])"
python3 tools/fashion_mnist.py --split test --limit "$IMAGES" | sql -c "\\copy images FROM pstdin"

LABELLED="SELECT x, label FROM images WHERE id % 2 = 0"
UNLABELLED="SELECT x FROM images WHERE id % 2 = 0"
import() { sql -c "SELECT new_bytes FROM import_model('$1', '$2', replace => ${3:-false})" ; }
held_out() { sql -c "SELECT round(avg((predict_class('$1', x) = label)::int), 4) FROM images WHERE id % 2 = 1"; }
figure() { FIGURES+=("$1"); }
FIGURES=()

headline "Four models at max_drop 0.01, one after another"
printf '%-8s %8s %10s %11s %7s %17s %17s %6s %8s\n' model blocks 'new bytes' 'after gate' merged validation 'held out' evals seconds
total=0 stored=0 worst=0
for name in base dark noise shoes; do
  bytes=$(import $name "$TREE/test/data/models/fashion_$name.onnx")
  before=$(held_out $name)
  read -r blocks merged freed validation evaluations seconds < <(sql -c "
    SELECT blocks, merged, bytes_freed, round(metric_before::numeric, 4) || '→' || round(metric_after::numeric, 4), evaluations,
           round(seconds::numeric, 2) FROM dedup_model('$name', '$LABELLED')")
  after=$(held_out $name)
  printf '%-8s %8s %10s %11s %7s %19s %19s %6s %8s\n' $name "$blocks" "$bytes" $((bytes - freed)) "$merged" \
    "$validation" "$before→$after" "$evaluations" "$seconds"
  stored=$((stored + bytes - freed))
  [ $name != base ] || total=$((4 * bytes))
  worst=$(python3 -c "print(max($worst, round($before - $after, 4)))")
done
figure "target:fashion_ratio=$(python3 -c "print(round($total / $stored, 2))")>=3"
figure "target:fashion_held_out_drop=$worst<=0.015"

headline "The curve: noise as it came, everything that has a partner merged step by step"
import noise "$TREE/test/data/models/fashion_noise.onnx" true >/dev/null
model_bytes=$((total / 4))
for metric in accuracy agreement; do
  query=$LABELLED
  [ $metric = accuracy ] || query=$UNLABELLED
  sql -F , -c "SELECT merged, bytes, value FROM plan_dedup('noise', '$query', '$metric', 1, curve_points => $POINTS, reuse => false) ORDER BY merged" |
    as_worker tee "$DIR/$metric.csv" >/dev/null
done
sql -F , -c "SELECT lowered, bytes, value FROM plan_ladder('noise', '$UNLABELLED', 'agreement', 1, curve_points => $POINTS) ORDER BY bytes" |
  as_worker tee "$DIR/ladder.csv" >/dev/null
echo "merged bytes accuracy agreement"
paste -d, "$DIR/accuracy.csv" "$DIR/agreement.csv" | awk -F, '{ print $1, $2, $3, $6 }' | column -t
echo "Down the ladder: lowered bytes agreement"
column -t -s, "$DIR/ladder.csv"
if [ -n "$PICTURE" ]; then
  as_worker python3 bench/dedup/curve_svg.py "$model_bytes" "accuracy=$DIR/accuracy.csv" "agreement=$DIR/agreement.csv" \
    "agreement, down the ladder=$DIR/ladder.csv" >"$PICTURE"
fi

headline "Retrained versions of noise at agreement 0.99: decisions that are kept, and not"
gate() { # MODEL OPTIONS: merged, evaluations, agreement, seconds
  sql -c "SELECT merged, evaluations, round(metric_after::numeric, 4), round(seconds::numeric, 2)
          FROM dedup_model('$1', '$UNLABELLED', 'agreement', 0.01 $2)"
}
printf '%-22s %7s %6s %9s %8s\n' version merged evals agreement seconds
show() { printf '%-22s %7s %6s %9s %8s\n' "$@"; }
first=$(gate noise ", reuse => false")
# shellcheck disable=SC2086
show first $first
figure "evaluations_first=$(cut -d' ' -f2 <<<"$first")"
for version in head whole; do
  for reuse in true false; do
    # The predecessor is the same one each time.
    import noise "$TREE/test/data/models/fashion_noise.onnx" true >/dev/null
    gate noise ", reuse => false" >/dev/null
    import noise "$TREE/$MODELS/$version.onnx" true >/dev/null
    result=$(gate noise ", reuse => $reuse")
    # shellcheck disable=SC2086
    show "$version, $([ $reuse = true ] && echo kept || echo anew)" $result
    figure "evaluations_${version}_$([ $reuse = true ] && echo kept || echo anew)=$(cut -d' ' -f2 <<<"$result")"
  done
done

headline "Independently trained models of the same shape, at max_drop 0.01"
share=0
for name in independent_1 independent_2 independent_3; do
  import $name "$TREE/$MODELS/$name.onnx" >/dev/null
  read -r blocks merged candidates < <(sql -c "SELECT blocks, merged, candidates FROM dedup_model('$name', '$LABELLED')")
  echo "$name: $merged of $blocks blocks merged, $candidates had a partner"
  share=$(python3 -c "print(max($share, round($merged / $blocks, 4)))")
done
figure "target:independent_share=$share<=0.01"
sql -c "SELECT 'check_store: ' || count(*) || ' findings' FROM check_store()"
python3 tools/bench_report.py gate "${FIGURES[@]}"
