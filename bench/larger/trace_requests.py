"""The requests of `tools/bench.sh bigger-than-memory`, and what is told of a run: shared by its servers.

A request is (model, item). The trace follows from kind, seed and length alone, so that all get the same.
"""
import json
import time

import numpy as np

ZIPF = 1.0


def make(kind, models, items, length, seed=1):
    rng = np.random.default_rng(seed)
    weights = np.ones(models) if kind == "uniform" else 1.0 / np.arange(1, models + 1) ** ZIPF
    picked = rng.choice(models, length, p=weights / weights.sum())
    return [(int(m), int(i)) for m, i in zip(picked, rng.integers(items, size=length))]


def read_bytes(pid="self"):
    """What a process had read from storage so far."""
    with open("/proc/%s/io" % pid) as f:
        return int(dict(line.split(": ") for line in f)["read_bytes"])


def run(requests, warm_up, predict, pids=("self",)):
    """Runs the requests one after another; prints one JSON object. predict(model, item) -> numbers."""
    seconds, checksum = [], 0.0
    for i, (model, item) in enumerate(requests):
        if i == warm_up:
            before = sum(map(read_bytes, pids))
        start = time.perf_counter()
        output = predict(model, item)
        seconds.append(time.perf_counter() - start)
        if i >= warm_up:
            checksum += float(np.abs(np.asarray(output, dtype=np.float64)).sum())
    measured = np.array(seconds[warm_up:])
    print(json.dumps({
        "requests": len(measured), "per_second": len(measured) / measured.sum(),
        "p50_ms": 1000 * np.percentile(measured, 50), "p95_ms": 1000 * np.percentile(measured, 95),
        "max_ms": 1000 * measured.max(),
        "read_mb": (sum(map(read_bytes, pids)) - before) / 1e6 / len(measured), "checksum": checksum}))
