"""Many fine-tunes of one base in one database. See tenants.sh.

    tenants.py ways FILE SEED                       (with the environment of libpq; FILE is written over and over)
    tenants.py import FILE SEED HAVE COUNT          fine-tunes HAVE .. COUNT - 1
    tenants.py requests SEED COUNT REQUESTS BATCHES
    tenants.py memory SEED COUNT CONNECTIONS
    tenants.py ort FILE SEED COUNT LIBRARY PEERS
    tenants.py page COUNT
    tenants.py drop COUNT
"""
import statistics
import sys
import time

import numpy
import onnx_fields
import psycopg2

SHAPES = [(512, 512), (512, 512), (512, 16)]
BATCH = 64
BOUND = 0.0005  # of the difference of any weight: changes have a standard deviation of 0.0002
MB = 1e6


# ---- models ----

def base(seed):
    rng = numpy.random.default_rng(seed)
    return [rng.normal(0, (2 / k)**0.5, (k, m)).astype(numpy.float32) for k, m in SHAPES]


def tuned(matrices, seed, tenant):
    """By turns: rank 4 in the first layer; rank 4 everywhere; all weights; those of the last two layers."""
    rng = numpy.random.default_rng([seed, tenant])
    out = []
    for i, w in enumerate(matrices):
        if tenant % 4 == 2 or (tenant % 4 == 3 and i >= 1):
            w = w + rng.normal(0, 2e-4, w.shape).astype(numpy.float32)
        elif tenant % 4 == 1 or (tenant % 4 == 0 and i < 1):
            a, b = rng.normal(0, 0.01, (w.shape[0], 4)), rng.normal(0, 0.01, (4, w.shape[1]))
            w = w + (a @ b).astype(numpy.float32)
        out.append(w)
    return out


# ---- the server ----

class Connection:
    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.pid = self.connection.info.backend_pid
        self("SET client_min_messages = warning")
        self("SET max_parallel_workers_per_gather = 0")

    def __call__(self, text, *args):
        self.cursor.execute(text, args)
        return self.cursor.fetchall() if self.cursor.description else None

    def prepared(self):
        self("PREPARE one (text, int) AS SELECT predict($1, x) FROM item WHERE id = $2")
        self("PREPARE many (text) AS SELECT count(predict($1, x)) FROM item WHERE id <= %d" % BATCH)
        return self

    def cpu(self):
        with open("/proc/%d/schedstat" % self.pid) as f:
            return int(f.read().split()[0]) / 1e9

    def timed(self, text, *args):
        """Seconds elapsed, seconds of CPU of the backend."""
        start, cpu = time.perf_counter(), self.cpu()
        self(text, *args)
        return time.perf_counter() - start, self.cpu() - cpu


def report(**figures):
    for name, value in figures.items():
        print("report %s=%.4g" % (name, value))


def target(name, value, limit):
    print("report target:%s=%.4g%s" % (name, value, limit))


def ways(path, seed):
    """What a few cost, stored in each way: in a sharing domain of their own, which is empty again afterwards."""
    query, matrices, n = Connection(), base(seed), 8
    query("CREATE TABLE item AS SELECT id, (SELECT array_agg(sin(id * j)::real ORDER BY j) FROM generate_series(1, %s) j) AS x "
          "FROM generate_series(1, 256) id", SHAPES[0][0])
    query("ALTER TABLE item ADD PRIMARY KEY (id)")
    query("VACUUM ANALYZE item")
    print("| stored | MB a fine-tune | MB of model a second | of CPU |\n|---|---|---|---|")
    for way, options in (("exact", ""), ("lossless", ", dedup => 'lossless'"), ("ladder", ", dedup => 'ladder', max_weight_error => %g" % BOUND)):
        onnx_fields.write_layers(path, matrices, False)
        query("SELECT import_model('of_base', %s, domain => %s)", path, way)
        stored = seconds = cpu = size = 0
        for i in range(n):
            size += onnx_fields.write_layers(path, tuned(matrices, seed, 1000000 + i), False)
            before = query.cpu()
            row = query("SELECT new_bytes - bytes_freed, seconds FROM import_model(%s, %s, domain => %s" + options + ")", "of_%d" % i, path, way)[0]
            stored, seconds, cpu = stored + row[0], seconds + row[1], cpu + query.cpu() - before
        print("| %s | %.2f | %.0f | %.0f |" % (way, stored / MB / n, size / MB / seconds, size / MB / cpu))
        report(**{way + "_mb_a_fine_tune": stored / MB / n, way + "_import_mb_s": size / MB / seconds})
        target(way + "_import_mb_cpu_s", size / MB / cpu, ">=100")
        for name in ["of_%d" % i for i in range(n)] + ["of_base"]:
            query("SELECT drop_model(%s)", name)
        query("VACUUM")
        query("CHECKPOINT")


