"""ONNX files in the shapes of models that have no weights in a package: random weights, always the same. See models.sh.

    shapes.py FOLDER

resnet50.onnx, resnet50_qdq.onnx (as ONNX Runtime's static quantisation writes it), mobilenetv3.onnx (large), encoder.onnx (6 layers
of nn.TransformerEncoder, 256 wide, as torch.onnx.export(dynamo=True) writes it), tab_transformer.onnx (12 columns of categories as
tokens, 3 layers), embed_mlp.onnx (26 tables of 32, 3 dense layers), xgboost.onnx and xgboost.json (500 trees of depth 6 over 28
features, for the two programs), forest.onnx (200 trees of depth 8, 3 classes).
"""
import json
import os
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """Nodes and weights; a method for each operator gives the name of its output."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.inputs, self.count = [], [], [], 0

    def name(self, what):
        self.count += 1
        return "%s_%d" % (what, self.count)

    def input(self, name, dtype, shape):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def weight(self, array, name="w"):
        name = self.name(name)
        self.weights.append(numpy_helper.from_array(np.asarray(array, order="C"), name))
        return name

    def normal(self, *shape, fan=None):
        scale = 1 / np.sqrt(fan or shape[0])
        return self.rng.normal(0, scale, shape).astype(np.float32)

    def op(self, op, *inputs, **attributes):
        out = self.name(op)
        self.nodes.append(helper.make_node(op, list(inputs), [out], name="/" + out, **attributes))
        return out

    def ints(self, *values):
        return self.weight(np.array(values, np.int64), "ints")

    def int(self, value):
        return self.weight(np.array(value, np.int64), "int")

    def write(self, path, out, shape, opset=17):
        self.nodes[-1].output[0] = "out"
        assert self.nodes[-1].name == "/" + out
        graph = helper.make_graph(self.nodes, "g", self.inputs, [helper.make_tensor_value_info("out", FLOAT, shape)], self.weights)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
        with open(path, "wb") as f:
            f.write(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


# ---- images ----

def filters(g, out, channels, k, groups=1):
    return g.normal(out, channels // groups, k, k, fan=channels // groups * k * k / 2)


class Plain:
    """Convolutions in float32."""

    def __init__(self, seed):
        self.g = Graph(seed)

    def input(self, name, size):
        return self.g.input(name, FLOAT, ["batch", 3, size, size])

    def conv(self, x, channels, out, k, stride=1, groups=1, act="Relu", scale=1.0):
        g = self.g
        w = scale * filters(g, out, channels, k, groups)
        p = k // 2
        y = g.op("Conv", x, g.weight(w), g.weight(g.normal(out, fan=100)), kernel_shape=[k, k], strides=[stride] * 2,
                 pads=[p] * 4, group=groups, dilations=[1, 1])
        return g.op(act, y) if act else y

    def other(self, op, *inputs, **attributes):
        return self.g.op(op, *inputs, **attributes)

    def gemm(self, x, n, m):
        return self.g.op("Gemm", x, self.g.weight(self.g.normal(m, n, fan=n)), self.g.weight(self.g.normal(m, fan=100)), transB=1)


class Quantised(Plain):
    """The same between QuantizeLinear and DequantizeLinear: activations of uint8, weights of int8 for each filter."""

    SCALE = 0.03

    def dequantised(self, array, dtype, scale, axis=None):
        g = self.g
        extra = {} if axis is None else {"axis": axis}
        zero = np.zeros(np.shape(scale), dtype)
        return g.op("DequantizeLinear", g.weight(array.astype(dtype)), g.weight(np.float32(scale)), g.weight(zero), **extra)

    def quantised(self, x, positive):
        g = self.g
        scale, zero = g.weight(np.float32(self.SCALE)), g.weight(np.uint8(0 if positive else 128))
        return g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero), scale, zero)

    def input(self, name, size):
        return self.quantised(super().input(name, size), False)

    def kernels(self, w, bias):
        scale = np.abs(w).max(axis=tuple(range(1, w.ndim))) / 127
        each = np.rint(w / scale.reshape([-1] + [1] * (w.ndim - 1)))
        steps = (scale * self.SCALE).astype(np.float32)
        return self.dequantised(each, np.int8, scale, 0), self.dequantised(np.rint(bias / steps), np.int32, steps, 0)

    def conv(self, x, channels, out, k, stride=1, groups=1, act="Relu", scale=1.0):
        # a Relu's zero is that of the type that it is rounded to
        g = self.g
        w = scale * filters(g, out, channels, k, groups)
        p = k // 2
        y = g.op("Conv", x, *self.kernels(w, g.normal(out, fan=100)), kernel_shape=[k, k], strides=[stride] * 2, pads=[p] * 4,
                 group=groups, dilations=[1, 1])
        return self.quantised(y, act == "Relu")

    def other(self, op, *inputs, **attributes):
        y = self.g.op(op, *inputs, **attributes)
        return y if op == "Flatten" else self.quantised(y, True)

    def gemm(self, x, n, m):
        return self.quantised(self.g.op("Gemm", x, *self.kernels(self.g.normal(m, n, fan=n), self.g.normal(m, fan=100)), transB=1), False)


def resnet50(make, path):
    m = make(50)
    x = m.input("image", 224)
    x = m.conv(x, 3, 64, 7, 2)
    x = m.other("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for i in range(blocks):
            stride = 2 if i == 0 and width > 64 else 1
            y = m.conv(x, channels, width, 1)
            y = m.conv(y, width, width, 3, stride)
            y = m.conv(y, width, 4 * width, 1, act=None, scale=0.5)
            if i == 0:
                x = m.conv(x, channels, 4 * width, 1, stride, act=None, scale=0.5)
            channels = 4 * width
            x = m.g.op("Add", y, x)
            x = m.g.op("Relu", x) if make is Plain else m.quantised(x, True)
    x = m.other("GlobalAveragePool", x)
    y = m.gemm(m.other("Flatten", x, axis=1), 2048, 1000)
    m.g.write(path, y, ["batch", 1000])


# kernel, expanded, out, squeeze and excite, hard swish, stride: table 1 of Howard et al., Searching for MobileNetV3
MOBILENET = [(3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1),
             (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1),
             (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1)]


def mobilenetv3(path):
    m = Plain(3)
    g = m.g
    x = m.conv(m.input("image", 224), 3, 16, 3, 2, act="HardSwish")
    channels = 16
    for k, wide, out, squeeze, swish, stride in MOBILENET:
        act = "HardSwish" if swish else "Relu"
        y = x if wide == channels else m.conv(x, channels, wide, 1, act=act)
        y = m.conv(y, wide, wide, k, stride, wide, act=act)
        if squeeze:
            few = max(8, (wide // 4 + 4) // 8 * 8)
            s = m.conv(g.op("GlobalAveragePool", y), wide, few, 1)
            y = g.op("Mul", g.op("HardSigmoid", m.conv(s, few, wide, 1, act=None), alpha=1 / 6), y)
        y = m.conv(y, wide, out, 1, act=None)
        x = g.op("Add", x, y) if stride == 1 and out == channels else y
        channels = out
    x = g.op("GlobalAveragePool", m.conv(x, 160, 960, 1, act="HardSwish"))
    y = m.gemm(g.op("HardSwish", m.gemm(g.op("Flatten", x, axis=1), 960, 1280)), 1280, 1000)
    g.write(path, y, ["batch", 1000])


# ---- tokens and tables ----

def norm(g, x, d):
    return g.op("LayerNormalization", x, g.weight(np.ones(d, np.float32)), g.weight(np.zeros(d, np.float32)), axis=-1, epsilon=1e-5)


def linear(g, x, n, m):
    return g.op("Add", g.op("MatMul", x, g.weight(g.normal(n, m))), g.weight(g.normal(m, fan=100)))


def encoder(path, layers=6, d=256, heads=8, wide=1024):
    """[batch, time, d]; inside, PyTorch's attention has [time, batch, d]."""
    g = Graph(6)
    x = g.input("x", FLOAT, ["batch", "time", d])
    batch, time = (g.op("Slice", g.op("Shape", x), g.ints(i), g.ints(i + 1)) for i in (0, 1))
    many, head = g.op("Mul", batch, g.ints(heads)), d // heads
    rows, split = g.op("Concat", time, many, g.ints(head), axis=0), g.op("Concat", batch, g.ints(heads), time, g.ints(head), axis=0)
    threes = g.op("Concat", time, batch, g.ints(3), g.ints(d), axis=0)
    joined = g.op("Concat", time, batch, g.ints(d), axis=0)
    root = g.weight(np.array([head ** -0.25], np.float32))
    for _ in range(layers):
        y = g.op("Reshape", linear(g, g.op("Transpose", x, perm=[1, 0, 2]), d, 3 * d), threes)
        y = g.op("Squeeze", g.op("Transpose", g.op("Unsqueeze", y, g.ints(0)), perm=[3, 1, 2, 0, 4]), g.ints(3))
        q, k, v = (g.op("Reshape", g.op("Transpose", g.op("Reshape", g.op("Gather", y, g.int(i), axis=0), rows), perm=[1, 0, 2]), split)
                   for i in range(3))
        scores = g.op("MatMul", g.op("Mul", q, root), g.op("Mul", g.op("Transpose", k, perm=[0, 1, 3, 2]), root))
        y = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[2, 0, 1, 3])
        y = g.op("Gemm", g.op("Reshape", y, g.ints(-1, d)), g.weight(g.normal(d, d)), g.weight(g.normal(d, fan=100)), transB=1)
        y = g.op("Transpose", g.op("Reshape", y, joined), perm=[1, 0, 2])
        x = norm(g, g.op("Add", x, y), d)
        y = linear(g, g.op("Relu", linear(g, x, d, wide)), wide, d)
        x = norm(g, g.op("Add", x, y), d)
    g.write(path, x, ["batch", "time", d])


