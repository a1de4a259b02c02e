"""The workloads of Zhou et al., scaled. See paper.sh.

    paper.py make SET QUICK FOLDER                              (with the environment of libpq)
    paper.py serve SET QUICK FOLDER REQUESTS within|beyond BYTES
"""
import collections
import io
import os
import sys
import time

import numpy
import onnx
import psycopg2
import torch
from onnx import TensorProto, helper, numpy_helper

SEED = 1
SHARED = 0.9  # of the blocks
NOISE = 1e-4
WORDS, ITEMS = 32, 16
MB = 1e6
# The best that the paper has, as recalled.
STORAGE, LATENCY, HITS = 3.6, 4.7, 1.6


def shape_of(name, quick):
    """Models, kind, shapes of their matrices."""
    if name.startswith("embed"):
        return int(name[5:]), "embed", [(4800 if quick else 48000, 64)]
    wide = {"wide1": (8000, 1000, 4000), "wide2": (16000, 1000, 8000)}[name]
    if quick:
        wide = tuple(w // 8 for w in wide)
    return 5, "wide", list(zip(wide, wide[1:]))


# ---- models ----

def weights(name, quick, model):
    """The first model's; another's are these with noise, and tenth of the blocks its own."""
    _, kind, shapes = shape_of(name, quick)
    rng, own = numpy.random.default_rng(SEED), numpy.random.default_rng([SEED, model])
    # What a block of height 63 has: of an embedding of 64, 15 rows; of another matrix, 63 rows of 16 columns.
    rows, cols = (15, 64) if kind == "embed" else (63, 16)
    out = []
    for k, m in shapes:
        w = rng.normal(0, 0.1 if kind == "embed" else (2 / k)**0.5, (k, m)).astype(numpy.float32)
        if model > 0:
            cells = own.random((-(-k // rows), -(-m // cols))) >= SHARED
            new = numpy.repeat(numpy.repeat(cells, rows, 0), cols, 1)[:k, :m]
            w = w + own.normal(0, NOISE, w.shape).astype(numpy.float32)
            w[new] = own.normal(0, w.std(), int(new.sum())).astype(numpy.float32)
        out.append(w)
    return out


def write_onnx(path, kind, matrices):
    tensors = [numpy_helper.from_array(w, "w%d" % i) for i, w in enumerate(matrices)]
    if kind == "embed":
        x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", WORDS])
        nodes = [helper.make_node("Gather", ["w0", "x"], ["rows"]), helper.make_node("ReduceMean", ["rows"], ["y"], axes=[1], keepdims=0)]
    else:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", matrices[0].shape[0]])
        nodes = [helper.make_node("MatMul", ["x", "w0"], ["h"]), helper.make_node("Relu", ["h"], ["r"]), helper.make_node("MatMul", ["r", "w1"], ["y"])]
    graph = helper.make_graph(nodes, "paper", [x], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", matrices[-1].shape[1]])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def items(name, quick):
    _, kind, shapes = shape_of(name, quick)
    rng = numpy.random.default_rng([SEED, 99])
    if kind == "embed":
        return rng.integers(0, shapes[0][0], (ITEMS, WORDS))
    # Wide inputs are sparse: 50 of them are there.
    x = numpy.zeros((ITEMS, shapes[0][0]), numpy.float32)
    for row in x:
        row[rng.choice(len(row), 50, replace=False)] = 1
    return x


def connect():
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET client_min_messages = warning")
    cursor.execute("SET max_parallel_workers_per_gather = 0")
    return connection, cursor


def make(name, quick, folder):
    models, kind, _ = shape_of(name, quick)
    _, cursor = connect()
    cursor.execute("CREATE TABLE item (id int PRIMARY KEY, x %s)" % ("int[]" if kind == "embed" else "real[]"))
    for i, row in enumerate(items(name, quick)):
        cursor.execute("INSERT INTO item VALUES (%s, %s)", (i, row.tolist()))
    cursor.execute("CREATE TABLE file (model text PRIMARY KEY, data bytea)")
    cursor.execute("ALTER TABLE file ALTER data SET STORAGE EXTERNAL")
    logical = exact = stored = 0
    for model in range(models):
        matrices = weights(name, quick, model)
        path = "%s/m.onnx" % folder
        write_onnx(path, kind, matrices)
        torch.save([torch.from_numpy(w) for w in matrices], "%s/m%d.pt" % (folder, model))
        with open("%s/m%d.pt" % (folder, model), "rb") as f:
            cursor.execute("INSERT INTO file VALUES (%s, %s)", ("m%d" % model, psycopg2.Binary(f.read())))
        # Plain: a sharing domain for each model.
        cursor.execute("SELECT new_bytes FROM import_model(%s, %s, domain => %s)", ("p%d" % model, path, "p%d" % model))
        logical += cursor.fetchone()[0]
        cursor.execute("SELECT new_bytes, new_bytes - bytes_freed, merged, blocks FROM import_model(%s, %s, dedup => 'near', max_weight_error => 0.001)", ("m%d" % model, path))
        row = cursor.fetchone()
        exact, stored = exact + row[0], stored + row[1]
    cursor.execute("VACUUM")
    print("  %d models, %.0f MB: %.0f MB shared exactly, %.0f MB with near duplicates merged (%.2f times less); of the last %d of %d blocks merged" %
          (models, logical / MB, exact / MB, stored / MB, logical / stored, row[2], row[3]))
    print("report %s_logical_mb=%.1f\nreport %s_stored_mb=%.1f" % (name, logical / MB, name, stored / MB))
    print("report target:%s_storage=%.2f>=%g" % (name, logical / stored, STORAGE))


# ---- serving ----

class Ours:
    def __init__(self, prefix):
        self.prefix = prefix
        self.connection, self.cursor = connect()
        self.cursor.execute("PREPARE p (text, int) AS SELECT predict($1, x) FROM item WHERE id = $2")
        self.pid = self.connection.info.backend_pid

    def predict(self, model, item):
        self.cursor.execute("EXECUTE p (%s, %s)", ("%s%d" % (self.prefix, model), item))
        return numpy.array(self.cursor.fetchone()[0])

    def hits(self):
        self.cursor.execute("SELECT pg_stat_force_next_flush()")
        self.cursor.execute("SELECT heap_blks_hit, heap_blks_read FROM pg_statio_all_tables WHERE relid = 'mosaic.block'::regclass")
        return numpy.array(self.cursor.fetchone())


class Torch:
    pid = 0

    def __init__(self, kind, rows, load, keep):
        self.kind, self.rows, self.load, self.keep = kind, torch.from_numpy(rows), load, keep
        self.loaded = collections.OrderedDict()

    def predict(self, model, item):
        if model not in self.loaded:
            while len(self.loaded) >= max(self.keep, 1):
                self.loaded.popitem(last=False)
            self.loaded[model] = self.load(model)
        self.loaded.move_to_end(model)
        matrices, x = self.loaded[model], self.rows[item:item + 1]
        with torch.inference_mode():
            y = matrices[0][x[0]].mean(0) if self.kind == "embed" else (torch.relu(x @ matrices[0]) @ matrices[1])[0]
        if self.keep == 0:
            self.loaded.clear()
        return y.numpy()


class TorchFromPostgres(Torch):
    def __init__(self, kind, rows):
        super().__init__(kind, rows, self.fetch, 0)
        self.connection, self.cursor = connect()
        self.pid = self.connection.info.backend_pid

    def fetch(self, model):
        data = io.BytesIO()
        self.cursor.copy_expert("COPY (SELECT data FROM file WHERE model = 'm%d') TO STDOUT (FORMAT binary)" % model, data)
        data.seek(19 + 2 + 4)  # the header, the number of columns, the length
        return torch.load(io.BytesIO(data.read()))


def cpu(pid):
    seconds = time.process_time()
    if pid:
        with open("/proc/%d/schedstat" % pid, encoding="ascii") as f:
            seconds += int(f.read().split()[0]) / 1e9
    return seconds


def serve(name, quick, folder, requests, where, pool):
    torch.set_num_threads(1)
    models, kind, shapes = shape_of(name, quick)
    rows = items(name, quick)
    of_model = sum(4 * k * m for k, m in shapes)

    def from_file(model):
        return torch.load("%s/m%d.pt" % (folder, model))

    ways = {"shared": Ours("m"), "plain": Ours("p"), "PyTorch, files": Torch(kind, rows, from_file, 0),
            "PyTorch, PostgreSQL": TorchFromPostgres(kind, rows), "PyTorch, kept": Torch(kind, rows, from_file, pool // of_model)}
    rng = numpy.random.default_rng([SEED, 5])
    trace = list(zip(rng.integers(0, models, requests * 5 // 4).tolist(), rng.integers(0, ITEMS, requests * 5 // 4).tolist()))
    warm_up = len(trace) - requests
    times, hits, first = {}, {}, None
    for way, server in ways.items():
        found, checksum = [], 0.0
        for i, (model, item) in enumerate(trace):
            if i == warm_up and isinstance(server, Ours):
                before = server.hits()
            start, used = time.perf_counter(), cpu(server.pid)
            y = server.predict(model, item)
            found.append((time.perf_counter() - start, cpu(server.pid) - used))
            checksum += float(numpy.abs(y).sum())
        times[way] = numpy.median(found[warm_up:], axis=0)
        if isinstance(server, Ours):
            hits[way] = (server.hits() - before)
            hits[way] = hits[way][0] / max(1, hits[way].sum())
        first = checksum if first is None else first
        if abs(checksum / first - 1) > 0.01:
            sys.exit("%s computes something else: %g, not %g" % (way, checksum, first))
    print("\n%s, a pool of %.0f MB, PyTorch keeps %d of %d" % (where, pool / MB, pool // of_model, models))
    print("| | ms of CPU, median | elapsed | / ours shared | pages found in the pool |\n|---|---|---|---|---|")
    for way, (elapsed, used) in times.items():
        print("| %s | %.2f | %.2f | %.2f | %s |" % (way, 1000 * used, 1000 * elapsed, used / times["shared"][1],
                                                  "%.1f %%" % (100 * hits[way]) if way in hits else ""))
    label = "%s_%s" % (name, where)
    ratios = {way: times[way][1] / times["shared"][1] for way in times}
    print("report %s_ms=%.3f\nreport %s_kept_ratio=%.2f\nreport %s_plain_ratio=%.2f" % (label, 1000 * times["shared"][1], label, ratios["PyTorch, kept"], label, ratios["plain"]))
    print("report target:%s_files_ratio=%.2f>=%g" % (label, ratios["PyTorch, files"], LATENCY))
    print("report target:%s_postgres_ratio=%.2f>=%g" % (label, ratios["PyTorch, PostgreSQL"], LATENCY))
    if where == "beyond":
        print("report target:%s_hits_ratio=%.2f>=%g" % (label, hits["shared"] / max(hits["plain"], 0.01), HITS))
        print("report %s_hits=%.3f\nreport %s_plain_hits=%.3f" % (label, hits["shared"], label, hits["plain"]))


def main():
    name, quick, folder = sys.argv[2], sys.argv[3] == "1", sys.argv[4]
    if sys.argv[1] == "make":
        os.makedirs(folder, exist_ok=True)
        make(name, quick, folder)
    else:
        serve(name, quick, folder, int(sys.argv[5]), sys.argv[6], int(sys.argv[7]))


main()
