"""What fine-tunes of all-MiniLM-L6-v2 cost, stored in each way, and how well they predict then. See deltas.sh.

    deltas_minilm.py FOLDER QUICK ROUNDS [PART ...]     (with the environment of libpq; FOLDER: of deltas_train.py)

Parts, all of them by default, with QUICK neither near nor peers: base, all, decay, last, lora, near and peers (for these four), adapter, times.
"""
import os
import shutil
import statistics
import subprocess
import sys

import numpy
import psycopg2

KINDS = ["all", "decay", "last", "lora"]
MAX_DROP = 0.01
MB = 1e6
LOW_BOUND = 0.0005  # most blocks get 4 bits then
JUDGE = "SELECT ids, label FROM validation"


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self("SET max_parallel_workers_per_gather = 0")

    def __call__(self, text, *args):
        self.cursor.execute(text, args)
        return self.cursor.fetchall() if self.cursor.description else None

    def cpu(self):
        with open("/proc/%d/schedstat" % self.connection.info.backend_pid, encoding="ascii") as f:
            return int(f.read().split()[0]) / 1e9

    def add(self, name, file, **options):
        """Bytes added, and seconds of CPU."""
        more = "".join(", %s => %%s" % k for k in options)
        start = self.cpu()
        added = self("SELECT new_bytes - bytes_freed FROM import_model(%s, %s" + more + ")", name, "%s/%s.onnx" % (self.folder, file), *options.values())[0][0]
        return added, self.cpu() - start

    def accuracy(self, name, table):
        return self("SELECT avg((predict_class(%s, ids) = label)::int)::float8 FROM " + table, name)[0][0]

    def digest(self, name):
        return self("SELECT md5(string_agg(predict(%s, ids)::text, ',' ORDER BY id)) FROM validation WHERE id <= 48", name)

    def texts(self, quick):
        rows = numpy.load(self.folder + "/texts.npz")
        for name in ("validation", "held_out"):
            self("CREATE TABLE " + name + " (id int PRIMARY KEY, ids int[], label int)")
            ids, labels = rows[name].tolist(), rows[name + "_labels"].tolist()
            for i in range(50 if quick else len(ids)):
                self("INSERT INTO " + name + " VALUES (%s, %s, %s)", i + 1, ids[i], labels[i])
            self("VACUUM ANALYZE " + name)


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


def peers(folder, kind):
    """Bytes of zstd -19 --patch-from, and what a repository of restic grows by; NaN where there is no such program."""
    found = []
    try:
        run = subprocess.run(["zstd", "-19", "--long=31", "-q", "-c", "--patch-from", folder + "/base.onnx", "%s/%s.onnx" % (folder, kind)],
                             stdout=subprocess.PIPE, check=True)
        found.append(len(run.stdout))
    except (FileNotFoundError, subprocess.CalledProcessError):
        found.append(float("nan"))
    repository, environment = folder + "/restic", dict(os.environ, RESTIC_PASSWORD="bench", RESTIC_CACHE_DIR=folder + "/restic_cache")
    try:
        shutil.rmtree(repository, ignore_errors=True)
        sizes = []
        for arguments in (["init"], ["backup", folder + "/base.onnx"], ["backup", "%s/%s.onnx" % (folder, kind)]):
            subprocess.run(["restic", "-q", "-r", repository] + arguments, env=environment, stdout=subprocess.DEVNULL, check=True)
            sizes.append(folder_bytes(repository))
        found.append(sizes[2] - sizes[1])
    except (FileNotFoundError, subprocess.CalledProcessError):
        found.append(float("nan"))
    shutil.rmtree(repository, ignore_errors=True)
    shutil.rmtree(folder + "/restic_cache", ignore_errors=True)
    return found


def base(store, figures):
    judged = [store.accuracy("base", t) for t in ("validation", "held_out")]
    print("base: accuracy %.4f, held out %.4f" % tuple(judged), flush=True)
    figures.update(base_accuracy=judged[0], base_held_out=judged[1])


