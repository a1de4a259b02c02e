"""Runs every ONNX file of a folder by ours and ONNX Runtime. See files.sh.

    files.py MODELS_PROGRAM ORT_LIBRARY FOLDER...
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import onnx

# Sizes of what is symbolic: the first rule whose words are all in "FILE INPUT.AXIS name".
RULES = [
    ("batch", 1), ("whisper input_features.1", 80), ("whisper input_features.2", 3000), ("whisper encoder", 1500), ("whisper past", 4), ("whisper sequence", 4),
    ("past_sequence_length sequence_length +", 20), ("past", 4), ("samples", 12640),
    ("silero state.1", 1), ("silero_vad_v input.0", 1), ("silero_vad_v input.1", 576), ("silero input.1", 1536),
    ("rec x.0", 1), ("rec x.2", 48), ("rec x.3", 320), ("cls x.0", 1), ("cls x.2", 48), ("cls x.3", 192), ("det_infer x.0", 1), ("det_infer x", 320),
    ("nms detection.1", 84), ("nms detection.2", 100), ("embedding_model input_1.0", 1), ("sequence", 16),
]
# Its input says how many boxes are wanted, which random numbers do not.
IMPORTED_ONLY = ["nms-yolov8"]
AGREES = 1e-3


def size(file, value, axis, name):
    text = "%s %s.%d %s" % (file, value, axis, name)
    for words, n in RULES:
        if all(w in text for w in words.split()):
            return n
    sys.exit("no rule for a dimension of %s" % text)


def sizes(path):
    graph = onnx.load(path, load_external_data=False).graph
    stored = {t.name for t in graph.initializer}
    return ["%s.%d=%d" % (v.name, axis, size(path, v.name, axis, d.dim_param)) for v in graph.input if v.name not in stored
            for axis, d in enumerate(v.type.tensor_type.shape.dim) if d.dim_value <= 0]


def main():
    program, library, *folders = sys.argv[1:]
    files = {path: folder for folder in folders for path in glob.glob(os.path.join(folder, "**/*.onnx"), recursive=True)}
    counts = {"imported": 0, "agree": 0, "faster": 0}
    print("%-34s %8s %9s  %10s %10s %7s" % ("", "MB", "", "ours, ms", "ORT, ms", "ratio"))
    for path, folder in sorted(files.items(), key=lambda f: os.path.basename(f[0])):
        label = os.path.basename(path)[:-5]
        if label in ("model", "model_quantized", "model_optimized"):
            label = os.path.basename(folder) + "/" + label
        only = label in IMPORTED_ONLY
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.write("%s %s %s\n" % (label, os.path.abspath(path), ",".join(sizes(path)) or "-"))
            f.flush()
            run = subprocess.run([program, library, f.name, "--load" if only else "--quick"], capture_output=True, text=True)
        mb = os.path.getsize(path) / 1e6
        line = re.search(r"^(\S+) +(\S+) +(\S+) +(\S+) +(\S+)  ", run.stdout, re.M) if not only else None
        if run.returncode != 0 or (line is None and not only):
            print("%-34s %8.1f  FAILED: %s" % (label, mb, (run.stderr or str(run.returncode)).strip()[:300]), flush=True)
            continue
        counts["imported"] += 1
        if only:
            print("%-34s %8.1f  imported" % (label, mb), flush=True)
            continue
        rows = [r for r in run.stdout.splitlines() if r.startswith(label)]
        ours, ort, ratio, difference = (float(x) for x in rows[0][len(label):].split()[:4])
        counts["agree"] += difference <= AGREES
        counts["faster"] += ratio <= 1
        print("%-34s %8.1f %9.0e  %10.3f %10.3f %7.2f" % (label, mb, difference, ours, ort, ratio), flush=True)
    print("\n%d files, %d import, %d within %g of ONNX Runtime's largest element, %d as fast as it" %
          (len(files), counts["imported"], counts["agree"], AGREES, counts["faster"]))
    print("report files=%d\nreport agree=%d\nreport as_fast=%d" % (len(files), counts["agree"], counts["faster"]))
    print("report target:imported_per_files=%.3f>=1" % (counts["imported"] / len(files)))


main()