def tab_transformer(path, columns=12, d=32, heads=8, layers=3, continuous=8):
    g = Graph(12)
    ids, numbers = g.input("ids", INT64, ["batch", columns]), g.input("x", FLOAT, ["batch", continuous])
    tokens = [g.op("Unsqueeze", g.op("Gather", g.weight(g.normal(1000, d, fan=d)), g.op("Gather", ids, g.int(i), axis=1)), g.ints(1))
              for i in range(columns)]
    x, head = g.op("Concat", *tokens, axis=1), d // heads
    for _ in range(layers):
        def split(v, perm):
            return g.op("Transpose", g.op("Reshape", v, g.ints(0, columns, heads, head)), perm=perm)
        q, k, v = (linear(g, x, d, d) for _ in range(3))
        scores = g.op("MatMul", split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1]))
        scores = g.op("Div", scores, g.weight(np.float32(np.sqrt(head))))
        y = g.op("MatMul", g.op("Softmax", scores, axis=-1), split(v, [0, 2, 1, 3]))
        y = linear(g, g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(0, columns, d)), d, d)
        x = norm(g, g.op("Add", x, y), d)
        y = linear(g, x, d, 4 * d)
        half = g.op("Mul", y, g.op("Add", g.op("Erf", g.op("Div", y, g.weight(np.float32(np.sqrt(2))))), g.weight(np.float32(1))))
        y = linear(g, g.op("Mul", half, g.weight(np.float32(0.5))), 4 * d, d)
        x = norm(g, g.op("Add", x, y), d)
    y = g.op("Concat", g.op("Reshape", x, g.ints(0, columns * d)), norm(g, numbers, continuous), axis=1)
    n = columns * d + continuous
    for m in (4 * 392, 2 * 392):
        y, n = g.op("Relu", linear(g, y, n, m)), m
    y = g.op("Sigmoid", linear(g, y, n, 1))
    g.write(path, y, ["batch", 1])


