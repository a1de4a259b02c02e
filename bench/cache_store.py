#!/usr/bin/env python3
"""Writes the SQL of bench/cache.sh.

    cache_store.py models dedup|plain MODELS WIDTH SEED      imports MLPs of five layers WIDTH x WIDTH
    cache_store.py requests on|off MODELS WIDTH SEED N       N predictions and what goes on in between

Two layers are the same in all models, one in each half of them, two are a model's own. plain: every model
has a sharing domain of its own. Requests choose the models by Zipf, anew after each third of them; after
each come reads of single rows of another table. The second prints, of the last three
quarters, the percentages of hits: a line for models' pages, one for the table's.
"""
import base64
import random
import struct
import sys

from onnx_fields import field, value_info


def onnx_model(width, layers):
    graph = b""
    for i in range(len(layers)):
        graph += field(1, field(1, "x%d" % i) + field(1, "w%d" % i) + field(2, "x%d" % (i + 1)) +
                       field(4, "MatMul"))
    graph += field(2, "cached")
    for i, weights in enumerate(layers):
        graph += field(5, field(1, width) + field(1, width) + field(2, 1) + field(8, "w%d" % i) +
                       field(9, weights))
    graph += field(11, value_info("x0", width)) + field(12, value_info("x%d" % len(layers), width))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


def layer(seed, width):
    """Weights between 0.008 and 0.03 in size: the upper byte is fixed, the sign random."""
    data = bytearray(random.Random(seed).randbytes(4 * width * width))
    data[3::4] = data[3::4].translate(bytes(0x3c if b < 128 else 0xbc for b in range(256)))
    return data


def models(kind, count, width, seed):
    for m in range(count):
        of_all, family, own = "all", "family %d" % (m % 2), "model %d" % m
        layers = [layer("%d, %s, %d" % (seed, of, i), width)
                  for i, of in enumerate([of_all, own, family, own, of_all])]
        content = base64.b64encode(onnx_model(width, layers)).decode()
        domain = ", domain => 'd%d'" % m if kind == "plain" else ""
        print("SELECT 1 FROM import_model('m%d', decode('%s', 'base64')%s);" % (m, content, domain))


def requests(policy, count, width, seed, n):
    rng, rank = random.Random(seed), list(range(count))
    print("SET pg_mosaic.cache_policy = %s;" % policy)
    print("\\o /dev/null")
    print("SET enable_seqscan = off; SET enable_bitmapscan = off;")
    for i in range(n):
        if i == n // 4:
            print("SELECT pg_stat_force_next_flush(); SELECT pg_stat_reset();")
            print("SELECT sum(hits) AS hits, sum(reads) AS reads FROM mosaic.cache \\gset")
        if i % (n // 3) == 0:
            rng.shuffle(rank)
        m = rank[rng.choices(range(count), [1 / (k + 1) for k in range(count)])[0]]
        print("SELECT 1 FROM (SELECT predict('m%d', array_fill(0.5::real, '{%d}')) OFFSET 0) p WHERE p IS NOT NULL;" % (m, width))
        rows = rng.choices(range(1, 401), [1 / k for k in range(1, 401)], k=200)
        print("SELECT count(t) FROM other WHERE id IN (%s);" % ", ".join(map(str, rows)))
    print("SELECT pg_stat_force_next_flush();")
    print("\\o\nSELECT round(100 * (sum(hits) - :hits) / (sum(hits) - :hits + sum(reads) - :reads), 1) FROM mosaic.cache;")
    print("SELECT round(100.0 * heap_blks_hit / (heap_blks_hit + heap_blks_read), 1) FROM pg_statio_user_tables WHERE relname = 'other';")


def main():
    numbers = [int(a) for a in sys.argv[3:]]
    (models if sys.argv[1] == "models" else requests)(sys.argv[2], *numbers)


main()
