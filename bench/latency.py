"""Latency of one prediction, and of the first one of a connection. See latency.sh.

    latency.py sizes ROUNDS ORT_LATENCY PEERS MODEL=FILE,COUNT,TARGET...      (with the environment of libpq)
    latency.py single ROUNDS COUNT MODEL PEERS NODE_PACKAGE     (with the environment of libpq)
    latency.py first ROUNDS ORT_LIBRARY PEERS MODEL=FILE,TORCH_FILE,INPUT...    INPUT: features or words
    latency.py load ort|torch FILE INPUT ORT_LIBRARY PEERS        of `first`: in a process of its own
"""
import glob
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time

IMAGES = 10000


def percentile(values, p):
    return sorted(values)[min(int(len(values) * p), len(values) - 1)]


# ---- one prediction ----

def pgbench(query, count, rows=IMAGES):
    """Microseconds of each transaction, through a prepared statement, with one of the rows' keys as :id."""
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "script")
        with open(script, "w") as f:
            f.write("\\set id random(1, %d)\n%s\n" % (rows, query))
        subprocess.run([os.environ["PGBENCH"], "-n", "-M", "prepared", "-t", str(count), "-f", script, "-l",
                        "--log-prefix", os.path.join(folder, "log")], check=True, stdout=subprocess.DEVNULL)
        with open(glob.glob(os.path.join(folder, "log.*"))[0]) as f:
            return [int(line.split()[2]) for line in f]


class Http:
    """A client that does as little as can be."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def predict(self, features):
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(features)
        self.socket.sendall(head + features)
        answer = b""
        while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            part = self.socket.recv(4096)
            if not part:
                raise ConnectionError("the server has closed the connection")
            answer += part
        return answer


def http_latencies(http, rows, count):
    result = []
    for _ in range(count):
        features = random.choice(rows)
        start = time.perf_counter()
        http.predict(features)
        result.append(1e6 * (time.perf_counter() - start))
    return result


def fetched_latencies(http, cursor, count):
    """An application that knows the row by its id, as the queries do."""
    import numpy
    result = []
    cursor.execute("PREPARE get_x (int) AS SELECT x FROM images WHERE id = $1")
    for _ in range(count):
        start = time.perf_counter()
        cursor.execute("EXECUTE get_x (%d)" % random.randint(1, IMAGES))
        http.predict(numpy.array(cursor.fetchone()[0], "f4").tobytes())
        result.append(1e6 * (time.perf_counter() - start))
    cursor.execute("DEALLOCATE get_x")
    return result


def single(rounds, count, model, peers, node_package):
    import numpy
    import psycopg2
    server = subprocess.Popen(["node", os.path.join(peers, "http_ort.js"), node_package, model, "784"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT x FROM images WHERE id <= 500")
    rows = [numpy.array(x, "f4").tobytes() for x, in cursor.fetchall()]
    try:
        http = Http(int(server.stdout.readline()))
        ways = {
            "row_only": lambda: pgbench("SELECT label FROM images WHERE id = :id;", count),
            "predict": lambda: pgbench("SELECT predict_class('fashion', x) FROM images WHERE id = :id;", count),
            "plpython": lambda: pgbench("SELECT torch_class('%s', '%s', x) FROM images WHERE id = :id;" % (model, peers), count)[1:],
            "http": lambda: http_latencies(http, rows, count),
            "http_fetched": lambda: fetched_latencies(http, cursor, count)
        }
        found = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                times = way()
                found[name].append((percentile(times, 0.5), percentile(times, 0.99)))
    finally:
        server.kill()
    for name, pairs in found.items():
        p50, p99 = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        print("  %-14s p50 %8.0f us   p99 %8.0f us" % (name, p50, p99))
        print("report %s_p50_us=%.0f\nreport %s_p99_us=%.0f" % (name, p50, name, p99))
    for name in ("plpython", "http", "http_fetched"):
        for i, p in enumerate(("p50", "p99")):
            ratio = statistics.median(a[i] / b[i] for a, b in zip(found[name], found["predict"]))
            print("report %s_%s_per_predict=%.2f" % (name, p, ratio))


# ---- what a prediction costs over the look-up of its row, by the size of the model ----

class OrtProcess:
    """Runs one model on a row in memory, when it is asked to."""

    def __init__(self, program, path):
        import mlp
        import onnx
        name, output, outputs = mlp.interface(path)
        inputs = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim[1].dim_value
        self.process = subprocess.Popen([program, path, name, output, str(inputs), str(outputs)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def median(self, count):
        print(count, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def sizes(rounds, program, peers, models):
    """Each model's rows are in a table of its name. Ratios are those of one round, whose three runs follow each other."""
    sys.path.insert(0, peers)
    for argument in models:
        model, rest = argument.split("=")
        path, count, target = rest.split(",")
        count = int(count)
        ort = OrtProcess(program, path)
        lookup = "SELECT id FROM rows_%s WHERE id = :id;" % model
        query = "SELECT predict_class('%s', x) FROM rows_%s WHERE id = :id;" % (model, model)
        found = []
        for turn in range(rounds + 1):
            times = (percentile(pgbench(lookup, count * 4, 1000), 0.5), percentile(pgbench(query, count, 1000), 0.5), ort.median(count))
            if turn > 0:  # the first brings pages into the cache
                found.append(times + ((times[1] - times[0]) / times[2],))
        ort.close()
        medians = [statistics.median(t[i] for t in found) for i in range(4)]
        print("  %-8s look-up %8.0f us   predict %8.0f us   Run() %8.0f us   ratio %5.2f" % (model, *medians))
        print("report %s_lookup_us=%.0f\nreport %s_predict_us=%.0f\nreport %s_ort_us=%.1f" %
              (model, medians[0], model, medians[1], model, medians[2]))
        print("report target:%s_per_ort=%.2f<=%s" % (model, medians[3], target))


