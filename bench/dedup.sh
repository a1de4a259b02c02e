#!/usr/bin/env bash
# dedup: five text classifiers stored exactly and with near duplicates: ratio, accuracy, evaluations; and the Fashion-MNIST models.
#
#   tools/bench.sh dedup [--quick] [--height N] [--bound X]
#
# Without --height and --bound also the four Fashion-MNIST models, in the database: what tools/bench.sh gate measures.
. "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
. "$ROOT/bench/dedup/prepare.sh"

case " $* " in
  *" --height "* | *" --bound "*) ;;
  *)
    GATE_LOG=$(mktemp)
    trap 'rm -f "$GATE_LOG"' EXIT
    bash "$ROOT/bench/gate.sh" "$@" | tee "$GATE_LOG" | sed '$d' # without its JSON, which goes into ours
    mapfile -t MORE_FIGURES < <(tail -n 1 "$GATE_LOG" | python3 -c '
import json, sys
for name, t in json.load(sys.stdin)["targets"].items():
    print("target:%s=%s%s" % (name, t["value"], t["target"].replace(" ", "")))')
    ;;
esac
prepare_text dedup "$@"
measure dedup "$@"
