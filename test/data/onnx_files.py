"""Writes models/NAME.onnx and expected/NAME.json.

expected/NAME.json holds what PyTorch computes, as decimals that read back as the same float32:
  {"model": "NAME.onnx", "opset": 13,
   "cases": [{"inputs":  {"x": {"dtype": "float32", "dims": [5, 4], "data": [...]}},
              "outputs": {"y": {"dtype": "float32", "dims": [5, 3], "data": [...]}}}, ...]}
"""
import io
import os

import onnx
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "models")
EXPECTED = os.path.join(HERE, "expected")


def path_of(name):
    return os.path.join(MODELS, name + ".onnx")


def export(module, inputs, input_names, output_names, dynamic, opset=13):
    """The module as an onnx.ModelProto; inputs is a tuple of example tensors."""
    module.eval()
    out = io.BytesIO()
    torch.onnx.export(module, inputs, out, input_names=input_names, output_names=output_names,
                      dynamic_axes=dynamic, opset_version=opset)
    return onnx.load_model_from_string(out.getvalue())


def save(model, name):
    onnx.checker.check_model(model)
    with open(path_of(name), "wb") as f:
        f.write(model.SerializeToString())


def array_json(tensor):
    values = tensor.detach().numpy()
    dims = ", ".join(str(d) for d in values.shape)
    # str() of a numpy float32 is the shortest decimal that reads back as the same float32.
    data = ", ".join(str(v) for v in values.reshape(-1))
    return '{"dtype": "%s", "dims": [%s], "data": [%s]}' % (values.dtype, dims, data)


def object_json(tensors, indent):
    members = ['"%s": %s' % (name, array_json(tensor)) for name, tensor in tensors.items()]
    return "{" + (",\n" + indent).join(members) + "}"


def save_expected(name, opset, cases):
    """cases: list of (inputs, outputs), each a dict of name -> tensor."""
    rows = ['{"inputs": %s,\n  "outputs": %s}' % (object_json(i, "   "), object_json(o, "   "))
            for i, o in cases]
    with open(os.path.join(EXPECTED, name + ".json"), "w") as f:
        f.write('{"model": "%s.onnx", "opset": %d, "cases": [\n %s]}\n'
                % (name, opset, ",\n ".join(rows)))


def compute(module, input_names, output_names, inputs):
    """One case: what the module gives for these inputs."""
    with torch.no_grad():
        outputs = module(*inputs)
    if isinstance(outputs, torch.Tensor):
        outputs = (outputs,)
    return dict(zip(input_names, inputs)), dict(zip(output_names, outputs))
