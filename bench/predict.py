"""Predicts a table in every way a user has, by turns. See predict.sh.

    predict.py ROUNDS ORT_LIBRARY PEERS_FOLDER MODEL=FILE,TABLE,SINGLE_ROWS... (with the environment of libpq)

SINGLE_ROWS: how many rows the ways run that go row by row; their time is scaled up. So is that of the ways that
take most per row, which run on TABLE_part. TABLE_few has a few rows, to warm up with.
"""
import glob
import io
import statistics
import sys
import time

import numpy
import psycopg2
import psycopg2.extras

BATCH = 1024


class Workload:
    """A model, a table, and everything that runs the one on the other."""

    def __init__(self, runtime, peers, model, path, table, single_rows):
        import mlp
        import ort
        self.model, self.path, self.table, self.single_rows = model, path, table, single_rows
        self.peers = peers
        self.torch_model = mlp.load_torch(path)
        self.mlp = mlp
        self.ort_session = ort.Session(runtime, path, *mlp.interface(path))
        self.connections = {}
        self.matrix = self.fetch_matrix()
        self.rows = len(self.matrix)
        self.part_rows = len(self.read_binary("matrix", table + "_part"))

    def connect(self, way):
        if way not in self.connections:
            c = self.connections[way] = psycopg2.connect("")
            with c.cursor() as cursor:
                cursor.execute("SET max_parallel_workers_per_gather = 0")
                if way.startswith("torch_"):
                    cursor.execute("SELECT torch_peers(%s)", (self.peers,))
                    cursor.execute("SELECT torch_load(%s, %s)", (self.model, self.path))
                if way == "sql_unbatched":
                    cursor.execute("SET pg_mosaic.batch = off")
                if way == "sql_two_processes":
                    cursor.execute("SET max_parallel_workers_per_gather = 1; SET parallel_setup_cost = 0;"
                                   "SET min_parallel_table_scan_size = 0")
            c.commit()
        return self.connections[way]

    def cpu_seconds(self, way):
        """Of this process and of the way's backend, all threads: on a machine that others use too, what to compare."""
        seconds = time.process_time()
        if way in self.connections:
            for path in glob.glob("/proc/%d/task/*/schedstat" % self.connections[way].info.backend_pid):
                with open(path) as f:
                    seconds += int(f.read().split()[0]) / 1e9
        return seconds

    def prepare(self, way):
        """What is not measured; every way starts with an empty result and a transaction of its own."""
        if way == "ort_alone":
            return
        c = self.connect(way)
        with c.cursor() as cursor:
            cursor.execute("TRUNCATE result")
        c.commit()

    def part(self):
        return self.table if self.table.endswith("_few") else self.table + "_part"

    def sql(self, way, query):
        c = self.connect(way)
        with c.cursor() as cursor:
            cursor.execute(query.format(model=self.model, table=self.table, part=self.part(), single=self.single_rows))
            value = cursor.fetchone()[0] if cursor.description else None
        c.commit()
        return value

    # ---- the ways; each returns the sum of the classes, where it has one ----

    def read_arrays(self):
        self.sql("read_arrays", "SELECT count(x[1]) FROM {table}")

    def sql_batched(self):
        return self.sql("sql_batched", "SELECT sum(predict_class('{model}', x)) FROM {table}")

    def sql_arrays(self):
        """The form that takes a batch as one array."""
        self.sql("sql_arrays", "SELECT sum(cardinality(p)) FROM (SELECT predict('{model}', array_agg(x)) AS p FROM {table} "
                 "GROUP BY id / 1000) q")

    def sql_two_processes(self):
        return self.sql("sql_two_processes", "SELECT sum(predict_class('{model}', x)) FROM {table}")

    def sql_unbatched(self):
        return self.sql("sql_unbatched", "SELECT sum(predict_class('{model}', x)) FROM {table} WHERE id <= {single}")

    def sql_written(self):
        self.sql("sql_written", "INSERT INTO result SELECT id, predict_class('{model}', x) FROM {table}")
        return self.sql("sql_written", "SELECT sum(class) FROM result")

    def torch_rows(self):
        return self.sql("torch_rows", "SELECT sum(torch_class('{model}', x)) FROM {table} WHERE id <= {single}")

    def torch_batched(self):
        return self.sql("torch_batched", "SELECT sum(class) FROM torch_classes('{model}', '{part}')")

    def torch_binary(self):
        return self.sql("torch_binary", "SELECT sum(class) FROM torch_classes_binary('{model}', '{table}')")

    def client(self, way, classes):
        """Rows through a cursor, classes back by INSERT: what most people do."""
        c = self.connect(way)
        total = 0
        with c.cursor(way) as rows, c.cursor() as writer:
            rows.execute("SELECT id, x FROM " + self.part())
            while batch := rows.fetchmany(BATCH):
                found = classes(numpy.array([x for _, x in batch], numpy.float32))
                psycopg2.extras.execute_values(writer, "INSERT INTO result VALUES %s",
                                               [(row[0], k) for row, k in zip(batch, found)], page_size=BATCH)
                total += sum(found)
        c.commit()
        return total

    def ort_classes(self, x):
        return self.ort_session.run(x).argmax(1).tolist()

    def client_torch(self):
        return self.client("client_torch", lambda x: self.mlp.torch_classes(self.torch_model, x))

    def client_ort(self):
        return self.client("client_ort", self.ort_classes)

    def read_binary(self, way, table=None):
        """All of a table by COPY, in its binary format, read as one array of records."""
        c = self.connect(way)
        stream = io.BytesIO()
        with c.cursor() as cursor:
            cursor.copy_expert("COPY (SELECT id, x FROM %s) TO STDOUT (FORMAT binary)" % (table or self.table), stream)
        size = numpy.frombuffer(stream.getbuffer(), ">i4", 1, 19 + 2 + 8 + 4 + 12)[0]
        record = numpy.dtype([("fields", ">i2"), ("id_length", ">i4"), ("id", ">i4"), ("length", ">i4"),
                              ("array", ">i4", 5), ("x", [("length", ">i4"), ("value", ">f4")], size)])
        return numpy.frombuffer(stream.getbuffer(), record, (stream.tell() - 21) // record.itemsize, 19)

    def client_copy_ort(self):
        """The best a client can do: binary COPY, numpy, and COPY back."""
        rows = self.read_binary("client_copy_ort")
        back, total = io.StringIO(), 0
        for first in range(0, len(rows), BATCH):
            batch = rows[first:first + BATCH]
            found = self.ort_classes(batch["x"]["value"].astype(numpy.float32))
            back.writelines("%d\t%d\n" % row for row in zip(batch["id"].tolist(), found))
            total += sum(found)
        back.seek(0)
        c = self.connect("client_copy_ort")
        with c.cursor() as cursor:
            cursor.copy_expert("COPY result FROM STDIN", back)
        c.commit()
        return total

    def fetch_matrix(self):
        rows = self.read_binary("matrix")
        return rows["x"]["value"].astype(numpy.float32)

    def ort_alone(self):
        """The limit: nothing but the model, on features that are in memory."""
        return sum(int(self.ort_session.run(self.matrix[i:i + BATCH]).argmax(1).sum()) for i in range(0, self.rows, BATCH))


WAYS = ["read_arrays", "ort_alone", "sql_batched", "torch_batched", "torch_binary", "sql_arrays", "sql_written", "client_torch",
        "client_ort", "client_copy_ort", "sql_unbatched", "torch_rows", "sql_two_processes"]
SINGLE = ["sql_unbatched", "torch_rows"]
PART = ["torch_batched", "client_torch", "client_ort"]


def measure(w, rounds):
    """Milliseconds (elapsed, of CPU) of each way by round; round 0 only loads what the ways need, with a few rows."""
    times = {way: [] for way in WAYS}
    table = w.table
    for turn in range(rounds + 1):
        w.table = table if turn > 0 else table + "_few"
        sums = {}
        for way in WAYS:
            w.prepare(way)
            cpu, start = w.cpu_seconds(way), time.perf_counter()
            result = getattr(w, way)()
            measured = w.single_rows if way in SINGLE else w.part_rows if way in PART else w.rows
            factor = 1000 * w.rows / measured
            elapsed, cpu = factor * (time.perf_counter() - start), factor * (w.cpu_seconds(way) - cpu)
            if turn > 0:
                times[way].append((elapsed, cpu))
                if measured == w.rows and result is not None:
                    sums[way] = int(result)
        if turn == 0:
            continue
        # Sums of classes: a near tie may go the other way where sums are added in another order.
        if max(sums.values()) - min(sums.values()) > 1e-4 * w.rows * 10:
            sys.exit("the ways disagree: %s" % sums)
    return times


def main():
    rounds, library, peers = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    sys.path.insert(0, peers)
    import ort
    runtime = ort.Runtime(library)
    for argument in sys.argv[4:]:
        model, rest = argument.split("=")
        path, table, single_rows = rest.split(",")
        w = Workload(runtime, peers, model, path, table, int(single_rows))
        times = measure(w, rounds)

        def ratio(way, base, kind=1):
            """Of CPU time, the median of the rounds."""
            return statistics.median(a[kind] / b[kind] for a, b in zip(times[way], times[base]))

        print("\n%s: %d rows; ratios of CPU time to sql_batched" % (model, w.rows))
        for way in WAYS:
            ms, cpu = (statistics.median(t[i] for t in times[way]) for i in (0, 1))
            print("  %-20s %10.1f ms, CPU %10.1f ms %9.2f us/row %8.2f" %
                  (way, ms, cpu, 1000 * cpu / w.rows, ratio(way, "sql_batched")))
            print("report %s_%s_ms=%.1f\nreport %s_%s_cpu_ms=%.1f" % (model, way, ms, model, way, cpu))
        print("report %s_rows=%d" % (model, w.rows))
        print("report target:%s_batched_per_ort_alone=%.2f<=%s" %
              (model, ratio("sql_batched", "ort_alone"), {"fashion": 3}.get(model, 1.5)))
        for way in ("torch_rows", "torch_batched", "torch_binary"):
            print("report target:%s_%s_per_batched=%.2f>=5" % (model, way, ratio(way, "sql_batched")))
        for way in ("client_torch", "client_ort", "client_copy_ort"):
            print("report target:%s_%s_per_written=%.2f>=5" % (model, way, ratio(way, "sql_written")))
        print("report target:%s_speedup_of_two_processes=%.2f>=1.7" % (model, ratio("sql_batched", "sql_two_processes", 0)))
        print("report %s_unbatched_per_batched=%.2f" % (model, ratio("sql_unbatched", "sql_batched")), flush=True)


main()
