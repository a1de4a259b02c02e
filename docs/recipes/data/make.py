#!/usr/bin/env python3
"""Writes the data and the models of the recipes.

customers.csv: 600 customers of a made-up telephone company, with holes, and whether they left. churn_logistic.onnx and
churn_xgboost.onnx: two models of that, with an input for each column, as skl2onnx and onnxmltools write pipelines.
signs.csv: 240 pictures of 8 x 8 pixels, drawn here, with noise. signs.onnx: a small network that tells which sign it is.

Needs python3-sklearn, python3-xgboost, python3-onnx.
"""
import csv
import json
import os

import numpy as np
import onnx
import xgboost
from onnx import TensorProto, helper, numpy_helper
from sklearn import linear_model, neural_network

HERE = os.path.dirname(os.path.abspath(__file__))
ML = "ai.onnx.ml"
NODE = helper.make_node
PLANS = ["prepaid", "basic", "family", "business"]
NUMBERS = ["age", "monthly_charge", "months", "support_calls"]
rng = np.random.default_rng(5)


def path(name):
    return os.path.join(HERE, name)


def floats(values):
    return [float(np.float32(v)) for v in np.ravel(values)]


def write(name, nodes, inputs, outputs, constants=()):
    def info(n, t, s):
        return helper.make_tensor_value_info(n, t, s)
    graph = helper.make_graph(nodes, name, [info(*i) for i in inputs], [info(*o) for o in outputs], list(constants))
    model = helper.make_model(graph, producer_name="pg_mosaic recipes",
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)])
    model.ir_version = 8
    onnx.save(model, path(name + ".onnx"))


# ---- customers ----

def customers(n):
    plan = rng.choice(len(PLANS), n, p=[0.3, 0.4, 0.2, 0.1])
    age = rng.integers(18, 85, n).astype(float)
    months = rng.integers(1, 72, n).astype(float)
    calls = rng.poisson(1.2, n).astype(float)
    charge = np.round(12 + 9 * plan + rng.normal(0, 4, n), 2)
    score = 3.2 * (calls > 1) * (months < 24) - 0.04 * months + 2.5 * (charge > 30) * (plan != 3) - 1.5 * (age > 60) * (plan == 1) - 0.9
    left = rng.random(n) < 1 / (1 + np.exp(-score))
    age[rng.random(n) < 0.08] = np.nan
    charge[rng.random(n) < 0.05] = np.nan
    return plan, np.stack([age, charge, months, calls], axis=1), left


