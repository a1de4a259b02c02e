"""Fine-tunes of one dense model, and what they cost stored exactly, merged, down the ladder and as lossless differences. See deltas.sh.

    deltas.py write FOLDER QUICK             base.onnx and its fine-tunes
    deltas.py measure FOLDER QUICK ROUNDS    (with the environment of libpq)
"""
import os
import statistics
import subprocess
import sys
import time

import numpy
import onnx_fields
import psycopg2

SEED = 20260101
KINDS = ["all", "decay", "last", "lora"]


def layers(quick):
    return [(256, 256)] * 3 if quick else [(1024, 1024)] * 8


def weights(quick):
    rng = numpy.random.default_rng(SEED)
    return [rng.normal(0, 1.4 / k**0.5, (k, m)).astype(numpy.float32) for k, m in layers(quick)]


def tuned(kind, base):
    """all: 60 % of the rows trained on (as words that occur), without decay; decay: everything, with decay;
    last: the last two layers; lora: a sum of 8 outer products on every second layer."""
    rng = numpy.random.default_rng(SEED + 1 + KINDS.index(kind))
    out = []
    for i, w in enumerate(base):
        step = rng.normal(0, 2e-4, w.shape)
        if kind == "all":
            step *= rng.random((w.shape[0], 1)) < 0.6
        elif kind == "last":
            step *= i >= len(base) - 2
        elif kind == "lora":
            step = (rng.normal(0, 0.01, (w.shape[0], 8)) @ rng.normal(0, 0.01, (8, w.shape[1]))) * (i % 2)
        decayed = w * (1 - 4e-4) if kind == "decay" else w
        out.append((decayed + step).astype(numpy.float32))
    return out


