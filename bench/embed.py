"""Embeds tables of texts in the ways a user has, by turns. See embed.sh.

    embed.py ROUNDS ORT_LIBRARY PEERS_FOLDER MODEL (with the environment of libpq)
"""
import glob
import statistics
import sys
import time

import numpy
import psycopg2
import psycopg2.extras

BATCH, WIDTH = 32, 384
CONNECTIONS = 32


def backend_cpu(pid):
    seconds = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            seconds += int(f.read().split()[0]) / 1e9
    return seconds


def private_mb(pid):
    """Of a process, without shared memory: what another connection takes."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        kb = {line.split(":")[0]: int(line.split()[1]) for line in f if line.count(":") == 1}
    return (kb["Pss_Anon"] + kb["Pss_File"]) / 1024


class Peers:
    def __init__(self, library, folder, model):
        sys.path.insert(0, folder)
        import bert
        import ort
        self.ort = bert.OrtBert(ort.Runtime(library), model, WIDTH)
        self.folder, self.model = folder, model
        self.connections = {}

    def connect(self, way):
        if way not in self.connections:
            c = self.connections[way] = psycopg2.connect("")
            with c.cursor() as cursor:
                cursor.execute("SET max_parallel_workers_per_gather = 0")
                if way == "torch":
                    cursor.execute("SELECT torch_load(%s, %s)", (self.folder, self.model))
            c.commit()
        return self.connections[way]

    def ids(self, table, order=""):
        c = self.connect("ids")
        with c.cursor() as cursor:
            cursor.execute("SELECT ids FROM " + table + order)
            rows = [r[0] for r in cursor.fetchall()]
        c.commit()
        return rows

    # ---- the ways ----

    def written(self, way, query):
        c = self.connect(way)
        with c.cursor() as cursor:
            cursor.execute(query)
        c.commit()

    def sql(self, table):
        self.written("sql", "INSERT INTO vector SELECT id, embed('minilm', body) FROM " + table)

    def torch(self, table):
        self.written("torch", "INSERT INTO vector SELECT * FROM torch_embed('%s')" % table)

    def alone(self, table):
        rows = self.memory[table]
        for i in range(0, len(rows), BATCH):
            self.ort.vectors(rows[i:i + BATCH])

    def ort_alone(self, table):
        self.alone(table)

    def ort_alone_sorted(self, table):
        self.alone(table + " ORDER BY cardinality(ids)")

    def client(self, way, table, order):
        c = self.connect(way)
        with c.cursor(way) as rows, c.cursor() as writer:
            rows.execute("SELECT id, ids FROM " + table + order)
            while batch := rows.fetchmany(BATCH):
                found = self.ort.vectors([ids for _, ids in batch]).tolist()
                psycopg2.extras.execute_values(writer, "INSERT INTO vector VALUES %s", [(r[0], v) for r, v in zip(batch, found)],
                                               page_size=BATCH)
        c.commit()

    def client_ort(self, table):
        self.client("client_ort", table, "")

    def client_ort_sorted(self, table):
        self.client("client_ort_sorted", table, " ORDER BY cardinality(ids)")

    # ---- measuring ----

    def run(self, way, table):
        """Seconds (elapsed, of CPU), and the vectors that are there afterwards."""
        c = self.connect("check")
        with c.cursor() as cursor:
            cursor.execute("TRUNCATE vector")
        c.commit()
        pid = self.connections[way].info.backend_pid if way in self.connections else 0
        cpu, start = time.process_time() + backend_cpu(pid), time.perf_counter()
        getattr(self, way)(table)
        pid = self.connections[way].info.backend_pid if way in self.connections else 0
        elapsed, cpu = time.perf_counter() - start, time.process_time() + backend_cpu(pid) - cpu
        with c.cursor() as cursor:
            cursor.execute("SELECT v FROM vector ORDER BY id")
            vectors = numpy.array([r[0] for r in cursor.fetchall()], numpy.float32)
        c.commit()
        return elapsed, cpu, vectors


WAYS = ["sql", "ort_alone", "ort_alone_sorted", "client_ort", "client_ort_sorted", "torch"]
PART = ["torch"]


def measure(peers, table, rounds):
    times = {way: [] for way in WAYS}
    for turn in range(rounds + 1):
        reference = None
        for way in WAYS:
            name = table + ("_few" if turn == 0 else "_part" if way in PART else "")
            for order in ("", " ORDER BY cardinality(ids)"):
                peers.memory.setdefault(name + order, None)
                if peers.memory[name + order] is None:
                    peers.memory[name + order] = peers.ids(name, order)
            n = len(peers.memory[name])
            elapsed, cpu, vectors = peers.run(way, name)
            if len(vectors):
                reference = vectors if reference is None else reference
                distance = numpy.abs(vectors - reference[:len(vectors)]).max()
                if distance > 1e-4:
                    sys.exit("%s differs by %g from sql" % (way, distance))
            if turn > 0:
                times[way].append((n / elapsed, cpu / n))
    return times


def show(table, times, n):
    def ratio(way):
        return statistics.median(a[1] / b[1] for a, b in zip(times["sql"], times[way]))

    print("\n%s: %d texts" % (table, n))
    for way in WAYS:
        rate, cpu = (statistics.median(t[i] for t in times[way]) for i in (0, 1))
        print("  %-18s %8.1f texts/s, CPU %8.2f ms a text; sql takes %.2f of it" % (way, rate, 1000 * cpu, ratio(way)))
        print("report %s_%s_cpu_ms=%.3f" % (table, way, 1000 * cpu))
        if way not in ("sql",):
            print("report %s_sql_per_%s=%.2f" % (table, way, ratio(way)))
    return ratio


def memory(peers):
    """Of each of many connections that have embedded 64 texts, and of one with PyTorch."""
    opened = [psycopg2.connect("") for _ in range(CONNECTIONS)]
    first = []
    for c in opened:
        with c.cursor() as cursor:
            start = time.perf_counter()
            cursor.execute("SELECT embed('minilm', 'where to swim')")
            first.append(time.perf_counter() - start)
            cursor.execute("SELECT count(embed('minilm', body)) FROM short_few")
        c.commit()
    each = [private_mb(c.info.backend_pid) for c in opened]
    torch = private_mb(peers.connections["torch"].info.backend_pid)
    for c in opened:
        c.close()
    print("\nfirst embed() of a connection %.1f ms; memory of each of %d connections %.1f MB (most %.1f), with PyTorch %.0f" %
          (1000 * statistics.median(first), CONNECTIONS, statistics.mean(each), max(each), torch))
    print("report first_call_ms=%.1f\nreport torch_connection_mb=%.0f" % (1000 * statistics.median(first), torch))
    print("report target:connection_mb=%.1f<=40" % max(each))


def main():
    rounds = int(sys.argv[1])
    peers = Peers(*sys.argv[2:5])
    peers.memory = {}
    for table in ("short", "mixed"):
        ratio = show(table, measure(peers, table, rounds), len(peers.memory[table]))
        best = min((ratio(w), w) for w in ("client_ort", "torch")) if table == "short" else None
        if best:
            print("report target:short_times_faster_than_client_ort=%.2f>=2" % (1 / ratio("client_ort")))
            print("report target:short_times_faster_than_torch=%.2f>=2" % (1 / ratio("torch")))
        else:
            print("report target:mixed_sql_per_ort_alone=%.2f<=0.5" % ratio("ort_alone"))
            print("report target:mixed_sql_per_ort_alone_sorted=%.2f<=0.85" % ratio("ort_alone_sorted"))
    memory(peers)


main()
