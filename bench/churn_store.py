#!/usr/bin/env python3
"""Writes the SQL of a store that is churned: imports and drops of a family of related models.

    churn_store.py IMPORTS KEPT WIDTH SEED

Each model is an MLP WIDTH-WIDTH-WIDTH-10, made from a random one that is stored: a fine-tune of a whole
layer (1 in 8), of 2 to 40 % of the blocks of a layer (else), or a new one (1 in 20). KEPT models are
kept; for each further import a random one is dropped. Every tenth step vacuums, as autovacuum would.
"""
import base64
import random
import struct
import sys

from onnx_fields import field, value_info


def onnx_model(widths, layers):
    """Gemm and Relu by turns; layers: the weights of each, float32 bytes."""
    graph, name = b"", "x"
    for i, weights in enumerate(layers):
        output = "y" if i == len(layers) - 1 else "h%d" % i
        graph += field(1, field(1, name) + field(1, "w%d" % i) + field(2, output) + field(4, "Gemm"))
        name = output
        if i < len(layers) - 1:
            name = "r%d" % i
            graph += field(1, field(1, output) + field(2, name) + field(4, "Relu"))
    graph += field(2, "churned")
    for i, weights in enumerate(layers):
        graph += field(5, field(1, widths[i]) + field(1, widths[i + 1]) + field(2, 1) +
                       field(8, "w%d" % i) + field(9, weights))
    graph += field(11, value_info("x", widths[0])) + field(12, value_info("y", widths[-1]))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def new_layer(rng, rows, cols):
    """Weights between 0.008 and 0.03 in size: the upper byte is fixed, the sign random."""
    data = bytearray(rng.randbytes(4 * rows * cols))
    data[3::4] = data[3::4].translate(bytes(0x3c if b < 128 else 0xbc for b in range(256)))
    return data


def tune(rng, layer, rows, cols, part):
    """Changes one weight in about this part of the layer's blocks (61 rows, 16 columns)."""
    layer = bytearray(layer)
    for row in range(0, rows, 61):
        for col in range(0, cols, 16):
            if rng.random() < part:
                k, m = min(row + rng.randrange(61), rows - 1), min(col + rng.randrange(16), cols - 1)
                struct.pack_into("<f", layer, 4 * (k * cols + m), rng.uniform(0.01, 0.03))
    return layer


def main():
    imports, kept, width, seed = (int(a) for a in sys.argv[1:])
    rng, widths, stored = random.Random(seed), [width, width, width, 10], {}
    for n in range(imports):
        if not stored or rng.random() < 0.05:
            layers = [new_layer(rng, widths[i], widths[i + 1]) for i in range(3)]
        else:
            layers = list(rng.choice(list(stored.values())))
            i = rng.randrange(2)
            if rng.random() < 0.125:
                layers[i] = new_layer(rng, widths[i], widths[i + 1])
            else:
                layers[i] = tune(rng, layers[i], widths[i], widths[i + 1], rng.uniform(0.02, 0.4))
            layers[2] = new_layer(rng, widths[2], widths[3])
        stored["m%d" % n] = layers
        content = base64.b64encode(onnx_model(widths, layers)).decode()
        print("SELECT 1 FROM import_model('m%d', decode('%s', 'base64'));" % (n, content))
        if len(stored) > kept:
            name = rng.choice(list(stored))
            del stored[name]
            print("SELECT drop_model('%s');" % name)
        if n % 10 == 9:
            print("VACUUM mosaic.block, mosaic.block_meta, mosaic.tensor, mosaic.model;")


main()
