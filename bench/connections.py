"""Memory and throughput of many connections. See connections.sh.

    connections.py memory CONNECTIONS PEERS_FOLDER LARGE_FILE TORCH_CONNECTIONS     (with the environment of libpq)
    connections.py throughput SECONDS PEERS_FOLDER FASHION_FILE CLIENTS...
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading

import psycopg2

MB = 1024  # smaps has kB


def smaps(pid):
    """Of a process, in kB: proportional shares, which count a page that n processes map as 1/n of it, by kind."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return {k: int(v) for k, v in re.findall(r"^(\w+): +(\d+) kB", f.read(), re.M)}


def run_all(connections, query, turns):
    """The query in all connections at once."""
    errors = []

    def run(c):
        try:
            with c.cursor() as cursor:
                for _ in range(turns):
                    cursor.execute(query)
                    cursor.fetchall()
        except psycopg2.Error as e:
            errors.append(e)

    threads = [threading.Thread(target=run, args=(c,)) for c in connections]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        sys.exit("%d of %d connections failed: %s" % (len(errors), len(connections), errors[0]))


def memory_of(n, query):
    """MB of each of n connections after two predictions: (private, share of the shared memory)."""
    connections = [psycopg2.connect("") for _ in range(n)]
    for c in connections:
        c.autocommit = True
    run_all(connections, query, 2)
    found = [smaps(c.info.backend_pid) for c in connections]
    for c in connections:
        c.close()
    # Shared buffers are the only shared memory of a backend: what remains is its own, or its share of files.
    return [((m["Pss"] - m["Pss_Shmem"]) / MB, m["Pss_Shmem"] / MB) for m in found]


def report_memory(name, found):
    private, shared = ([f[i] for f in found] for i in (0, 1))
    print("  %-34s %2d connections: %7.1f MB each (largest %.1f), and %.1f MB of shared memory" %
          (name, len(found), statistics.mean(private), max(private), statistics.mean(shared)))
    return statistics.mean(private)


def memory(n, peers, large, n_torch):
    features = "array_fill(0.01::real, '{1024}')"
    report_memory("nothing but SELECT 1", memory_of(n, "SELECT 1"))
    ours = report_memory("predict, model of 400 MB", memory_of(n, "SELECT predict_class('large', %s)" % features))
    table = report_memory("predict over 300 rows of it", memory_of(
        n, "SELECT sum(predict_class('large', x)) FROM (SELECT %s AS x FROM generate_series(1, 300)) r" % features))
    torch = report_memory("PL/Python and PyTorch, the same", memory_of(
        n_torch, "SELECT torch_class('%s', '%s', %s)" % (large, peers, features)))
    print("report torch_mb_per_connection=%.1f\nreport torch_connections=%d" % (torch, n_torch))
    print("report target:mb_per_connection=%.1f<=25\nreport target:mb_per_connection_batches=%.1f<=25" % (ours, table))
    print("report torch_mb_per_ours=%.1f" % (torch / ours))


def tps(query, clients, seconds):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("\\set id random(1, 10000)\n%s\n" % query)
        script.flush()
        out = subprocess.run([os.environ["PGBENCH"], "-n", "-M", "prepared", "-c", str(clients), "-T", str(seconds),
                              "-f", script.name], check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r"tps = ([\d.]+)", out)[1])


def throughput(seconds, peers, fashion, clients):
    ours = "SELECT predict_class('fashion', x) FROM images WHERE id = :id;"
    torch = "SELECT torch_class('%s', '%s', x) FROM images WHERE id = :id;" % (fashion, peers)
    first = None
    for n in clients:
        found = tps(ours, n, seconds)
        first = first or found
        # Its first call of a connection takes a second: give it time.
        peer = tps(torch, n, seconds + 10 + 2 * n)
        print("  %2d clients: %8.0f predictions/s, PL/Python and PyTorch %8.0f" % (n, found, peer))
        print("report tps_%d=%.0f\nreport torch_tps_%d=%.0f" % (n, found, n, peer))
    print("report tps_%d_per_1=%.2f" % (clients[-1], found / first))


def main():
    args = sys.argv[2:]
    if sys.argv[1] == "memory":
        memory(int(args[0]), args[1], args[2], int(args[3]))
    else:
        throughput(int(args[0]), args[1], args[2], [int(a) for a in args[3:]])


main()
