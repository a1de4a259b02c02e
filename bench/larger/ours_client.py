#!/usr/bin/python3
"""The client of the database: one connection, or one to each of the databases m0, m1, ...

    ours_client.py SOCKET shared|apart MODELS KIND LENGTH WARM_UP        (Debian 12: python3-psycopg2)
"""
import sys

sys.dont_write_bytecode = True
import psycopg2

import trace_requests

ITEMS = 16


def connect(socket, database):
    connection = psycopg2.connect(host=socket, dbname=database, user="postgres")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("PREPARE p (text, int) AS SELECT predict($1, x) FROM item WHERE id = $2")
    return cursor


def main():
    socket, how, models, kind, length, warm_up = (f(a) for f, a in zip((str, str, int, str, int, int), sys.argv[1:]))
    if how == "shared":
        cursors = [connect(socket, "shared")] * models
    else:
        cursors = [connect(socket, "m%d" % m) for m in range(models)]

    def predict(model, item):
        cursors[model].execute("EXECUTE p (%s, %s)", ("m%d" % model, item))
        return cursors[model].fetchone()[0]

    pids = {c.connection.get_backend_pid() for c in cursors}
    trace_requests.run(trace_requests.make(kind, models, ITEMS, length), warm_up, predict, pids)


if __name__ == "__main__":
    main()
