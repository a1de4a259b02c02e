"""An ONNX file of a classifier of sequences: x [batch, time, 64], LSTM or GRU of 128 units, 10 scores of its last state.

    recurrent.py LSTM|GRU FILE
"""
import random
import struct
import sys

from onnx_fields import field, varint

FLOAT, INT64 = 1, 7
INPUTS, HIDDEN, CLASSES = 64, 128, 10


def tensor(name, dims, dtype, data):
    return field(1, b"".join(varint(d) for d in dims)) + field(2, dtype) + field(8, name) + field(9, data)


def floats(name, dims):
    n = 1
    for d in dims:
        n *= d
    return tensor(name, dims, FLOAT, struct.pack("<%df" % n, *(random.uniform(-0.15, 0.15) for _ in range(n))))


def node(op, inputs, outputs, attributes=()):
    return b"".join([*(field(1, i) for i in inputs), *(field(2, o) for o in outputs), field(4, op), *(field(5, a) for a in attributes)])


def integer(name, value):
    return field(1, name) + field(3, value) + field(20, 2)


def value(name, dims):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def main(op, path):
    random.seed(1)
    gates = {"LSTM": 4, "GRU": 3}[op] * HIDDEN
    perm = field(1, "perm") + field(8, varint(1) + varint(0) + varint(2)) + field(20, 7)
    attributes = [integer("hidden_size", HIDDEN)] + ([integer("linear_before_reset", 1)] if op == "GRU" else [])
    nodes = [node("Transpose", ["x"], ["steps"], [perm]), node(op, ["steps", "W", "R", "B"], ["", "state"], attributes),
             node("Squeeze", ["state", "axis"], ["last"]), node("MatMul", ["last", "C"], ["y"])]
    tensors = [floats("W", [1, gates, INPUTS]), floats("R", [1, gates, HIDDEN]), floats("B", [1, 2 * gates]),
               floats("C", [HIDDEN, CLASSES]), tensor("axis", [1], INT64, struct.pack("<q", 0))]
    graph = b"".join([*(field(1, n) for n in nodes), field(2, op), *(field(5, t) for t in tensors),
                      field(11, value("x", ["batch", "time", INPUTS])), field(12, value("y", ["batch", CLASSES]))])
    with open(path, "wb") as f:
        f.write(field(1, 8) + field(7, graph) + field(8, field(2, 13)))


main(*sys.argv[1:])
