#!/usr/bin/python3
"""Starts ort_serve.js, and asks it: the processes' times are taken as those of the others are.

    ort_client.py NODE MODULE DIR MODELS KEEP KIND LENGTH WARM_UP
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import numpy as np

import trace_requests


def main():
    node, module, folder, models, keep, kind, length, warm_up = (
        f(a) for f, a in zip((str, str, str, int, str, str, int, int), sys.argv[1:]))
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ort_serve.js")
    server = subprocess.Popen([node, script, module, folder, keep], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1)

    def predict(model, item):
        server.stdin.write("%d %d\n" % (model, item))
        line = server.stdout.readline()
        if not line:
            sys.exit("the server died: exit status %d" % server.wait())
        return np.fromstring(line, sep=" ")

    items = len(np.load(os.path.join(folder, "items.npy")))
    trace_requests.run(trace_requests.make(kind, models, items, length), warm_up, predict, [server.pid])
    server.stdin.close()
    server.wait()


if __name__ == "__main__":
    main()
