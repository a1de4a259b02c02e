#!/usr/bin/env python3
"""Compares tokenizers with the references, for bench/tokenize.sh: tokenize_compare.py PACKAGES WORK PROGRAM QUICK."""
import json
import os
import pathlib
import random
import subprocess
import sys
import time

PACKAGES, WORK, PROGRAM, QUICK = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "1"
MODELS = {
    "minilm": "bert/package/dist/Xenova/all-MiniLM-L6-v2/tokenizer.json",
    "gte": "bert/package/dist/Xenova/gte-small/tokenizer.json",
    "whisper": "whisper/package/models/Xenova/whisper-tiny/tokenizer.json",
    "minimind": "minimind/package/tokenizer.json",
    "llama2": "llama2/package/models/tokenizer.json",
}


def reviews():
    found = json.loads((PACKAGES / "imdb/package/reviews.json").read_text())
    rows = found if isinstance(found, list) else [r for part in found.values() for r in part]
    texts = [r["t"] for r in rows]
    return texts[:1000] if QUICK else texts


def long_texts(n):
    draw = random.Random(1)
    return ["a" * n, "ab" * (n // 2), "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(n)),
            "\u4e2d" * n, "".join(chr(draw.randint(0x4E00, 0x9FFF)) for _ in range(n)), "e" + "\u0301\u0323" * (n // 2),
            "!" * n, " " * n, "\n" * n, "1" * n, "\U0001f600\u200d" * (n // 4)]


def write(name, texts):
    path = WORK / name
    path.write_text("".join(json.dumps(t) + "\n" for t in texts))
    return path


def differences(a, b):
    with open(a) as x, open(b) as y:
        rows, others = x.read().split("\n"), y.read().split("\n")
    return sum(p.split() != q.split() for p, q in zip(rows, others)) + abs(len(rows) - len(others))


def ours(tokenizer, texts):
    out = subprocess.run([PROGRAM, tokenizer, texts, WORK / "ours"], check=True, capture_output=True, text=True).stdout.split()
    return [float(x) for x in out]  # bytes, tokens, seconds, load, longest step, memory


def reference(tokenizer, texts):
    out = subprocess.run(["node", "bench/tokenize_reference.js", PACKAGES / "tokenizers/package", tokenizer, texts, WORK / "theirs"],
                         check=True, capture_output=True, text=True, env={"RAYON_NUM_THREADS": "1", "PATH": os.environ["PATH"]}).stdout.split()
    return [float(x) for x in out]


def sentencepiece(model, texts):
    """texts: without line ends. Returns seconds."""
    lines = "".join(json.loads(line) + "\n" for line in open(texts))
    start = time.perf_counter()
    out = subprocess.run(["spm_encode", "--model", model, "--output_format", "id"], input=lines, check=True, capture_output=True, text=True).stdout
    (WORK / "theirs").write_text(out)
    return time.perf_counter() - start


def train(kind, texts):
    model = WORK / ("%s.model" % kind)
    if not model.exists():
        (WORK / "corpus").write_text("".join(json.loads(line) + "\n" for line in open(texts)))
        subprocess.run(["spm_train", "--input", WORK / "corpus", "--model_prefix", WORK / kind, "--vocab_size", "8000",
                        "--model_type", kind, "--input_sentence_size", "20000"], check=True, capture_output=True)
    return model


def main():
    hard = json.loads(pathlib.Path("test/data/text/texts.json").read_text())
    sets = [("reviews", write("reviews.jsonl", reviews())), ("hard", write("hard.jsonl", hard)),
            ("long", write("long.jsonl", long_texts(10_000 if QUICK else 1_000_000)))]
    figures, total = {}, 0
    print("%-10s %-8s %9s %11s %9s %12s %12s" % ("tokenizer", "texts", "differ", "tokens", "MB/s", "reference", "step ms"))

    def row(name, what, differ, mine, theirs):
        nonlocal total
        total += differ
        rate, other = mine[0] / mine[2] / 1e6, mine[0] / theirs / 1e6
        print("%-10s %-8s %9d %11d %9.1f %12.1f %12.1f" % (name, what, differ, mine[1], rate, other, mine[4] * 1e3), flush=True)
        figures["%s_%s_mb_s" % (name, what)], figures["%s_%s_reference_mb_s" % (name, what)] = round(rate, 1), round(other, 1)
        figures["%s_%s_differ" % (name, what)] = differ
        return rate

    word_piece = 0
    for name, path in MODELS.items():
        for what, texts in sets:
            mine, theirs = ours(PACKAGES / path, texts), reference(PACKAGES / path, texts)
            rate = row(name, what, differences(WORK / "ours", WORK / "theirs"), mine, theirs[2])
            if (name, what) == ("minilm", "reviews"):
                word_piece = rate
    lines = write("lines.jsonl", [t for t in reviews() if t and "\n" not in t and "\r" not in t])
    for kind in ("unigram", "bpe"):
        model = train(kind, lines)
        mine = ours(model, lines)
        seconds = sentencepiece(model, lines)
        row("sp_" + kind, "reviews", differences(WORK / "ours", WORK / "theirs"), mine, seconds)
    subprocess.run([sys.executable, "tools/bench_report.py", "tokenize", *("%s=%s" % f for f in figures.items()),
                    "target:differ=%d<=0" % total, "target:wordpiece_mb_s=%.1f>=10" % word_piece], check=True)


main()