def patch_bytes(folder, kind):
    """Of zstd -19 --patch-from; none where there is no zstd."""
    try:
        run = subprocess.run(["zstd", "-19", "--long=31", "-q", "-c", "--patch-from", folder + "/base.onnx",
                              folder + "/%s.onnx" % kind], stdout=subprocess.PIPE, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return float("nan")
    return len(run.stdout)


def measure(folder, quick, rounds):
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()

    def query(text, *args):
        cursor.execute(text, args)
        return cursor.fetchall() if cursor.description else None

    def cpu():
        with open("/proc/%d/schedstat" % connection.info.backend_pid) as f:
            return int(f.read().split()[0]) / 1e9

    def add(name, kind, **options):
        more = "".join(", %s => %%s" % k for k in options)
        row = query("SELECT new_bytes - bytes_freed, seconds FROM import_model(%s, %s" + more + ")",
                    name, "%s/%s.onnx" % (folder, kind), *options.values())[0]
        query("CHECKPOINT")
        return row

    def digest(name):
        return query("SELECT md5(string_agg(predict(%s, x)::text, ',' ORDER BY id)) FROM inputs WHERE id <= 64", name)

    query("SET max_parallel_workers_per_gather = 0")
    k = layers(quick)[0][0]
    query("CREATE TABLE inputs AS SELECT id, (SELECT array_agg(sin(id * j)::real ORDER BY j) FROM generate_series(1, %s) j) AS x "
          "FROM generate_series(1, 3024) id", k)
    query("VACUUM ANALYZE inputs")
    whole, seconds = add("base", "base")
    figures = {"model_mb": whole / 1e6, "import_exact_mb_s": whole / seconds / 1e6}
    print("| fine-tune | exact | near, no weight off by more than 0.002 | ladder | lossless | zstd -19 --patch-from | lossless, MB/s |")
    print("|---|---|---|---|---|---|---|")
    down = []
    for kind in KINDS:
        exact, _ = add("tuned", kind)
        before = digest("tuned")
        query("CREATE TABLE exact AS SELECT id, predict_class('tuned', x) AS class FROM inputs WHERE id > 1024")
        query("SELECT drop_model('tuned')")
        near, _ = add("tuned", kind, dedup="near", max_weight_error=0.002)
        query("SELECT drop_model('tuned')")
        # 1,000 rows to judge by, 2,000 that the gate has not seen.
        name = kind + "_ladder"
        row = query("SELECT new_bytes FROM import_model(%s, %s)", name, "%s/%s.onnx" % (folder, kind))[0]
        gate = query("SELECT bytes_freed, merged, bits_1, bits_2, bits_4, bits_8, lossless, metric_after, standard_error, evaluations, seconds "
                     "FROM dedup_ladder(%s, 'SELECT x FROM inputs WHERE id <= 1000', 'agreement', max_drop => 0.01)", name)[0]
        ladder = row[0] - gate[0]
        held_out = query("SELECT avg((predict_class(%s, x) = class)::int)::float8 FROM inputs JOIN exact USING (id)", name)[0][0]
        query("DROP TABLE exact")
        query("CHECKPOINT")
        down.append((kind, ladder, held_out) + gate[1:])
        figures.update({kind + "_ladder_mb": ladder / 1e6, kind + "_ladder_held_out": held_out})
        lossless, seconds = add(kind, kind, dedup="lossless")
        if digest(kind) != before:
            sys.exit("%s: other predictions than those of the exact store" % kind)
        patch = patch_bytes(folder, kind)
        print("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f |" % (kind, exact / 1e6, near / 1e6, ladder / 1e6, lossless / 1e6,
                                                                   patch / 1e6, whole / seconds / 1e6))
        figures.update({kind + "_exact_mb": exact / 1e6, kind + "_near_mb": near / 1e6, kind + "_lossless_mb": lossless / 1e6,
                        kind + "_zstd_patch_mb": patch / 1e6, kind + "_import_mb_s": whole / seconds / 1e6})
    print("\nThe ladder at 1 % of 1,000 predictions; held out: 2,000 others")
    print("| fine-tune | MB added | merged | 1 bit | 2 | 4 | 8 | lossless | agreement (error) | held out | evaluations | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for kind, ladder, held_out, *rungs, metric, error, evaluations, seconds in down:
        print("| %s | %.2f | %s | %.4f (%.4f) | %.4f | %d | %.1f |" % (kind, ladder / 1e6, " | ".join(map(str, rungs)), metric, error,
                                                                    held_out, evaluations, seconds))
    problems = query("SELECT count(*) FROM check_store()")[0][0]
    if problems:
        sys.exit("check_store() finds %d problems" % problems)

    # The same model whole and as differences, by turns: "decay", of which every block is one.
    query("SELECT init.model FROM import_model('whole', %s, domain => 'whole') init", folder + "/decay.onnx")
    print("\n| rows | memory for what is made | whole, ms CPU a row | lossless | ratio | ladder | ratio |")
    print("|---|---|---|---|---|---|---|")
    for memory in ("1MB", "128MB"):
        query("SET pg_mosaic.delta_memory = %s", memory)
        for rows in (1, 16, 64, 256):
            times = {"whole": [], "decay": [], "decay_ladder": []}
            repeat = max(1, 64 // rows) if rows < 64 else 1
            for turn in range(rounds + 1):
                for model in times:
                    text = "SELECT count(predict('%s', x)) FROM inputs WHERE id <= %d" % (model, rows)
                    start = cpu()
                    for _ in range(repeat):
                        query(text)
                    if turn > 0:
                        times[model].append(1000 * (cpu() - start) / repeat / rows)
            plain, made, low = (statistics.median(times[m]) for m in times)
            print("| %d | %s | %.3f | %.3f | %.2f | %.3f | %.2f |" % (rows, memory, plain, made, made / plain, low, low / plain))
            figures["ratio_%d_%s" % (rows, memory)] = made / plain
            figures["ladder_ratio_%d_%s" % (rows, memory)] = low / plain
    targets = {"decay_of_patch": (figures["decay_lossless_mb"] / figures["decay_zstd_patch_mb"], 0.5),
               "all_of_patch": (figures["all_lossless_mb"] / figures["all_zstd_patch_mb"], 0.75),
               "ratio_256": (figures["ratio_256_128MB"], 1.12), "ratio_64": (figures["ratio_64_128MB"], 1.3),
               "all_ladder_of_exact": (figures["all_ladder_mb"] / figures["all_exact_mb"], 1 / 15),
               "decay_ladder_of_exact": (figures["decay_ladder_mb"] / figures["decay_exact_mb"], 1 / 15),
               "ladder_held_out_drop": (1 - min(figures[kind + "_ladder_held_out"] for kind in KINDS), 0.015),
               "ladder_ratio_256": (figures["ladder_ratio_256_128MB"], 1.1), "ladder_ratio_256_anew": (figures["ladder_ratio_256_1MB"], 1.1),
               "ratio_256_anew": (figures["ratio_256_1MB"], 1.12), "ratio_64_anew": (figures["ratio_64_1MB"], 1.3)}
    print(" ".join("%s=%.4g" % f for f in figures.items()), " ".join("target:%s=%.4g<=%g" % (n, *v) for n, v in targets.items()),
          file=sys.stderr)


def main():
    mode, folder, quick = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
    if mode == "measure":
        measure(folder, quick, int(sys.argv[4]))
        return
    os.makedirs(folder, exist_ok=True)
    base = weights(quick)
    onnx_fields.write_layers(folder + "/base.onnx", base, True)
    for kind in KINDS:
        onnx_fields.write_layers("%s/%s.onnx" % (folder, kind), tuned(kind, base), True)


if __name__ == "__main__":
    main()