def add(path, seed, have, count):
    query, matrices = Connection(), base(seed)
    if have == 0:
        onnx_fields.write_layers(path, matrices, False)
        query("SELECT import_model('base', %s)", path)
        onnx_fields.write_layers(path, tuned(matrices, seed, 2000000 + 2), False)  # all of its weights are its own
        query("SELECT import_model('resident', %s, domain => 'resident')", path)
    size = cpu = 0
    each = []
    for i in range(have, count):
        size += onnx_fields.write_layers(path, tuned(matrices, seed, i), False)
        took = query.timed("SELECT seconds FROM import_model(%s, %s, dedup => 'ladder', max_weight_error => %s)", "t%d" % i, path, BOUND)
        each.append(took[0])
        cpu += took[1]
        if i % 10 == 9:  # as autovacuum would
            query("VACUUM mosaic.block, mosaic.block_meta, mosaic.near_key, mosaic.model, mosaic.tensor")
    seconds = sum(each)
    query("VACUUM ANALYZE")
    query("CHECKPOINT")
    of_model = sum(w.nbytes for w in matrices)
    stored, blocks, catalogs = query("""
        SELECT (SELECT sum(octet_length(data)) FROM mosaic.block), pg_relation_size('mosaic.block'),
               (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace AND relkind = 'r')
               - pg_relation_size('mosaic.block')""")[0]
    stored = float(stored) - of_model  # without the resident one
    logical = (count + 1) * of_model
    print("  %.0f MB of models in %.1f MB of blocks (%.1f times less), %.1f MB with pages, %.1f MB of indexes and catalogs" %
          (logical / MB, stored / MB, logical / stored, float(blocks) / MB, float(catalogs) / MB))
    print("  import: %.0f MB of model a second, %.0f of CPU; %.0f ms of CPU each" %
          (size / MB / seconds, size / MB / cpu, 1000 * cpu / len(each)))
    report(**{"stored_mb_%d" % count: stored / MB, "ratio_%d" % count: logical / stored, "catalogs_mb_%d" % count: float(catalogs) / MB,
              "import_mb_s_%d" % count: size / MB / seconds, "import_cpu_ms_%d" % count: 1000 * cpu / len(each)})


def zipf(seed, count, n):
    """Tenants, of ranks that are drawn."""
    rng = numpy.random.default_rng([seed, 7])
    weights = 1 / numpy.arange(1, count + 1)
    return rng.permutation(count)[rng.choice(count, n, p=weights / weights.sum())].tolist()


def hits(query):
    query("SELECT pg_stat_force_next_flush()")
    return query("SELECT heap_blks_hit, heap_blks_read FROM pg_statio_all_tables WHERE relid = 'mosaic.block'::regclass")[0]


