#!/usr/bin/env python3
"""The fewest page reads of any packing with every block on one page, by integer programming.

    packing_least_reads.py FILE.json | glpsol --lp /dev/stdin --cuts        (Debian: glpk-utils)

Writes the program in CPLEX LP form. Pages are told apart only by the set of models that read them:
n_U pages are read by the models U, x_c_U blocks of class c lie on them. Every block of c lies on
pages with c's models among their readers; the pages hold as many blocks as fit; the reads, the sum
of |U| n_U, are to be least. For given n this is a flow, so that x need not be declared integer.
With --storage the number of pages is held at its bound. Exponential in models: for 5 or 6 of them.
"""
import collections
import json
import sys


def main():
    storage = "--storage" in sys.argv
    with open([a for a in sys.argv[1:] if not a.startswith("-")][0]) as f:
        data = json.load(f)
    capacity, users = data["blocks_per_page"], collections.Counter()
    for m, blocks in enumerate(data["models"]):
        for b in set(blocks):
            users[b] |= 1 << m
    classes = collections.Counter(users.values())
    sets = range(1, 1 << len(data["models"]))
    print("Minimize\n reads: " + " + ".join("%d n%d" % (bin(u).count("1"), u) for u in sets))
    print("Subject To")
    for c, count in sorted(classes.items()):
        print(" c%d: " % c + " + ".join("x%d_%d" % (c, u) for u in sets if u & c == c) + " = %d" % count)
    for u in sets:
        held = ["x%d_%d" % (c, u) for c in sorted(classes) if u & c == c]
        if held:
            print(" p%d: " % u + " + ".join(held) + " - %d n%d <= 0" % (capacity, u))
    if storage:
        print(" pages: " + " + ".join("n%d" % u for u in sets) + " <= %d" % -(-len(users) // capacity))
    print("General\n " + " ".join("n%d" % u for u in sets) + "\nEnd")


if __name__ == "__main__":
    main()
