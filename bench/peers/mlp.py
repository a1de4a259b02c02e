"""Models for the benchmarks, with random weights: written as ONNX, read back as PyTorch modules.

    mlp.py FILE SEED WIDTH WIDTH...         a multilayer perceptron: Gemm and Relu by turns
    mlp.py FILE SEED WIDTH ... --external   with its weights in FILE.data: a file of ONNX itself ends at 2 GB
    mlp.py FILE SEED WIDTH ... --embedding  the first width counts words, the second is their size: the mean of
                                            the embeddings of the words given, then a perceptron
"""
import os
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def tensor(name, values, external):
    """An initializer; external: None, or the open file that takes the weights."""
    result = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=values.shape)
    if external is None:
        result.raw_data = values.tobytes()
        return result
    result.data_location = TensorProto.EXTERNAL
    for key, value in (("location", os.path.basename(external.name)), ("offset", external.tell()), ("length", values.nbytes)):
        result.external_data.add(key=key, value=str(value))
    values.tofile(external)
    return result


def random(rng, *shape):
    """Scaled so that activations neither die out nor explode."""
    values = rng.standard_normal(shape, numpy.float32)
    values *= numpy.float32((2 / shape[0]) ** 0.5) if len(shape) > 1 else 1
    return values


def layers(rng, name, widths, external):
    """Nodes and tensors of a perceptron from the value `name` to y."""
    nodes, tensors = [], []
    for i, (k, m) in enumerate(zip(widths, widths[1:])):
        last = i == len(widths) - 2
        tensors.append(tensor("w%d" % i, random(rng, k, m), external))
        tensors.append(tensor("b%d" % i, random(rng, m), None))
        nodes.append(helper.make_node("Gemm", [name, "w%d" % i, "b%d" % i], ["y" if last else "h%d" % i]))
        if not last:
            nodes.append(helper.make_node("Relu", ["h%d" % i], ["r%d" % i]))
        name = "r%d" % i
    return nodes, tensors


def write(path, seed, widths, external, embedding):
    rng = numpy.random.default_rng(seed)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", widths[0]])
    data = open(path + ".data", "wb") if external else None
    if embedding:
        x = helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", "words"])
        nodes, tensors = layers(rng, "mean", widths[1:], data)
        tensors.append(tensor("words", random(rng, *widths[:2]), data))
        nodes[:0] = [helper.make_node("Gather", ["words", "x"], ["rows"]),
                     helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0)]
    else:
        nodes, tensors = layers(rng, "x", widths, data)
    if data:
        data.close()
    graph = helper.make_graph(nodes, "mlp", [x],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", widths[-1]])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    with open(path, "wb") as f:
        f.write(model.SerializeToString())


def interface(path):
    """The names of the input and the output, and the size of the output."""
    graph = onnx.load(path, load_external_data=False).graph
    return graph.input[0].name, graph.output[0].name, graph.output[0].type.tensor_type.shape.dim[1].dim_value


def load_torch(path):
    """The same model as a module of PyTorch that computes on one thread."""
    import torch
    torch.set_num_threads(1)
    graph = onnx.load(path).graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    modules = []
    for node in graph.node:
        if node.op_type == "Relu":
            modules.append(torch.nn.ReLU())
        elif node.op_type == "Gather":  # with the mean that follows
            modules.append(torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(values[node.input[0]].copy()), mode="mean"))
        elif node.op_type == "Gemm":
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            weight, bias = values[node.input[1]], values[node.input[2]]
            weight = weight if transposed else weight.T
            layer = torch.nn.utils.skip_init(torch.nn.Linear, weight.shape[1], weight.shape[0])
            layer.weight = torch.nn.Parameter(torch.from_numpy(weight.copy()), requires_grad=False)
            layer.bias = torch.nn.Parameter(torch.from_numpy(bias.copy()), requires_grad=False)
            modules.append(layer)
    return torch.nn.Sequential(*modules).eval()


def torch_classes(module, rows):
    """rows: an array of float32, or of int64 for an embedding."""
    import torch
    with torch.no_grad():
        return module(torch.from_numpy(rows)).argmax(1).tolist()


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[2:] if not a.startswith("--")]
    write(sys.argv[1], numbers[0], numbers[1:], "--external" in sys.argv, "--embedding" in sys.argv)
