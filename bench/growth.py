"""CPU time of a row as tables and models grow. See growth.sh.

    growth.py rows ROUNDS COUNT...                       (with the environment of libpq)
    growth.py model ROUNDS ROWS ORT_LIBRARY PEERS NAME FILE
"""
import statistics
import sys
import time

import numpy
import onnx
import psycopg2


backends = []


def cpu_seconds():
    """Of this process and its backends: others use the machine too."""
    seconds = time.process_time()
    for pid in backends:
        with open("/proc/%d/schedstat" % pid) as f:
            seconds += int(f.read().split()[0]) / 1e9
    return seconds


def timed(run):
    start = cpu_seconds()
    run()
    return cpu_seconds() - start


def connect():
    connection = psycopg2.connect("")
    backends.append(connection.info.backend_pid)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET max_parallel_workers_per_gather = 0")

    def query(text):
        cursor.execute(text)
        return cursor.fetchall()

    return query


def rows(rounds, counts):
    query = connect()
    texts = {n: "SELECT sum(predict_class('fashion', x)) FROM images WHERE id <= %d" % n for n in counts}
    for text in texts.values():
        query(text)
    found = {n: [timed(lambda text=text: query(text)) for _ in range(rounds)] for n, text in texts.items()}
    for n in counts:
        each = 1e6 * statistics.median(found[n]) / n
        print("  %9d rows: %6.1f us each" % (n, each))
        print("report us_per_row_%d=%.2f" % (n, each))


def model(rounds, count, library, peers, name, path):
    sys.path.insert(0, peers)
    import mlp
    import ort
    session = ort.Session(ort.Runtime(library), path, *mlp.interface(path))
    query = connect()
    x = numpy.array([r[0] for r in query("SELECT x FROM %s ORDER BY id LIMIT 256" % name)], "f4")
    item = "(SELECT x FROM %s WHERE id = 1)" % name
    ways = {
        "ours": lambda: query("SELECT sum(predict_class('%s', x)) FROM %s" % (name, name)),
        "ort": lambda: [session.run(x[:min(256, count - i)]) for i in range(0, count, 256)],
        "ours_single": lambda: query("SELECT predict_class('%s', %s)" % (name, item)),
        "ort_single": lambda: session.run(x[:1])
    }
    found = {way: [] for way in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for way, run in ways.items():
            repeat = 10 if way.endswith("single") else 1
            found[way].append(statistics.median(timed(run) for _ in range(repeat)))
    ms = {way: 1000 * statistics.median(times) for way, times in found.items()}
    size = sum(numpy.prod(t.dims) for t in onnx.load(path, load_external_data=False).graph.initializer)
    each, ratio = ms["ours"] / count, statistics.median(a / b for a, b in zip(found["ours"], found["ort"]))
    print("  %11d parameters: %9.4f ms a row in batches, %5.1f GF/s, %.2f of ONNX Runtime; alone %8.3f ms, ONNX Runtime %8.3f ms" %
          (size, each, 2e-6 * size / each, ratio, ms["ours_single"], ms["ort_single"]))
    for key, value in (("parameters", size), ("ms_per_row", "%.4f" % each), ("per_ort", "%.2f" % ratio),
                       ("single_ms", "%.3f" % ms["ours_single"]), ("ort_single_ms", "%.3f" % ms["ort_single"])):
        print("report %s_%s=%s" % (name, key, value))


def main():
    if sys.argv[1] == "rows":
        rows(int(sys.argv[2]), [int(a) for a in sys.argv[3:]])
    else:
        model(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])


main()