# ---- the first prediction of a connection ----

def example(kind):
    import numpy
    return numpy.full((1, 1024), 0.01, "f4") if kind == "features" else numpy.arange(32, dtype="i8").reshape(1, 32)


def load(runtime, path, kind, library, peers):
    """Prints the milliseconds (elapsed, of CPU) from the file to the first prediction; the library is loaded before."""
    sys.path.insert(0, peers)
    x = example(kind)
    if runtime == "ort":
        import mlp
        import ort
        library = ort.Runtime(library)
        interface = mlp.interface(path)
        start, cpu = time.perf_counter(), time.process_time()
        ort.Session(library, path, *interface).run(x)
    else:
        import torch
        torch.set_num_threads(1)
        start, cpu = time.perf_counter(), time.process_time()
        with torch.no_grad():
            torch.load(path)(torch.from_numpy(x))
    print(1000 * (time.perf_counter() - start), 1000 * (time.process_time() - cpu))


def first_in_connection(model, kind):
    """Milliseconds (elapsed, of the backend's CPU) of the first prediction, and of the second."""
    import psycopg2
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()

    def cpu():
        with open("/proc/%d/schedstat" % connection.info.backend_pid) as f:
            return int(f.read().split()[0]) / 1e6

    times = []
    x = "array_fill(0.01::real, '{1024}')" if kind == "features" else "ARRAY(SELECT generate_series(0, 31))"
    for _ in range(2):
        start, before = time.perf_counter(), cpu()
        cursor.execute("SELECT predict_class('%s', %s)" % (model, x))
        cursor.fetchall()
        times.append((1000 * (time.perf_counter() - start), cpu() - before))
    connection.close()
    return times


def report_first(model, name, times):
    elapsed, cpu = (statistics.median(t[i] for t in times) for i in (0, 1))
    print("  %-8s %-8s %10.1f ms (least %10.1f), CPU %10.1f ms" % (model, name, elapsed, min(t[0] for t in times), cpu))
    print("report %s_%s_ms=%.2f\nreport %s_%s_least_ms=%.2f\nreport %s_%s_cpu_ms=%.2f" %
          (model, name, elapsed, model, name, min(t[0] for t in times), model, name, cpu))
    return cpu


def first(rounds, library, peers, models):
    for argument in models:
        model, rest = argument.split("=")
        path, torch_path, kind = rest.split(",")
        times = {"first": [], "second": [], "ort": [], "torch": []}
        first_in_connection(model, kind)  # brings its pages into the cache
        for _ in range(rounds):
            for name, t in zip(("first", "second"), first_in_connection(model, kind)):
                times[name].append(t)
            for runtime, file in (("ort", path), ("torch", torch_path)):
                out = subprocess.run([sys.executable, __file__, "load", runtime, file, kind, library, peers], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout
                times[runtime].append(tuple(float(t) for t in out.split()))
        cpu = {name: report_first(model, name, found) for name, found in times.items()}
        print("report target:%s_first_cpu=%.2f<=20" % (model, cpu["first"]))
        for runtime in ("ort", "torch"):
            ratio = statistics.median(l[1] / o[1] for l, o in zip(times[runtime], times["first"]))
            print("report target:%s_%s_per_first=%.1f>=20" % (model, runtime, ratio))


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "single":
        single(int(args[0]), int(args[1]), *args[2:])
    elif what == "sizes":
        sizes(int(args[0]), args[1], args[2], args[3:])
    elif what == "first":
        first(int(args[0]), args[1], args[2], args[3:])
    else:
        load(*args)


main()