def embed_mlp(path, tables=26, d=32, continuous=13):
    g = Graph(26)
    ids, numbers = g.input("ids", INT64, ["batch", tables]), g.input("x", FLOAT, ["batch", continuous])
    parts = [g.op("Gather", g.weight(g.normal(1000, d, fan=d)), g.op("Gather", ids, g.int(i), axis=1)) for i in range(tables)]
    y, n = g.op("Concat", numbers, *parts, axis=1), continuous + tables * d
    for m in (512, 256):
        y = g.op("Relu", g.op("Gemm", y, g.weight(g.normal(m, n, fan=n)), g.weight(g.normal(m, fan=100)), transB=1))
        n = m
    y = g.op("Sigmoid", g.op("Gemm", y, g.weight(g.normal(1, n, fan=n)), g.weight(g.normal(1, fan=100)), transB=1))
    g.write(path, y, ["batch", 1])


# ---- trees ----

def complete_trees(rng, trees, depth, features):
    branches = 2 ** depth - 1
    return [(rng.integers(0, features, branches), rng.uniform(-1, 1, branches).astype(np.float32),
             rng.normal(0, 0.05, branches + 1).astype(np.float32)) for _ in range(trees)]


def tree_attributes(trees, branches, targets, leaf):
    """Of the ensemble operators; leaf(tree, place): pairs (target, weight)."""
    a = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    t = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for i, (feature, value, leaves) in enumerate(trees):
        for n in range(branches + len(leaves)):
            inner = n < branches
            row = (i, n, int(feature[n]) if inner else 0, float(value[n]) if inner else 0.0, b"BRANCH_LT" if inner else b"LEAF",
                   2 * n + 1 if inner else 0, 2 * n + 2 if inner else 0, 1 if inner else 0)
            for key, v in zip(a, row):
                a[key].append(v)
            if inner:
                continue
            for target, w in leaf(i, n - branches):
                for key, v in zip(t, (i, n, target, float(w))):
                    t[key].append(v)
    out = {"nodes_" + k: v for k, v in a.items()}
    out.update({targets + "_" + k: v for k, v in t.items()})
    return out