def requests(seed, count, n, batches):
    tenants, resident = Connection().prepared(), Connection().prepared()
    print("| request | fine-tunes: p50, p99, ms | CPU | one resident model | CPU | p99 / its p99 | CPU | p50 / its p50, CPU |\n|---|---|---|---|---|---|---|---|")
    before = hits(tenants)
    for kind, text, length in (("row", "EXECUTE one (%s, %s)", n), ("batch", "EXECUTE many (%s)", batches)):
        found = {"tenants": [], "resident": []}
        for turn, tenant in enumerate(zipf(seed, count, length + length // 4)):
            more = (1 + turn % 256,) if kind == "row" else ()
            for name, query, model in (("tenants", tenants, "t%d" % tenant), ("resident", resident, "resident")):
                took = query.timed(text, model, *more)
                if turn >= length // 4:
                    found[name].append(took)
        p = {(name, what): [1000 * numpy.percentile([t[i] for t in times], q) for q in (50, 99)]
             for name, times in found.items() for i, what in enumerate(("elapsed", "cpu"))}
        pair = "%.2f, %.2f"
        t, r, tc, rc = (p[k] for k in (("tenants", "elapsed"), ("resident", "elapsed"), ("tenants", "cpu"), ("resident", "cpu")))
        print("| %s | %s | %s | %s | %s | %.2f | %.2f | %.2f |" % (
            "1 row" if kind == "row" else "%d rows" % BATCH, pair % tuple(t), pair % tuple(tc), pair % tuple(r), pair % tuple(rc),
            t[1] / r[1], tc[1] / rc[1], tc[0] / rc[0]))
        report(**{"%s_p50_ms_%d" % (kind, count): t[0], "%s_p99_ms_%d" % (kind, count): t[1],
                  "%s_cpu_p50_of_resident_%d" % (kind, count): tc[0] / rc[0], "%s_p99_of_resident_%d" % (kind, count): t[1] / r[1]})
        target("%s_cpu_p99_of_resident_%d" % (kind, count), tc[1] / rc[1], "<=2")
    after = hits(tenants)
    ratio = (after[0] - before[0]) / max(1, sum(after) - sum(before))
    print("  %.2f %% of pages found in shared_buffers, from a cold start on" % (100 * ratio))
    report(**{"hit_pct_%d" % count: 100 * ratio})


def memory(seed, count, n):
    connections = [Connection().prepared() for _ in range(n)]
    for i, query in enumerate(connections):
        for tenant in zipf(seed + i, count, 40):
            query("EXECUTE one (%s, %s)", "t%d" % tenant, 1)
            query("EXECUTE many (%s)", "t%d" % tenant)
    private = []
    for query in connections:
        with open("/proc/%d/smaps_rollup" % query.pid) as f:
            kb = {line.split(":")[0]: int(line.split()[1]) for line in f if line.endswith("kB\n")}
        private.append((kb["Pss_Anon"] + kb["Pss_File"]) / 1024)
    print("  after 40 fine-tunes each: %.1f MB a connection, the largest %.1f" % (statistics.mean(private), max(private)))
    report(connection_mb=statistics.mean(private), connection_mb_most=max(private))


def ort(path, seed, count, library, peers):
    sys.path.insert(0, peers)
    import ort as runtime_of
    runtime, matrices = runtime_of.Runtime(library), base(seed)
    size = onnx_fields.write_layers(path, tuned(matrices, seed, 0), False)
    rows = numpy.random.default_rng(seed).normal(0, 1, (BATCH, SHAPES[0][0])).astype(numpy.float32)

    def anonymous():
        with open("/proc/self/smaps_rollup") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon")) / 1024

    loads, sessions, before = [], [], anonymous()
    for _ in range(20):
        start = time.process_time()
        sessions.append(runtime_of.Session(runtime, path, "x", "m%d" % (len(SHAPES) - 1), SHAPES[-1][1]))
        sessions[-1].run(rows[:1])
        loads.append(time.process_time() - start)
    each = (anonymous() - before) / len(sessions)
    runs = []
    for _ in range(50):
        start = time.process_time()
        sessions[0].run(rows[:1])
        runs.append(time.process_time() - start)
    load, run = statistics.median(loads), statistics.median(runs)
    # An LRU of as many sessions as 1 GB holds, simulated with the requests of above.
    room, kept, misses = int(1024 / each), {}, 0
    trace = zipf(seed, count, 20000)
    for i, tenant in enumerate(trace):
        if tenant not in kept:
            misses += i >= len(trace) // 4
            if len(kept) >= room:
                kept.pop(next(iter(kept)))
        kept[tenant] = kept.pop(tenant, None)
    missed = misses / (len(trace) - len(trace) // 4)
    print("  all %d sessions in memory: %.1f GB (%.2f MB each, of %.2f MB of weights); a connection of ours has none" %
          (count, count * each / 1024, each, size / MB))
    print("  loaded when asked for: %.1f ms of CPU, %.0f loads a second; a row %.2f ms; of 1 GB of sessions %.0f %% of the requests miss: %.2f ms a row on average, p99 %.1f" %
          (1000 * load, 1 / load, 1000 * run, 100 * missed, 1000 * (run + missed * load), 1000 * (run + (load if missed > 0.01 else 0))))
    report(ort_memory_gb=count * each / 1024, ort_load_ms=1000 * load, ort_loads_per_s=1 / load, ort_row_ms=1000 * run,
           ort_1gb_misses_pct=100 * missed, ort_1gb_mean_ms=1000 * (run + missed * load))


def page(count):
    """mosaic.report() over all of them: docs/report.md"""
    query = Connection()
    sharing, whole = query.timed("SELECT count(*) FROM mosaic.sharing")[1], query.timed("SELECT length(mosaic.report())")[1]
    entries = query("SELECT sum(blocks) FROM mosaic.models")[0][0]
    print("  %d models, %d entries of maps: mosaic.sharing %.2f s of CPU, mosaic.report() %.2f s" % (count, entries, sharing, whole), flush=True)
    report(map_entries=float(entries), sharing_s=sharing, report_s=whole)


def drop(count):
    query, each = Connection(), []
    for i in range(0, count, 2):
        each.append(query.timed("SELECT drop_model(%s)", "t%d" % i)[1])
    vacuum = query.timed("VACUUM")[1]
    before = query.cpu()
    problems = query("SELECT count(*) FROM check_store()")[0][0]
    check = query.cpu() - before
    if problems:
        sys.exit("check_store() finds %d problems" % problems)
    print("  %d dropped: median %.1f ms of CPU, p99 %.1f; VACUUM %.2f s; check_store() %.2f s" %
          (len(each), 1000 * statistics.median(each), 1000 * numpy.percentile(each, 99), vacuum, check), flush=True)
    report(drop_ms=1000 * statistics.median(each), drop_p99_ms=1000 * numpy.percentile(each, 99), vacuum_s=vacuum, check_s=check)
    for name, in query("SELECT name FROM mosaic.models"):
        query("SELECT drop_model(%s)", name)
    query("VACUUM")
    left = query("SELECT count(*) FROM mosaic.block")[0][0]
    pages = query("SELECT pg_relation_size('mosaic.block') / 8192")[0][0]
    if left:
        sys.exit("%d blocks are left of no model" % left)
    print("  all dropped and vacuumed: %d pages left" % pages)


def main():
    numbers = [int(a) if a.isdigit() else a for a in sys.argv[2:]]
    {"ways": ways, "import": add, "requests": requests, "memory": memory, "ort": ort, "page": page, "drop": drop}[sys.argv[1]](*numbers)


main()
