#!/usr/bin/env python3
"""Writes cases/shapes_*.onnx, models whose shapes contradict each other: one for each way that inference finds it. Needs Python alone."""
import os

from fine_tunes import field, node, tensor, value_info

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
INT64 = 7


def ints(name, values):
    return (b"".join([field(1, len(values)), field(2, INT64), field(8, name)])
            + field(9, b"".join(v.to_bytes(8, "little", signed=True) for v in values)))


def attribute(name, value):
    return field(5, field(1, name) + field(3, value) + field(20, 2))


def write(name, op, inputs, constants=(), attributes=b""):
    """inputs: name -> dimensions; constants: tensors."""
    graph = field(1, node(op, list(inputs) + [name for name, _ in constants], "y", "joint", attributes)) + field(2, "g")
    graph += b"".join(field(5, t) for _, t in constants)
    graph += b"".join(field(11, value_info(n, dims)) for n, dims in inputs.items()) + field(12, value_info("y", []))
    model = field(1, 7) + field(2, "pg_mosaic tests") + field(7, graph) + field(8, field(1, "") + field(2, 13))
    with open(os.path.join(CASES, "shapes_" + name + ".onnx"), "wb") as f:
        f.write(model)


def constant(name, dims):
    size = 1
    for d in dims:
        size *= d
    return name, tensor(name, dims, [0.0] * size)


write("matmul", "MatMul", {"x": ["batch", 3]}, [constant("w", [4, 2])])
write("gemm", "Gemm", {"x": ["batch", 3]}, [constant("w", [4, 2])])
write("add", "Add", {"x": ["batch", 3]}, [constant("w", [4])])
write("concat", "Concat", {"a": [2, 3], "b": [2, 4]}, attributes=attribute("axis", 0))
write("conv", "Conv", {"x": ["batch", 3, 8, 8]}, [constant("w", [2, 4, 3, 3])])
write("reshape", "Reshape", {"x": [2, 3]}, [("shape", ints("shape", [4, 2]))])
write("normalization", "BatchNormalization", {"x": ["batch", 3]}, [constant(n, [4]) for n in ("scale", "bias", "mean", "variance")])
write("expand", "Expand", {"x": [2, 3]}, [("shape", ints("shape", [2, 4]))])
write("prelu", "PRelu", {"x": ["batch", 3]}, [constant("slope", [2])])