def xgboost(path, json_path, features=28, depth=6, trees=500):
    g = Graph(500)
    x = g.input("x", FLOAT, ["batch", features])
    made = complete_trees(g.rng, trees, depth, features)
    branches = 2 ** depth - 1
    attributes = tree_attributes(made, branches, "target", lambda i, leaf: [(0, made[i][2][leaf])])
    g.nodes.append(helper.make_node("TreeEnsembleRegressor", [x], ["y"], name="/y", domain="ai.onnx.ml", n_targets=1,
                                    post_transform="NONE", base_values=[0.0], **attributes))
    g.write(path, "y", ["batch", 1])
    with open(json_path, "w") as f:
        json.dump(xgboost_model(made, branches, features), f)


def xgboost_model(made, branches, features):
    """As XGBoost 1.7 stores it. Features that are missing go the way of the smaller ones."""
    trees, parents = [], [2147483647] + [(n - 1) // 2 for n in range(1, 2 * branches + 1)]
    for i, (feature, value, leaves) in enumerate(made):
        n = branches + len(leaves)
        zeros, inner = [0] * n, lambda v, rest: [float(a) for a in v] + rest
        trees.append({
            "base_weights": [0.0] * n, "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
            "default_left": [1] * n, "id": i, "left_children": [2 * k + 1 for k in range(branches)] + [-1] * len(leaves),
            "right_children": [2 * k + 2 for k in range(branches)] + [-1] * len(leaves), "loss_changes": [0.0] * n, "parents": parents,
            "split_conditions": inner(value, [float(w) for w in leaves]), "split_indices": [int(k) for k in feature] + [0] * len(leaves),
            "split_type": zeros, "sum_hessian": [1.0] * n,
            "tree_param": {"num_deleted": "0", "num_feature": str(features), "num_nodes": str(n), "size_leaf_vector": "0"}})
    return {"learner": {
        "attributes": {}, "feature_names": [], "feature_types": [],
        "gradient_booster": {"model": {"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees)), "size_leaf_vector": "0"},
                                       "tree_info": [0] * len(trees), "trees": trees}, "name": "gbtree"},
        "learner_model_param": {"base_score": "0E0", "boost_from_average": "1", "num_class": "0", "num_feature": str(features), "num_target": "1"},
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}}, "version": [1, 7, 4]}


def forest(path, trees=200, depth=8, features=28, classes=3):
    g = Graph(200)
    x = g.input("x", FLOAT, ["batch", features])
    made = complete_trees(g.rng, trees, depth, features)
    shares = g.rng.dirichlet(np.ones(classes), (trees, 2 ** depth)) / trees
    attributes = tree_attributes(made, 2 ** depth - 1, "class", lambda i, leaf: enumerate(shares[i][leaf]))
    g.nodes.append(helper.make_node("TreeEnsembleClassifier", [x], ["label", "y"], name="/y", domain="ai.onnx.ml", post_transform="NONE",
                                    classlabels_int64s=list(range(classes)), **attributes))
    g.nodes.append(helper.make_node("Identity", ["y"], ["z"], name="/z"))
    g.write(path, "z", ["batch", classes])


def main():
    folder = sys.argv[1]
    def path(name):
        return os.path.join(folder, name)
    resnet50(Plain, path("resnet50.onnx"))
    resnet50(Quantised, path("resnet50_qdq.onnx"))
    mobilenetv3(path("mobilenetv3.onnx"))
    encoder(path("encoder.onnx"))
    tab_transformer(path("tab_transformer.onnx"))
    embed_mlp(path("embed_mlp.onnx"))
    xgboost(path("xgboost.onnx"), path("xgboost.json"))
    forest(path("forest.onnx"))


main()
