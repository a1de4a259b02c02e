#!/usr/bin/env python3
"""Writes models/answer_*.onnx, what a first output can be, models/text_*.onnx, models of texts, and models/row_*.onnx, of rows.

They compute next to nothing: what they should answer can be seen from their inputs. Needs python3-numpy and python3-onnx.
"""
import os

import numpy
from onnx import TensorProto, checker, helper, numpy_helper

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")


def write(name, nodes, inputs, outputs, constants=()):
    """inputs, outputs: (name, type, shape)."""
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*o) for o in outputs], list(constants))
    opsets = [helper.make_opsetid("", 13)] + [helper.make_opsetid("ai.onnx.ml", 3)] * any(n.domain for n in nodes)
    model = helper.make_model(graph, producer_name="pg_mosaic tests", opset_imports=opsets)
    model.ir_version = 7
    checker.check_model(model)
    with open(os.path.join(MODELS, name + ".onnx"), "wb") as f:
        f.write(model.SerializeToString())


def constant(name, values, dtype):
    return numpy_helper.from_array(numpy.array(values, dtype), name)


NODE = helper.make_node
SCORES = ("x", TensorProto.FLOAT, ["batch", 3])

# as converters of scikit-learn write a classifier: the class first, then the probabilities
write("answer_class", [NODE("ArgMax", ["x"], ["output_label"], axis=1, keepdims=0), NODE("Softmax", ["x"], ["output_probability"], axis=1)],
      [SCORES], [("output_label", TensorProto.INT64, ["batch"]), ("output_probability", TensorProto.FLOAT, ["batch", 3])])
write("answer_text", [NODE("ArgMax", ["x"], ["class"], axis=1, keepdims=0), NODE("Gather", ["names", "class"], ["output_label"]),
                      NODE("Softmax", ["x"], ["output_probability"], axis=1)],
      [SCORES], [("output_label", TensorProto.STRING, ["batch"]), ("output_probability", TensorProto.FLOAT, ["batch", 3])],
      [helper.make_tensor("names", TensorProto.STRING, [3], [b"dog", "Kätzchen".encode(), 'a "bird"'.encode()])])
write("answer_logits", [NODE("Identity", ["x"], ["logits"])], [SCORES], [("logits", TensorProto.FLOAT, ["batch", 3])])
write("answer_sigmoid", [NODE("Sigmoid", ["x"], ["probability"])], [("x", TensorProto.FLOAT, ["batch", 1])],
      [("probability", TensorProto.FLOAT, ["batch", 1])])
write("answer_double", [NODE("Mul", ["x", "large"], ["y"])], [("x", TensorProto.DOUBLE, ["batch", 2])],
      [("y", TensorProto.DOUBLE, ["batch", 2])], [constant("large", 1e38, numpy.float64)])
write("answer_int64", [NODE("Identity", ["x"], ["y"])], [("x", TensorProto.INT64, ["batch", 2])], [("y", TensorProto.INT64, ["batch", 2])])
write("answer_id", [NODE("ReduceMax", ["x"], ["y"], axes=[1], keepdims=0)], [("x", TensorProto.INT64, ["batch", 2])],
      [("y", TensorProto.INT64, ["batch"])])
write("answer_bool", [NODE("Greater", ["x", "zero"], ["y"])], [SCORES], [("y", TensorProto.BOOL, ["batch", 3])],
      [constant("zero", 0, numpy.float32)])
# as many ones as its second number says
write("answer_wide", [NODE("Squeeze", ["x", "zero"], ["shape"]), NODE("ConstantOfShape", ["shape"], ["y_all"], value=constant("one", [1], numpy.float32)),
                      NODE("Identity", ["y_all"], ["y"])],
      [("x", TensorProto.INT64, [1, 2])], [("y", TensorProto.FLOAT, ["rows", "columns"])], [constant("zero", [0], numpy.int64)])


# ---- models of texts, which show what they are given ----

def inputs(names, dtype=TensorProto.INT64, length="sequence"):
    return [(name, dtype, ["batch", length]) for name in names]


