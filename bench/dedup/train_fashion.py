#!/usr/bin/env python3
"""Fashion-MNIST models for bench gate, beside those in test/data/models: into a folder, once.

    train_fashion.py OUT

  independent_1 .. 3  the same shape as fashion_base, each from a seed of its own
  head                fashion_noise trained on for an epoch, the first layer frozen
  whole               fashion_noise trained on for an epoch, all layers, at a thirtieth of its rate
"""
import copy
import os
import sys

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "test", "data"))

import numpy
import onnx
import onnx.numpy_helper
import torch

import fashion
import onnx_files


def load_weights(path):
    """The model of a file that fashion.py wrote."""
    values = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    model = fashion.new_model()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.from_numpy(numpy.array(values[name])))
    return model.eval()


def save(model, pixels, path):
    dynamic = {"pixels": {0: "batch"}, "logits": {0: "batch"}}
    exported = onnx_files.export(model, (pixels[:1],), ["pixels"], ["logits"], dynamic, fashion.OPSET)
    onnx.save(exported, path)
    print(path, flush=True)


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    names = ["independent_1", "independent_2", "independent_3", "head", "whole"]
    paths = {n: os.path.join(out, n + ".onnx") for n in names}
    if all(os.path.exists(p) for p in paths.values()):
        return
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True)
    pixels, labels = fashion.load("train")
    for seed, name in enumerate(names[:3], 1):
        torch.manual_seed(seed)
        save(fashion.train(fashion.new_model(), pixels, labels, 3, 1e-3), pixels,
             paths[name])
    noise = load_weights(os.path.join(ROOT, "test", "data", "models", "fashion_noise.onnx"))
    torch.manual_seed(7)
    head = fashion.train(copy.deepcopy(noise), pixels, labels, 1, 1e-4, fashion.add_noise, frozen=(0,))
    save(head, pixels, paths["head"])
    whole = fashion.train(copy.deepcopy(noise), pixels, labels, 1, 3e-6, fashion.add_noise)
    save(whole, pixels, paths["whole"])


if __name__ == "__main__":
    main()