def write_customers(plan, numbers, left):
    with open(path("customers.csv"), "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["id", "plan"] + NUMBERS + ["left_us"])
        for i in range(len(plan)):
            cells = ["" if np.isnan(v) else "%g" % v for v in numbers[i]]
            out.writerow([i + 1, PLANS[plan[i]]] + cells + ["t" if left[i] else "f"])


PIPELINE_INPUTS = [("plan", TensorProto.STRING, [None, 1])] + [(n, TensorProto.FLOAT, [None, 1]) for n in NUMBERS]
PIPELINE_OUTPUTS = [("output_label", TensorProto.STRING, [None]), ("output_probability", TensorProto.FLOAT, [None, 2])]
LABELS = ["stays", "leaves"]
ENCODED = [NODE("OneHotEncoder", ["plan"], ["one_hot"], domain=ML, cats_strings=PLANS, zeros=1),
           NODE("Reshape", ["one_hot", "shape"], ["plans"])]
SHAPE = helper.make_tensor("shape", TensorProto.INT64, (2,), [-1, len(PLANS)])


def one_hot(plan):
    return np.eye(len(PLANS))[plan]


def logistic(plan, numbers, left):
    mean = np.nanmean(numbers, axis=0)
    filled = np.where(np.isnan(numbers), mean, numbers)
    scale = 1 / filled.std(axis=0)
    model = linear_model.LogisticRegression().fit(np.hstack([(filled - mean) * scale, one_hot(plan)]), left)
    write("churn_logistic", ENCODED + [
        NODE("Concat", NUMBERS, ["numbers"], axis=1),
        NODE("Imputer", ["numbers"], ["filled"], domain=ML, imputed_value_floats=floats(mean), replaced_value_float=float("nan")),
        NODE("Scaler", ["filled"], ["scaled"], domain=ML, offset=floats(mean), scale=floats(scale)),
        NODE("Concat", ["scaled", "plans"], ["features"], axis=1),
        NODE("LinearClassifier", ["features"], ["output_label", "margins"], domain=ML, multi_class=1,
             coefficients=floats(np.vstack([-model.coef_, model.coef_])), intercepts=floats(np.hstack([-model.intercept_, model.intercept_])),
             classlabels_strings=LABELS, post_transform="LOGISTIC"),
        NODE("Normalizer", ["margins"], ["scores"], domain=ML, norm="L1"),
        NODE("ZipMap", ["scores"], ["output_probability"], domain=ML, classlabels_strings=LABELS)],
        PIPELINE_INPUTS, PIPELINE_OUTPUTS, [SHAPE])


def boosted(plan, numbers, left):
    model = xgboost.XGBClassifier(n_estimators=30, max_depth=3, learning_rate=0.2, n_jobs=1)
    model.fit(np.hstack([numbers, one_hot(plan)]), left)
    lists = {k: [] for k in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes", "nodes_truenodeids",
                             "nodes_falsenodeids", "nodes_missing_value_tracks_true")}
    leaves = []

    def visit(t, n):
        leaf = "leaf" in n
        values = (t, n["nodeid"], 0, 0.0, "LEAF", 0, 0, 0) if leaf else (
            t, n["nodeid"], int(n["split"][1:]), floats(n["split_condition"])[0], "BRANCH_LT", n["yes"], n["no"], int(n["missing"] == n["yes"]))
        for key, value in zip(lists, values):
            lists[key].append(value)
        if leaf:
            leaves.append((t, n["nodeid"], n["leaf"]))
        for child in n.get("children", []):
            visit(t, child)
    for t, text in enumerate(model.get_booster().get_dump(dump_format="json")):
        visit(t, json.loads(text))
    trees, nodes, weights = zip(*leaves)
    write("churn_xgboost", ENCODED + [
        NODE("Concat", NUMBERS + ["plans"], ["features"], axis=1),
        NODE("TreeEnsembleClassifier", ["features"], ["output_label", "scores"], domain=ML, classlabels_strings=LABELS,
             post_transform="LOGISTIC", class_treeids=trees, class_nodeids=nodes, class_ids=[0] * len(leaves), class_weights=floats(weights), **lists),
        NODE("ZipMap", ["scores"], ["output_probability"], domain=ML, classlabels_strings=LABELS)],
        PIPELINE_INPUTS, PIPELINE_OUTPUTS, [SHAPE])


# ---- pictures ----

SIGNS = ["circle", "cross", "square", "line"]


def draw(sign, dx, dy):
    p = np.zeros((8, 8))
    y, x = np.mgrid[0:8, 0:8]
    y, x = y - 3.5 - dy, x - 3.5 - dx
    if sign == 0:
        p[abs(np.hypot(x, y) - 2.5) < 0.6] = 1
    elif sign == 1:
        p[(abs(abs(x) - abs(y)) < 0.6) & (abs(x) < 3)] = 1
    elif sign == 2:
        p[(np.maximum(abs(x), abs(y)) > 1.9) & (np.maximum(abs(x), abs(y)) < 3)] = 1
    else:
        p[(abs(y) < 0.9) & (abs(x) < 3)] = 1
    return p


def pictures(n):
    signs = rng.integers(0, len(SIGNS), n)
    pixels = np.array([draw(s, *rng.uniform(-0.5, 0.5, 2)).ravel() for s in signs])
    pixels = np.clip(pixels * rng.uniform(0.7, 1, (n, 1)) + rng.normal(0, 0.35, pixels.shape), 0, 1)
    return signs, np.round(pixels * 9)


def network():
    signs, pixels = pictures(1500)
    model = neural_network.MLPClassifier([24], max_iter=200, random_state=1).fit(pixels / 9, signs)
    model.coefs_[0] /= 9  # pixels are 0 to 9
    constants = []
    for i, (w, b) in enumerate(zip(model.coefs_, model.intercepts_)):
        constants += [numpy_helper.from_array(w.astype(np.float32), f"w{i}"), numpy_helper.from_array(b.astype(np.float32), f"b{i}")]
    write("signs", [NODE("Gemm", ["pixels", "w0", "b0"], ["h"]), NODE("Relu", ["h"], ["r"]), NODE("Gemm", ["r", "w1", "b1"], ["logits"])],
          [("pixels", TensorProto.FLOAT, ["batch", 64])], [("logits", TensorProto.FLOAT, ["batch", 4])], constants)
    signs, pixels = pictures(240)
    with open(path("signs.csv"), "w") as f:
        f.write("id,sign,pixels\n")
        for i in range(len(signs)):
            f.write('%d,%s,"{%s}"\n' % (i + 1, SIGNS[signs[i]], ",".join("%d" % v for v in pixels[i])))


train = customers(4000)
logistic(*train)
boosted(*train)
write_customers(*customers(600))
network()
