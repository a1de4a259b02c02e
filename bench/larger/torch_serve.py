#!/usr/bin/python3
"""A process that serves models with PyTorch, and keeps the KEEP used last.

    torch_serve.py DIR MODELS KEEP KIND LENGTH WARM_UP
"""
import collections
import os
import sys

sys.dont_write_bytecode = True
import numpy as np
import torch

import trace_requests


def main():
    folder, models, keep, kind, length, warm_up = (f(a) for f, a in zip((str, int, int, str, int, int), sys.argv[1:]))
    items = torch.from_numpy(np.load(os.path.join(folder, "items.npy")))
    loaded = collections.OrderedDict()

    def predict(model, item):
        if model not in loaded:
            while len(loaded) >= keep:
                loaded.popitem(last=False)
            loaded[model] = torch.load(os.path.join(folder, "m%d.pt" % model))
        loaded.move_to_end(model)
        layers = loaded[model]
        x = items[item:item + 1]
        with torch.inference_mode():
            for weight, bias in layers[:-1]:
                x = torch.relu(torch.nn.functional.linear(x, weight, bias))
            return torch.nn.functional.linear(x, *layers[-1])[0].numpy()

    trace_requests.run(trace_requests.make(kind, models, len(items), length), warm_up, predict)


if __name__ == "__main__":
    main()
