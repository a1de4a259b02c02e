#!/usr/bin/env python3
"""Writes test/data/onnx_versions.txt from a checkout of github.com/onnx/onnx: every operator of the domains
ai.onnx and ai.onnx.ml with the versions of its operator set that changed it. A unit test holds the
registry to it.

    tools/onnx_versions.py CHECKOUT
"""
import collections
import pathlib
import re
import sys

DOMAINS = {"": "", "ML_": "ai.onnx.ml."}
SCHEMA = re.compile(r"ONNX_(ML_|TRAINING_|PREVIEW_TRAINING_|PREVIEW_)?OPERATOR_SET_SCHEMA\(\s*(\w+)\s*,\s*(\d+)")

if len(sys.argv) != 2:
    sys.exit(__doc__)
versions = collections.defaultdict(set)
for source in pathlib.Path(sys.argv[1], "onnx", "defs").rglob("*.cc"):
    for domain, name, version in SCHEMA.findall(source.read_text()):
        if domain in DOMAINS:
            versions[DOMAINS[domain] + name].add(int(version))
out = pathlib.Path(__file__).parent.parent / "test" / "data" / "onnx_versions.txt"
out.write_text("".join(f"{name} {' '.join(map(str, sorted(v)))}\n" for name, v in sorted(versions.items())))
