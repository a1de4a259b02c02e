#!/usr/bin/env python3
"""classical.py DIR: trains small models with scikit-learn and XGBoost, and writes them as ONNX.

The nodes are those that skl2onnx and onnxmltools write for the same models. Inputs are written beside; run_ort.js
then writes the outputs. Where ONNX Runtime cannot give a model's output (ZipMap's maps), model_ort.onnx is the model
without that node, for run_ort.js alone. Needs python3-sklearn, python3-xgboost, python3-onnx."""
import json
import os
import sys

import numpy as np
import onnx
import xgboost
from onnx import TensorProto, helper
from sklearn import datasets, ensemble, linear_model, svm

ML = "ai.onnx.ml"


def write(name, nodes, inputs, outputs, cases, ort_nodes=None, ml=3, initializers=()):
    def save(graph_nodes, graph_outputs, path):
        graph = helper.make_graph(graph_nodes, name, inputs, graph_outputs, initializer=list(initializers))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, ml)],
                                  producer_name="pg_mosaic classical.py")
        model.ir_version = 8
        onnx.save(model, path)
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    save(nodes, outputs, os.path.join(folder, "model.onnx"))
    if ort_nodes is not None:
        save(ort_nodes, outputs, os.path.join(folder, "model_ort.onnx"))
    for number, case in enumerate(cases):
        os.makedirs(f"{folder}/{number}/in", exist_ok=True)
        for key, array in case.items():
            np.save(f"{folder}/{number}/in/{key}.npy", array)


def floats(values):
    return [float(np.float32(v)) for v in np.ravel(values)]


def tensor(name, dtype, *shape):
    return helper.make_tensor_value_info(name, dtype, shape)


class Nodes:
    """The lists of a tree ensemble."""

    def __init__(self):
        self.a = {k: [] for k in ("nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
                                  "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
                                  "nodes_hitrates")}
        self.weights = []  # tree, node, target, weight

    def add(self, *values):
        for key, value in zip(self.a, values):
            self.a[key].append(value)

    def lists(self, prefix):
        tree, node, target, weight = zip(*self.weights)
        return dict(self.a, **{f"{prefix}_treeids": tree, f"{prefix}_nodeids": node, f"{prefix}_ids": target,
                               f"{prefix}_weights": floats(weight)})


def of_xgboost(booster, targets=1):
    nodes = Nodes()
    for t, text in enumerate(booster.get_dump(dump_format="json")):
        def visit(n):
            if "leaf" in n:
                nodes.add(t, n["nodeid"], 0, 0.0, "LEAF", 0, 0, 0, 1.0)
                nodes.weights.append((t, n["nodeid"], t % targets, n["leaf"]))
                return
            nodes.add(t, n["nodeid"], int(n["split"][1:]), floats(n["split_condition"])[0], "BRANCH_LT", n["yes"], n["no"],
                      int(n["missing"] == n["yes"]), 1.0)
            for child in n["children"]:
                visit(child)
        visit(json.loads(text))
    return nodes


def threshold(value):
    """The float32 that float32 features are compared with as with the float64 that scikit-learn has: as skl2onnx, the next below."""
    rounded = np.float32(value)
    return float(rounded if rounded <= value else np.nextafter(rounded, np.float32(-np.inf)))


def of_sklearn(trees, weigh):
    nodes = Nodes()
    for t, tree in enumerate(trees):
        for i in range(tree.node_count):
            leaf = tree.children_left[i] < 0
            nodes.add(t, i, 0 if leaf else int(tree.feature[i]), 0.0 if leaf else threshold(tree.threshold[i]),
                      "LEAF" if leaf else "BRANCH_LEQ", max(0, int(tree.children_left[i])),
                      max(0, int(tree.children_right[i])), 0, 1.0)
            if leaf:
                nodes.weights += [(t, i, k, w) for k, w in weigh(tree.value[i][0])]
    return nodes


def with_holes(x, rng, share=0.1):
    x = x.astype(np.float32)
    x[rng.random(x.shape) < share] = np.nan
    return x


def split(x, *sizes):
    return [{"X": np.ascontiguousarray(x[:n])} for n in sizes]


def on_thresholds(x, nodes):
    """Some values become thresholds of the trees."""
    x = x.copy()
    for k in range(0, len(nodes.a["nodes_values"]), 7):
        if nodes.a["nodes_modes"][k] != "LEAF":
            x[k % len(x), nodes.a["nodes_featureids"][k]] = np.float32(nodes.a["nodes_values"][k])
    return x


def zip_map(labels):
    return helper.make_node("ZipMap", ["scores"], ["probabilities"], domain=ML, **labels)


