#!/usr/bin/python3
"""Writes the models of `tools/bench.sh bigger-than-memory`.

    models.py OUT MODELS WIDTH LAYERS OWN        (Debian 12: python3-numpy python3-onnx python3-torch)

Fine-tunes of one network of LAYERS dense layers of WIDTH x WIDTH with ReLU and a head of 100 classes:
all but the last OWN layers, and the head, are those of the base, as where the body is frozen. For
each model OUT/mI.onnx with the weights beside it, OUT/mI.bin, which lets ONNX Runtime map them; and
OUT/mI.pt, the same weights as PyTorch saves them. OUT/items.npy: 16 inputs.
"""
import os
import sys

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

CLASSES = 100
ITEMS = 16


def layer(seed, rows, cols):
    """Weights of a layer, [out, in] as PyTorch has them, and biases."""
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((rows, cols), dtype=np.float32) * np.float32((2.0 / cols) ** 0.5)
    return weight, rng.standard_normal(rows, dtype=np.float32) * np.float32(0.01)


def external(name, array, location, file):
    """A tensor whose elements are appended to file, from a page's begin on."""
    file.write(b"\0" * (-file.tell() % 4096))
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=array.shape,
                         data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", file.tell()), ("length", array.nbytes)):
        tensor.external_data.add(key=key, value=str(value))
    file.write(array.tobytes())
    return tensor


def write(out, name, layers):
    nodes, initializers, value = [], [], "x"
    weights = open(os.path.join(out, name + ".bin"), "wb")
    for i, (weight, bias) in enumerate(layers):
        last = i + 1 == len(layers)
        initializers += [external("w%d" % i, weight, name + ".bin", weights),
                         external("b%d" % i, bias, name + ".bin", weights)]
        product = "y" if last else "p%d" % i
        nodes.append(helper.make_node("Gemm", [value, "w%d" % i, "b%d" % i], [product], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [product], ["r%d" % i]))
            value = "r%d" % i
    weights.close()
    width = layers[0][0].shape[1]
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    with open(os.path.join(out, name + ".onnx"), "wb") as f:
        f.write(model.SerializeToString())
    torch.save([(torch.from_numpy(w), torch.from_numpy(b)) for w, b in layers],
               os.path.join(out, name + ".pt"))


def main():
    out, models, width, layers, own = sys.argv[1], *map(int, sys.argv[2:])
    base = [layer(i, width, width) for i in range(layers - own)]
    for m in range(models):
        seed = 1000 * (m + 1)
        tuned = [layer(seed + i, width, width) for i in range(own)] + [layer(seed + 999, CLASSES, width)]
        write(out, "m%d" % m, base + tuned)
        print("m%d" % m, flush=True)
    rng = np.random.default_rng(7)
    np.save(os.path.join(out, "items.npy"), rng.standard_normal((ITEMS, width), dtype=np.float32))


if __name__ == "__main__":
    main()
