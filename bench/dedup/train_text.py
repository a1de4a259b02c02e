#!/usr/bin/python3
"""Trains the five text classifiers of `tools/bench.sh dedup`, and two controls.

    train_text.py RAW OUT [--quick]        (Debian 12: python3-torch python3-numpy python3-onnx)

Each is an embedding (GloVe, 341,479 x 100), the mean over a text's words, and two dense layers. The
embedding is frozen in two of them and trained in three; there, gradients are sparse: a word that does
not occur in the training texts keeps its vector. A model that exists in OUT is not trained again.

OUT/NAME.onnx; OUT/NAME.{validation,test}.bin: int64 n, length, classes, then n x length word ids,
then n labels; OUT/NAME.json: accuracy as PyTorch computes it.
--quick: the 40,000 most frequent words and at most 4,000 training texts.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch
from torch import nn

sys.dont_write_bytecode = True
import corpora

HIDDEN = 64
MOST = 4000  # texts for validation, and for test
# name: collection, words a text, embedding trained?, epochs, Adam's step for the dense layers
MODELS = {
    "imdb": (corpora.imdb, 200, True, 3, 1e-3),
    "reuters": (corpora.reuters, 128, True, 6, 1e-3),
    "sentences": (corpora.pang_lee_sentences, 32, True, 6, 1e-3),
    "spam": (corpora.spam_assassin, 200, False, 20, 3e-3),
    "reviews": (corpora.pang_lee_reviews, 400, False, 150, 3e-3),
}


class Classifier(nn.Module):
    def __init__(self, table, classes, trained):
        super().__init__()
        # Mean pooling in training goes through EmbeddingBag, whose gradients can be sparse.
        self.bag = nn.EmbeddingBag.from_pretrained(table.clone() if trained else table, mode="mean",
                                                   freeze=not trained, sparse=trained)
        self.dense = nn.Sequential(nn.Linear(table.shape[1], HIDDEN), nn.ReLU(),
                                   nn.Linear(HIDDEN, classes))

    def forward(self, ids):
        if torch.onnx.is_in_onnx_export():
            return self.dense(nn.functional.embedding(ids, self.bag.weight).mean(dim=1))
        return self.dense(self.bag(ids))


def accuracy(model, ids, labels):
    with torch.no_grad():
        hits = sum((model(i).argmax(1) == l).sum().item()
                   for i, l in zip(ids.split(512), labels.split(512)))
    return hits / len(labels)


def fit(model, ids, labels, trained, epochs, step):
    optimizers = [torch.optim.Adam(model.dense.parameters(), step)]
    if trained:
        optimizers.append(torch.optim.SparseAdam(list(model.bag.parameters()), 1e-3))
    for _ in range(epochs):
        for batch in torch.randperm(len(ids)).split(64):
            loss = nn.functional.cross_entropy(model(ids[batch]), labels[batch])
            for o in optimizers:
                o.zero_grad()
            loss.backward()
            for o in optimizers:
                o.step()
    return model.eval()


def write_set(path, ids, labels, classes):
    head = np.array([len(ids), ids.shape[1], classes], dtype=np.int64)
    with open(path, "wb") as f:
        f.write(head.tobytes() + ids.numpy().tobytes() + labels.numpy().tobytes())


def export(model, ids, path):
    torch.onnx.export(model, (ids[:2],), path + ".tmp", input_names=["words"], output_names=["logits"],
                      dynamic_axes={"words": {0: "batch"}, "logits": {0: "batch"}}, opset_version=13)
    os.replace(path + ".tmp", path)


def make(name, raw, out, index, table, quick):
    read, length, trained, epochs, step = MODELS[name]
    start = time.time()
    texts = read(raw)
    classes = 1 + max(label for _, label in texts)
    order = np.random.default_rng(7).permutation(len(texts))
    part = min(len(texts) // 5, 500 if quick else MOST)
    ids = torch.tensor([corpora.token_ids(texts[i][0], index, length)
                        for i in (order[:2 * part + 4000] if quick else order)])
    labels = torch.tensor([texts[i][1] for i in order[:len(ids)]])
    sets = {"validation": slice(0, part), "test": slice(part, 2 * part)}
    rest = slice(2 * part, None)
    torch.manual_seed(20220731)
    model = fit(Classifier(table, classes, trained), ids[rest], labels[rest], trained, epochs,
                step)
    result = {"classes": classes, "trained": trained, "training_texts": len(ids) - 2 * part}
    for part_name, where in sets.items():
        write_set(os.path.join(out, "%s.%s.bin" % (name, part_name)), ids[where], labels[where], classes)
        result[part_name] = accuracy(model, ids[where], labels[where])
    result["rows_changed"] = (model.bag.weight != table).any(1).float().mean().item()
    export(model, ids, os.path.join(out, name + ".onnx"))
    with open(os.path.join(out, name + ".json"), "w") as f:
        json.dump(result, f)
    print("%s: %s, %.0f s" % (name, result, time.time() - start), flush=True)


def make_controls(out, table):
    """What must not be merged: the table with its rows in random order, and with each row's elements
    turned by a random number of places; both keep the distribution of every row's values."""
    generator = torch.Generator().manual_seed(3)
    rows = table[torch.randperm(len(table), generator=generator)]
    turn = torch.randint(1, table.shape[1], (len(table), 1), generator=generator)
    turned = table.gather(1, (torch.arange(table.shape[1]) + turn) % table.shape[1])
    for name, control in (("control_rows", rows), ("control_turned", turned)):
        torch.manual_seed(5)
        export(Classifier(control, 2, False).eval(), torch.zeros(2, 32, dtype=torch.long),
               os.path.join(out, name + ".onnx"))


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("raw")
    args.add_argument("out")
    args.add_argument("--quick", action="store_true")
    args = args.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    os.makedirs(args.out, exist_ok=True)
    missing = [n for n in MODELS if not os.path.exists(os.path.join(args.out, n + ".json"))]
    controls = os.path.join(args.out, "control_turned.onnx")
    if not missing and os.path.exists(controls):
        return
    index, table = corpora.word_vectors(args.raw, args.out)
    if args.quick:
        index, table = {w: i for w, i in index.items() if i < 40000}, table[:40000]
    table = torch.from_numpy(table)
    for name in missing:
        make(name, args.raw, args.out, index, table, args.quick)
    if not os.path.exists(controls):
        make_controls(args.out, table)


if __name__ == "__main__":
    main()