def main():
    rng = np.random.default_rng(11)
    cancer = datasets.load_breast_cancer()
    x = with_holes(cancer.data, rng)
    xgb = xgboost.XGBClassifier(n_estimators=60, max_depth=5, tree_method="hist", n_jobs=1).fit(x, cancer.target)
    nodes = of_xgboost(xgb.get_booster())
    width = x.shape[1]
    lists = nodes.lists("class")
    lists["class_ids"] = [0] * len(lists["class_ids"])
    # The booster's probability 0.5 is a margin of 0.
    classifier = dict(lists, classlabels_int64s=[0, 1], post_transform="LOGISTIC", domain=ML)
    node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "scores"], **classifier)
    same = helper.make_node("Identity", ["scores"], ["probabilities"])
    write("xgboost_classifier", [node, zip_map({"classlabels_int64s": [0, 1]})], [tensor("X", TensorProto.FLOAT, None, width)],
          [tensor("label", TensorProto.INT64, None), tensor("probabilities", TensorProto.FLOAT, None, 2)],
          split(on_thresholds(x, nodes), 300, 1), [node, same])

    diabetes = datasets.load_diabetes()
    regressor = xgboost.XGBRegressor(n_estimators=50, max_depth=6, n_jobs=1).fit(diabetes.data, diabetes.target)
    nodes = of_xgboost(regressor.get_booster())
    x = on_thresholds(diabetes.data.astype(np.float32), nodes)
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["y"], domain=ML, n_targets=1, base_values=[0.5], **nodes.lists("target"))
    write("xgboost_regressor", [node], [tensor("X", TensorProto.FLOAT, None, 10)], [tensor("y", TensorProto.FLOAT, None, 1)],
          split(x, 442, 1))
    write_indexed("xgboost_tree_ensemble", nodes, 10, split(x, 100, 1))

    wine = datasets.load_wine()
    forest = ensemble.RandomForestClassifier(n_estimators=20, random_state=3).fit(wine.data, wine.target)
    nodes = of_sklearn([e.tree_ for e in forest.estimators_], lambda v: enumerate(v / v.sum() / 20))
    node = helper.make_node("TreeEnsembleClassifier", ["X"], ["label", "probabilities"], domain=ML, post_transform="NONE",
                            classlabels_strings=["red", "white", "rosé"], **nodes.lists("class"))
    write("sklearn_random_forest", [node], [tensor("X", TensorProto.FLOAT, None, 13)],
          [tensor("label", TensorProto.STRING, None), tensor("probabilities", TensorProto.FLOAT, None, 3)],
          split(on_thresholds(wine.data.astype(np.float32), nodes), 178, 1))

    extra = ensemble.ExtraTreesRegressor(n_estimators=12, min_samples_leaf=8, random_state=1).fit(diabetes.data, diabetes.target)
    nodes = of_sklearn([e.tree_ for e in extra.estimators_], lambda v: [(0, v[0])])
    node = helper.make_node("TreeEnsembleRegressor", ["X"], ["y"], domain=ML, n_targets=1, aggregate_function="AVERAGE",
                            **nodes.lists("target"))
    write("sklearn_extra_trees_double", [node], [tensor("X", TensorProto.DOUBLE, None, 10)],
          [tensor("y", TensorProto.FLOAT, None, 1)], split(diabetes.data, 442, 1))

    write_pipeline(rng)
    write_svms(wine, diabetes)


def write_indexed(name, nodes, width, cases):
    """The same trees as the operator TreeEnsemble of version 5."""
    a = nodes.a
    branches = [k for k, m in enumerate(a["nodes_modes"]) if m != "LEAF"]
    leaves = [k for k, m in enumerate(a["nodes_modes"]) if m == "LEAF"]
    at = {(a["nodes_treeids"][k], a["nodes_nodeids"][k]): k for k in range(len(a["nodes_modes"]))}
    index = {k: i for i, k in enumerate(branches)}
    index.update({k: i for i, k in enumerate(leaves)})
    weight = {(t, n): w for t, n, _, w in nodes.weights}

    def child(k, which):
        c = at[a["nodes_treeids"][k], a[which][k]]
        return index[c], int(a["nodes_modes"][c] == "LEAF")
    yes = [child(k, "nodes_truenodeids") for k in branches]
    no = [child(k, "nodes_falsenodeids") for k in branches]
    roots = [index[at[t, 0]] for t in range(max(a["nodes_treeids"]) + 1)]

    def array(key, dtype, values):
        return helper.make_tensor(key, dtype, (len(values),), values)
    node = helper.make_node(
        "TreeEnsemble", ["X"], ["y"], domain=ML, n_targets=1, aggregate_function=1, post_transform=0, tree_roots=roots,
        nodes_splits=array("nodes_splits", TensorProto.FLOAT, [a["nodes_values"][k] for k in branches]),
        nodes_featureids=[a["nodes_featureids"][k] for k in branches],
        nodes_modes=array("nodes_modes", TensorProto.UINT8, [1] * len(branches)),
        nodes_truenodeids=[i for i, _ in yes], nodes_trueleafs=[leaf for _, leaf in yes],
        nodes_falsenodeids=[i for i, _ in no], nodes_falseleafs=[leaf for _, leaf in no],
        nodes_missing_value_tracks_true=[a["nodes_missing_value_tracks_true"][k] for k in branches],
        leaf_targetids=[0] * len(leaves),
        leaf_weights=array("leaf_weights", TensorProto.FLOAT,
                           floats([weight[a["nodes_treeids"][k], a["nodes_nodeids"][k]] for k in leaves])))
    write(name, [node], [tensor("X", TensorProto.FLOAT, None, width)], [tensor("y", TensorProto.FLOAT, None, 1)], cases, ml=5)