def shown(names):
    """Nodes that make "hidden" [batch, sequence, one column for each input] of the inputs."""
    nodes = []
    for name in names:
        nodes.append(NODE("Cast", [name], [name + "_float"], to=TensorProto.FLOAT))
        nodes.append(NODE("Unsqueeze", [name + "_float", "two"], [name + "_column"]))
    return nodes + [NODE("Concat", [name + "_column" for name in names], ["hidden"], axis=2)]


TWO = constant("two", [2], numpy.int64)
BERT = ["input_ids", "attention_mask", "token_type_ids"]
write("text_states", shown(BERT) + [NODE("Identity", ["hidden"], ["last_hidden_state"])], inputs(BERT),
      [("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 3])], [TWO])
write("text_embedding", shown(BERT[:2]) + [NODE("Identity", ["hidden"], ["token_embeddings"]),
                                           NODE("ReduceMax", ["hidden"], ["sentence_embedding"], axes=[1], keepdims=0)], inputs(BERT[:2]),
      [("token_embeddings", TensorProto.FLOAT, ["batch", "sequence", 2]), ("sentence_embedding", TensorProto.FLOAT, ["batch", 2])], [TWO])
# two classes: whether the mean of the ids is above 500
write("text_classes", [NODE("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT), NODE("ReduceMean", ["ids"], ["mean"], axes=[1], keepdims=1),
                       NODE("Sub", ["mean", "limit"], ["above"]), NODE("Neg", ["above"], ["below"]), NODE("Concat", ["below", "above"], ["logits"], axis=1)],
      inputs(BERT[:1]), [("logits", TensorProto.FLOAT, ["batch", 2])], [constant("limit", 500, numpy.float32)])
# of a fixed length, with other types
write("text_fixed", shown(["input_ids", "attention_mask", "position_ids"]) + [NODE("Identity", ["hidden"], ["last_hidden_state"])],
      inputs(["input_ids", "position_ids"], TensorProto.INT32, 8) + inputs(["attention_mask"], TensorProto.FLOAT, 8),
      [("last_hidden_state", TensorProto.FLOAT, ["batch", 8, 3])], [TWO])
write("text_none", [NODE("Add", ["input_ids", "ages"], ["y"])], inputs(["input_ids", "ages"]), [("y", TensorProto.INT64, ["batch", "sequence"])])


# ---- models of rows, which show what they are given: an input for each column, as skl2onnx writes them ----

COLUMNS = [("Age", TensorProto.FLOAT), ("rooms", TensorProto.INT64), ("active", TensorProto.BOOL), ("seen", TensorProto.DOUBLE)]
write("row_columns", [NODE("Cast", [name], [name + "_float"], to=TensorProto.FLOAT) for name, _ in COLUMNS]
      + [NODE("OneHotEncoder", ["city"], ["one_hot"], domain="ai.onnx.ml", cats_strings=["Berlin", "Zürich", "unknown"], zeros=1),
         NODE("Reshape", ["one_hot", "shape"], ["flat"]),
         NODE("Concat", [name + "_float" for name, _ in COLUMNS] + ["flat"], ["given"], axis=1), NODE("Identity", ["city"], ["name"])],
      [(name, dtype, ["batch", 1]) for name, dtype in COLUMNS] + [("city", TensorProto.STRING, ["batch", 1])],
      [("given", TensorProto.FLOAT, ["batch", 7]), ("name", TensorProto.STRING, ["batch", 1])], [constant("shape", [-1, 3], numpy.int64)])
write("row_exact", [NODE("Identity", ["i"], ["i_given"]), NODE("Identity", ["d"], ["d_given"]), NODE("Identity", ["s"], ["s_given"])],
      [("i", TensorProto.INT64, ["batch"]), ("d", TensorProto.DOUBLE, ["batch", 2]), ("s", TensorProto.STRING, ["batch", "n"])],
      [("i_given", TensorProto.INT64, ["batch"]), ("d_given", TensorProto.DOUBLE, ["batch", 2]), ("s_given", TensorProto.STRING, ["batch", "n"])])
