#!/usr/bin/env python3
"""Writes Fashion-MNIST images as text for COPY: id, label, pixels real[] (pixel / 255, row by row).

    tools/fashion_mnist.py [--split test|train] [--limit N] [--dir DIR] | psql -c '\\copy t FROM pstdin'

Plain Python, streaming: one image is in memory at a time. The data come from Debian's package
dataset-fashion-mnist. ids count from 1. Every pixel is the shortest decimal that reads back as
exactly the float32 nearest to pixel / 255, so that the database holds what PyTorch computes with.
"""
import argparse
import gzip
import struct
import sys

DIR = "/usr/share/datasets/fashion-mnist"


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def shortest(x):
    """The shortest decimal that a float4 parser reads as float32(x)."""
    for digits in range(1, 10):
        text = "%.*g" % (digits, x)
        if float32(float(text)) == float32(x):
            return text
    raise AssertionError(x)


def open_idx(path, magic, dims):
    """Opens an idx file of bytes, past its header; returns (file, sizes)."""
    f = gzip.open(path, "rb")
    header = struct.unpack(">%dI" % (1 + dims), f.read(4 + 4 * dims))
    if header[0] != magic:
        sys.exit("%s: not an idx file of %d dimensions" % (path, dims))
    return f, header[1:]


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--split", choices=["test", "train"], default="test")
    args.add_argument("--limit", type=int, help="write only the first N images")
    args.add_argument("--dir", default=DIR)
    args = args.parse_args()
    prefix = "%s/%s" % (args.dir, "t10k" if args.split == "test" else "train")
    images, (count, height, width) = open_idx(prefix + "-images-idx3-ubyte.gz", 0x803, 3)
    labels, (label_count,) = open_idx(prefix + "-labels-idx1-ubyte.gz", 0x801, 1)
    if count != label_count:
        sys.exit("%s: %d images but %d labels" % (prefix, count, label_count))

    text = [shortest(float32(value / 255)) for value in range(256)]
    size = height * width
    for i in range(count if args.limit is None else min(count, args.limit)):
        pixels, label = images.read(size), labels.read(1)
        if len(pixels) != size or len(label) != 1:
            sys.exit("%s: truncated at image %d of %d" % (prefix, i, count))
        sys.stdout.write("%d\t%d\t{%s}\n" % (i + 1, label[0], ",".join([text[p] for p in pixels])))


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as e:
        sys.exit("%s: not found (apt-get install dataset-fashion-mnist)" % e.filename)
    except BrokenPipeError:
        sys.exit(1)
