"""Multilayer perceptrons for the benchmarks: written as ONNX, read back as PyTorch modules.

    mlp.py FILE SEED WIDTH WIDTH...     writes one with Gemm and Relu by turns and random weights
    mlp.py FILE SEED WIDTH ... --external   with its weights in FILE.data: a file of ONNX itself ends at 2 GB
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


def write(path, seed, widths, external=False):
    rng = numpy.random.default_rng(seed)
    nodes, tensors, name = [], [], "x"
    data = open(path + ".data", "wb") if external else None
    for i, (k, m) in enumerate(zip(widths, widths[1:])):
        last = i == len(widths) - 2
        # Scaled so that activations neither die out nor explode.
        weights = rng.standard_normal((k, m), numpy.float32)
        weights *= numpy.float32((2 / k) ** 0.5)
        tensors.append(tensor("w%d" % i, weights, data))
        tensors.append(tensor("b%d" % i, rng.standard_normal(m, numpy.float32), None))
        nodes.append(helper.make_node("Gemm", [name, "w%d" % i, "b%d" % i], ["y" if last else "h%d" % i]))
        if not last:
            nodes.append(helper.make_node("Relu", ["h%d" % i], ["r%d" % i]))
        name = "r%d" % i
    if data:
        data.close()
    graph = helper.make_graph(nodes, "mlp", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", widths[0]])],
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
    layers = []
    for node in graph.node:
        if node.op_type == "Relu":
            layers.append(torch.nn.ReLU())
            continue
        assert node.op_type == "Gemm", node.op_type
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        weight, bias = values[node.input[1]], values[node.input[2]]
        weight = weight if transposed else weight.T
        layer = torch.nn.utils.skip_init(torch.nn.Linear, weight.shape[1], weight.shape[0])
        layer.weight = torch.nn.Parameter(torch.from_numpy(weight.copy()), requires_grad=False)
        layer.bias = torch.nn.Parameter(torch.from_numpy(bias.copy()), requires_grad=False)
        layers.append(layer)
    return torch.nn.Sequential(*layers).eval()


def torch_classes(module, rows):
    """rows: an array of float32."""
    import torch
    with torch.no_grad():
        return module(torch.from_numpy(rows)).argmax(1).tolist()


if __name__ == "__main__":
    numbers = [a for a in sys.argv[2:] if a != "--external"]
    write(sys.argv[1], int(numbers[0]), [int(a) for a in numbers[1:]], "--external" in sys.argv)