def merged(store):
    """Bytes freed by merging alone, accuracy, that on what was held out, evaluations; then it is undone."""
    store("BEGIN")
    freed, accuracy, evaluations = store("SELECT bytes_freed, metric_after, evaluations FROM dedup_model('ft', %s, max_drop => %s, max_evaluations => %s)",
                                         JUDGE, MAX_DROP, 6)[0]
    held_out = store.accuracy("ft", "held_out")
    store("ROLLBACK")
    return freed, accuracy, held_out, evaluations


def stored(store, quick, kinds, parts, figures):
    print("\n| fine-tune | exact | near | ladder | lossless | restic | zstd -19 patch | accuracy: exact, near, ladder | held out: exact, near, ladder | evaluations: near, ladder | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    rungs = []
    for kind in kinds:
        exact, _ = store.add("ft", kind)
        before, digest = [store.accuracy("ft", t) for t in ("validation", "held_out")], store.digest("ft")
        start = store.cpu()
        near = merged(store) if "near" in parts else (float("nan"),) * 4
        middle = store.cpu()
        ladder = store("SELECT bytes_freed, metric_after, evaluations, standard_error, merged, bits_1, bits_2, bits_4, bits_8, lossless "
                       "FROM dedup_ladder('ft', %s, max_drop => %s, max_evaluations => %s)", JUDGE, MAX_DROP, 4 if quick else 8)[0]
        seconds = (middle - start, store.cpu() - middle)
        held_out = store.accuracy("ft", "held_out")
        store("SELECT drop_model('ft')")
        lossless, _ = store.add("ft", kind, dedup="lossless")
        if store.digest("ft") != digest:
            sys.exit("%s: other predictions than those of the exact store" % kind)
        store("SELECT drop_model('ft')")
        store("VACUUM")
        patch, restic = peers(store.folder, kind) if "peers" in parts else (float("nan"),) * 2
        print("| %s | %.2f | %.2f | %.2f | %.2f | %.1f | %.1f | %.4f, %.4f, %.4f | %.4f, %.4f, %.4f | %.0f, %.0f | %.0f, %.0f |" % (
            kind, exact / MB, (exact - near[0]) / MB, (exact - ladder[0]) / MB, lossless / MB, restic / MB, patch / MB,
            before[0], near[1], ladder[1], before[1], near[2], held_out, near[3], ladder[2], *seconds), flush=True)
        rungs.append((kind,) + ladder[4:] + (ladder[3],))
        figures.update({kind + "_exact_mb": exact / MB, kind + "_near_mb": (exact - near[0]) / MB, kind + "_ladder_mb": (exact - ladder[0]) / MB,
                        kind + "_lossless_mb": lossless / MB, kind + "_restic_mb": restic / MB, kind + "_zstd_patch_mb": patch / MB,
                        kind + "_accuracy": before[0], kind + "_held_out": before[1], kind + "_ladder_held_out_drop": before[1] - held_out})
        if "base_held_out" in figures:
            figures[kind + "_rise_pct"] = 100 * (before[1] - figures["base_held_out"])
    print("\n| fine-tune | merged | 1 bit | 2 | 4 | 8 | lossless | standard error |\n|---|---|---|---|---|---|---|---|")
    for row in rungs:
        print("| %s | %d | %d | %d | %d | %d | %d | %.4f |" % row)


def adapter(store, figures):
    path = store.folder + "/adapter_model.safetensors"
    added = store("SELECT new_bytes FROM import_adapter('adapter', 'base', %s, base_weights => %s)", path, store.folder + "/base.safetensors")[0][0]
    print("\nThe LoRA adapter as it is: %d bytes of a file of %d; held out %.4f" % (added, os.path.getsize(path), store.accuracy("adapter", "held_out")), flush=True)
    figures["adapter_of_file"] = added / os.path.getsize(path)
    store("SELECT drop_model('adapter')")


def predict_times(store, rounds, figures):
    """"all", whole, as lossless differences and as differences of 4 bits, by turns."""
    store.add("whole", "all", domain="whole")
    store.add("lossless", "all", dedup="lossless")
    low = store.add("low", "all", dedup="ladder", max_weight_error=LOW_BOUND)
    bits = store("SELECT get_byte(b.data, 12) AS bits, count(*) FROM mosaic.tensor t, unnest(mosaic.map_blocks(t.map)) id JOIN mosaic.block b ON b.block_id = id "
                 "JOIN mosaic.block_meta m USING (block_id) WHERE t.model_id = mosaic.model_id('low') AND m.base IS NOT NULL AND get_byte(b.data, 10) = 2 GROUP BY 1 ORDER BY 1")
    print("\nFew bits, no weight off by more than %g: %.2f MB; blocks by bits: %s" % (LOW_BOUND, low[0] / MB, dict(bits)))
    print("\n| rows of 16 tokens | memory for what is made | whole, ms CPU a row | lossless / whole | few bits / whole |\n|---|---|---|---|---|")
    for memory in ("1MB", "256MB"):
        store("SET pg_mosaic.delta_memory = '%s'" % memory)
        for rows in (1, 64, 256):
            times = {"whole": [], "lossless": [], "low": []}
            for turn in range(rounds + 1):
                for model, found in times.items():
                    start = store.cpu()
                    for _ in range(4 if rows == 1 else 1):
                        store("SELECT count(predict('%s', ids)) FROM validation WHERE id <= %d" % (model, rows))
                    if turn > 0:
                        found.append(1000 * (store.cpu() - start) / rows / (4 if rows == 1 else 1))
            whole, lossless, low = (statistics.median(f) for f in times.values())
            print("| %d | %s | %.2f | %.2f | %.2f |" % (rows, memory, whole, lossless / whole, low / whole), flush=True)
            figures.update({"lossless_ratio_%d_%s" % (rows, memory): lossless / whole, "low_ratio_%d_%s" % (rows, memory): low / whole})


def main():
    folder, quick, rounds = sys.argv[1], sys.argv[2] == "1", int(sys.argv[3])
    store, figures = Store(folder), {}
    store.texts(quick)
    parts = sys.argv[4:] or KINDS + ["base", "adapter", "times"] + ([] if quick else ["near", "peers"])
    figures["model_mb"] = store.add("base", "base")[0] / MB
    print("%.1f MB" % figures["model_mb"], flush=True)
    if "base" in parts:
        base(store, figures)
    stored(store, quick, [k for k in KINDS if k in parts], parts, figures)
    if "adapter" in parts:
        adapter(store, figures)
    if "times" in parts:
        predict_times(store, rounds, figures)
    if store("SELECT count(*) FROM check_store()")[0][0]:
        sys.exit("check_store() finds problems")
    targets = {"adapter_of_file": "<=1.1", "all_ladder_mb": "<=6", "decay_ladder_mb": "<=6", "last_ladder_mb": "<=3", "lora_ladder_mb": "<=1.5",
               "all_ladder_held_out_drop": "<=0.015", "decay_ladder_held_out_drop": "<=0.015", "all_rise_pct": ">=5",
               "low_ratio_256_256MB": "<=1.1", "low_ratio_256_1MB": "<=1.1", "low_ratio_1_256MB": "<=0.7", "low_ratio_1_1MB": "<=1.3",
               "lossless_ratio_256_256MB": "<=1.12", "lossless_ratio_64_256MB": "<=1.3"}
    for kind in ("all", "decay"):
        if kind + "_lossless_mb" in figures:
            figures[kind + "_lossless_of_patch"] = figures[kind + "_lossless_mb"] / figures[kind + "_zstd_patch_mb"]
    targets.update(all_lossless_of_patch="<=0.75", decay_lossless_of_patch="<=0.5")
    for name, value in ((n, v) for n, v in figures.items() if v == v):  # without what was not measured
        print("report %s%s=%.4g%s" % ("target:" if name in targets else "", name, value, targets.get(name, "")))


main()