def write_pipeline(rng):
    """Columns of strings and of numbers with holes: imputed, scaled, one-hot encoded, logistic regression, ZipMap."""
    n = 200
    city = rng.choice(["Berlin", "Zürich", "北京"], size=(n, 1))
    numbers = with_holes(rng.normal(size=(n, 4)), rng, 0.2)
    labels = np.array(["no", "yes"])[(np.nan_to_num(numbers)[:, 0] + (city[:, 0] == "Zürich") > 0.4).astype(int)]
    mean = np.nanmean(numbers, axis=0)
    filled = np.where(np.isnan(numbers), mean, numbers)
    scale = 1 / filled.std(axis=0)
    cats = ["Berlin", "Zürich", "北京"]
    features = np.hstack([(filled - mean) * scale, (city == np.array(cats)).astype(float)])
    model = linear_model.LogisticRegression().fit(features, labels)
    coefficients = np.vstack([-model.coef_, model.coef_])
    intercepts = np.hstack([-model.intercept_, model.intercept_])
    nodes = [
        helper.make_node("Imputer", ["numbers"], ["filled"], domain=ML, imputed_value_floats=floats(mean),
                         replaced_value_float=float("nan")),
        helper.make_node("Scaler", ["filled"], ["scaled"], domain=ML, offset=floats(mean), scale=floats(scale)),
        helper.make_node("OneHotEncoder", ["city"], ["one_hot"], domain=ML, cats_strings=cats, zeros=1),
        helper.make_node("Reshape", ["one_hot", "shape"], ["flat"]),
        helper.make_node("Concat", ["scaled", "flat"], ["features"], axis=1),
        helper.make_node("LinearClassifier", ["features"], ["label", "margins"], domain=ML, multi_class=1,
                         coefficients=floats(coefficients), intercepts=floats(intercepts),
                         classlabels_strings=["no", "yes"], post_transform="LOGISTIC"),
        helper.make_node("Normalizer", ["margins"], ["scores"], domain=ML, norm="L1")]
    shape = helper.make_tensor("shape", TensorProto.INT64, (2,), [-1, 3])
    city[::17] = "Ελλάδα"
    cases = [{"city": city[:k], "numbers": np.ascontiguousarray(numbers[:k])} for k in (200, 1)]
    write("sklearn_mixed_pipeline", nodes + [zip_map({"classlabels_strings": ["no", "yes"]})],
          [tensor("city", TensorProto.STRING, None, 1), tensor("numbers", TensorProto.FLOAT, None, 4)],
          [tensor("label", TensorProto.STRING, None), tensor("probabilities", TensorProto.FLOAT, None, 2)], cases,
          nodes + [helper.make_node("Identity", ["scores"], ["probabilities"])], initializers=[shape])


def write_svms(wine, diabetes):
    scaled = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
    svc = svm.SVC(probability=True, random_state=0).fit(scaled, wine.target)
    node = helper.make_node(
        "SVMClassifier", ["X"], ["label", "probabilities"], domain=ML, kernel_type="RBF",
        kernel_params=floats([svc._gamma, 0, 0]), support_vectors=floats(svc.support_vectors_),
        coefficients=floats(svc.dual_coef_), rho=floats(svc.intercept_), vectors_per_class=[int(n) for n in svc.n_support_],
        prob_a=floats(svc.probA_), prob_b=floats(svc.probB_), classlabels_ints=[0, 1, 2], post_transform="NONE")
    write("sklearn_svc", [node], [tensor("X", TensorProto.FLOAT, None, 13)],
          [tensor("label", TensorProto.INT64, None), tensor("probabilities", TensorProto.FLOAT, None, 3)],
          split(scaled.astype(np.float32), 178, 1))
    svr = svm.SVR(kernel="poly", degree=2, C=10).fit(diabetes.data * 10, diabetes.target)
    node = helper.make_node(
        "SVMRegressor", ["X"], ["y"], domain=ML, kernel_type="POLY", kernel_params=floats([svr._gamma, svr.coef0, 2]),
        support_vectors=floats(svr.support_vectors_), coefficients=floats(svr.dual_coef_), rho=floats(svr.intercept_),
        n_supports=len(svr.support_vectors_), post_transform="NONE")
    write("sklearn_svr", [node], [tensor("X", TensorProto.FLOAT, None, 10)], [tensor("y", TensorProto.FLOAT, None, 1)],
          split((diabetes.data * 10).astype(np.float32), 100, 1))


if __name__ == "__main__":
    main()
