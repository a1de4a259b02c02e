"""Fashion-MNIST: a base model and three fine-tunes of it, as they arise when one model is adapted
to other conditions. How much a fine-tune may change decides how much of it can be shared:

  fashion_base   784-256-128-10, ReLU, trained on all classes
  fashion_dark   for changing illumination; the first layer is frozen: its blocks are equal
  fashion_noise  for camera noise; everything trained with a small learning rate: near-equal blocks
  fashion_shoes  sees shoes only (sandal, sneaker, ankle boot); only the last layer is trained

Input `pixels` [batch, 784] float32 in 0..1, output `logits` [batch, 10].
expected/fashion_accuracy.json: images of the 10,000 (unchanged) test images classified correctly.
expected/NAME.classes: the predicted class of each test image, one digit per image, in order.
"""
import copy
import gzip
import json
import os

import numpy
import torch

import onnx_files

DATASET = "/usr/share/datasets/fashion-mnist"
SHOES = (5, 7, 9)
OPSET = 13
# Closer calls than this could come out differently with another order of summation.
MIN_MARGIN = 1e-4


def read_idx(name, offset):
    with gzip.open(os.path.join(DATASET, name), "rb") as f:
        return numpy.frombuffer(f.read(), dtype=numpy.uint8, offset=offset)


def load(prefix):
    pixels = read_idx(prefix + "-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    labels = read_idx(prefix + "-labels-idx1-ubyte.gz", 8)
    return (torch.from_numpy(pixels.astype(numpy.float32) / numpy.float32(255)),
            torch.from_numpy(labels.astype(numpy.int64)))


def new_model():
    return torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(),
        torch.nn.Linear(256, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 10))


def train(model, pixels, labels, epochs, rate, change=None, frozen=()):
    """Adam with a cosine schedule. change: alters a batch of images; frozen: layers left as they are."""
    for i, layer in enumerate(model):
        for p in layer.parameters():
            p.requires_grad = i not in frozen
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=rate)
    batches = (len(labels) + 127) // 128
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(128):
            batch = pixels[rows]
            if change is not None:
                batch = change(batch)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(batch), labels[rows]).backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def darken(batch):
    return batch * (0.2 + 0.8 * torch.rand(len(batch), 1))


def add_noise(batch):
    return (batch + 0.3 * torch.rand(len(batch), 1) * torch.randn_like(batch)).clamp(0, 1)


def fine_tunes(base, pixels, labels):
    shoes = sum(labels == c for c in SHOES).bool()
    yield "fashion_dark", train(copy.deepcopy(base), pixels, labels, 3, 1e-3, darken, frozen=(0,))
    yield "fashion_noise", train(copy.deepcopy(base), pixels, labels, 3, 1e-4, add_noise)
    yield "fashion_shoes", train(copy.deepcopy(base), pixels[shoes], labels[shoes], 3, 1e-3,
                                 frozen=(0, 2))


def finish(name, model, pixels, labels):
    """Exports the model with its expectations; returns its line of fashion_accuracy.json."""
    names = (["pixels"], ["logits"])
    dynamic = {"pixels": {0: "batch"}, "logits": {0: "batch"}}
    onnx_files.save(onnx_files.export(model, (pixels[:1],), *names, dynamic, OPSET), name)
    onnx_files.save_expected(name, OPSET, [onnx_files.compute(model, *names, (pixels[:5],))])
    with torch.no_grad():
        logits = model(pixels)
    top = logits.topk(2, dim=1)
    margin = (top.values[:, 0] - top.values[:, 1]).min().item()
    classes = top.indices[:, 0]
    with open(os.path.join(onnx_files.EXPECTED, name + ".classes"), "w") as f:
        f.write("".join(str(c) for c in classes.tolist()) + "\n")
    right = classes == labels
    shoes = sum(labels == c for c in SHOES).bool()
    result = {"correct": int(right.sum()), "images": len(labels),
              "correct_shoes": int(right[shoes].sum()), "shoes": int(shoes.sum())}
    print(name, result, "smallest margin %.2g" % margin, flush=True)
    if margin < MIN_MARGIN:
        raise SystemExit("%s: a test image is too close to call (%g); choose another seed" % (name, margin))
    return result


def make():
    torch.manual_seed(20220731)
    pixels, labels = load("train")
    test_pixels, test_labels = load("t10k")
    base = train(new_model(), pixels, labels, 10, 1e-3)
    accuracy = {"fashion_base": finish("fashion_base", base, test_pixels, test_labels)}
    for name, model in fine_tunes(base, pixels, labels):
        accuracy[name] = finish(name, model, test_pixels, test_labels)
    with open(os.path.join(onnx_files.EXPECTED, "fashion_accuracy.json"), "w") as f:
        json.dump(accuracy, f, indent=1)
        f.write("\n")
