#!/usr/bin/env python3
"""scores.py train DIR ROWS | compare DIR: the models of bench/scores.sh, what the libraries answer, and the comparison."""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "exports"))
FEATURES = 12


def draw(rng, rows, nodes=None, holes=False):
    """Rows, a third of them with values that are thresholds of the trees."""
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    if nodes is not None:
        inner = [k for k, mode in enumerate(nodes.a["nodes_modes"]) if mode != "LEAF"]
        for row in range(0, rows, 3):
            for k in rng.choice(inner, 4):
                x[row, nodes.a["nodes_featureids"][k]] = np.float32(nodes.a["nodes_values"][k])
    if holes:
        x[rng.random(x.shape) < 0.1] = np.nan
    return x


def save(folder, name, nodes, outputs, x, labels, scores):
    import onnx
    from classical import ML, tensor
    from onnx import TensorProto, helper
    folder = os.path.join(folder, name)
    os.makedirs(folder, exist_ok=True)
    graph = helper.make_graph(nodes, name, [tensor("X", TensorProto.FLOAT, None, FEATURES)], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)])
    model.ir_version = 8
    onnx.save(model, os.path.join(folder, "model.onnx"))
    with open(os.path.join(folder, "rows.csv"), "w") as f:
        for i, row in enumerate(x):
            f.write("%d\t{%s}\n" % (i, ",".join(repr(float(v)) if v == v else "NaN" for v in row)))
    np.savez(os.path.join(folder, "own.npz"), labels=np.asarray(labels), scores=np.asarray(scores, dtype=np.float64))
    print("  %s: %d rows" % (name, len(x)), flush=True)


def classifier(op, **attributes):
    from classical import ML, tensor
    from onnx import TensorProto, helper
    node = helper.make_node(op, ["X"], ["label", "scores"], domain=ML, **attributes)
    return [node], [tensor("label", TensorProto.INT64, None), tensor("scores", TensorProto.FLOAT, None, None)]


def regressor(op, **attributes):
    from classical import ML, tensor
    from onnx import TensorProto, helper
    return [helper.make_node(op, ["X"], ["y"], domain=ML, **attributes)], [tensor("y", TensorProto.FLOAT, None, 1)]


def train(folder, rows):
    import xgboost
    from classical import floats, of_sklearn, of_xgboost
    from sklearn import ensemble, linear_model
    rng = np.random.default_rng(5)
    x = draw(rng, 4000, holes=True)
    filled = np.nan_to_num(x)
    value = filled[:, 0] * 2 + filled[:, 1] * filled[:, 2] + np.sin(filled[:, 3] * 3)
    two, three = (value > 0).astype(int), np.digitize(value, [-1, 1])

    model = xgboost.XGBClassifier(n_estimators=80, max_depth=5, n_jobs=1).fit(x, two)
    nodes = of_xgboost(model.get_booster())
    lists = nodes.lists("class")
    lists["class_ids"] = [0] * len(lists["class_ids"])
    asked = draw(rng, rows, nodes, True)
    save(folder, "xgboost_two", *classifier("TreeEnsembleClassifier", classlabels_int64s=[0, 1], post_transform="LOGISTIC", **lists), asked,
         model.predict(asked), model.predict_proba(asked))

    model = xgboost.XGBClassifier(n_estimators=40, max_depth=4, n_jobs=1).fit(x, three)
    nodes = of_xgboost(model.get_booster(), 3)
    asked = draw(rng, rows, nodes, True)
    save(folder, "xgboost_three", *classifier("TreeEnsembleClassifier", classlabels_int64s=[0, 1, 2], post_transform="SOFTMAX",
                                              base_values=[0.5] * 3, **nodes.lists("class")), asked,
         model.predict(asked), model.predict_proba(asked))

    model = xgboost.XGBRegressor(n_estimators=100, max_depth=6, n_jobs=1).fit(x, value)
    nodes = of_xgboost(model.get_booster())
    asked = draw(rng, rows, nodes, True)
    save(folder, "xgboost_number", *regressor("TreeEnsembleRegressor", n_targets=1, base_values=[0.5], **nodes.lists("target")), asked, [],
         model.predict(asked))

    model = ensemble.RandomForestClassifier(n_estimators=50, max_depth=9, random_state=1).fit(filled, three)
    nodes = of_sklearn([e.tree_ for e in model.estimators_], lambda v: enumerate(v / v.sum() / 50))
    asked = draw(rng, rows, nodes)
    save(folder, "sklearn_forest", *classifier("TreeEnsembleClassifier", classlabels_int64s=[0, 1, 2], post_transform="NONE",
                                               **nodes.lists("class")), asked, model.predict(asked), model.predict_proba(asked))

    model = ensemble.GradientBoostingRegressor(n_estimators=80, max_depth=4, random_state=1).fit(filled, value)
    nodes = of_sklearn([e[0].tree_ for e in model.estimators_], lambda v: [(0, v[0] * model.learning_rate)])
    asked = draw(rng, rows, nodes)
    save(folder, "sklearn_boosting", *regressor("TreeEnsembleRegressor", n_targets=1, base_values=floats(model.init_.constant_),
                                                **nodes.lists("target")), asked, [], model.predict(asked))

    asked = draw(rng, rows)
    model = linear_model.LogisticRegression(max_iter=500).fit(filled, three)
    save(folder, "sklearn_logistic", *classifier("LinearClassifier", classlabels_ints=[0, 1, 2], coefficients=floats(model.coef_),
                                                 intercepts=floats(model.intercept_), multi_class=1, post_transform="SOFTMAX"), asked,
         model.predict(asked), model.predict_proba(asked))
    model = linear_model.LinearRegression().fit(filled, value)
    save(folder, "sklearn_linear", *regressor("LinearRegressor", targets=1, coefficients=floats(model.coef_),
                                              intercepts=floats([model.intercept_])), asked, [], model.predict(asked))


def compare(folder):
    print("%-18s %9s %9s %9s %12s" % ("model", "rows", "classes", "scores", "largest"))
    for name in sorted(os.listdir(folder)):
        own = np.load(os.path.join(folder, name, "own.npz"))
        with open(os.path.join(folder, name, "found.csv")) as f:
            found = [json.loads(line) for line in f]
        scores = own["scores"].reshape(len(found), -1)
        key = "scores" if len(own["labels"]) else "y"
        ours = np.array([np.ravel(row[key]) for row in found], dtype=np.float64)
        error = np.abs(ours - scores) / (1 + np.abs(scores))
        classes = int(sum(np.ravel(row["label"])[0] != label for row, label in zip(found, own["labels"]))) if len(own["labels"]) else 0
        further = int((error > 1e-6).sum())
        print("%-18s %9d %9d %9d %12.2e" % (name, len(found), classes, further, error.max()))
        print("report %s_rows=%d\nreport %s_largest=%.3g" % (name, len(found), name, error.max()))
        print("report target:%s_classes=%d<=0\nreport target:%s_scores=%d<=0" % (name, classes, name, further))


if __name__ == "__main__":
    if sys.argv[1] == "train":
        train(sys.argv[2], int(sys.argv[3]))
    else:
        compare(sys.argv[2])
