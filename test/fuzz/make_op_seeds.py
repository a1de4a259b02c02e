#!/usr/bin/env python3
"""make_op_seeds.py: writes test/fuzz/corpus/op, the seeds of op_fuzz: a graph that begins with each generator of
test/unit/op/samples, and goes on at random."""
import pathlib
import random

GENERATORS = 224  # or more; the number of a generator is taken modulo what there are
random.seed(1)
folder = pathlib.Path(__file__).parent / "corpus" / "op"
folder.mkdir(exist_ok=True)
for g in range(GENERATORS):
    nodes = g % 4
    (folder / f"{g:03d}").write_bytes(bytes([nodes, g]) + random.randbytes(32 + 24 * nodes))
