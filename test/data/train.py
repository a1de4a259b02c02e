#!/usr/bin/python3
"""Trains and exports every model of test/data/models, with expected outputs in test/data/expected.

    apt-get install python3-torch python3-numpy python3-onnx dataset-fashion-mnist   # Debian 12
    test/data/train.py [--only fashion|small]                                         # about a minute

Seeds are fixed, one thread is used and PyTorch is told to be deterministic: on one kind of CPU the
files come out the same byte for byte. README.md in this folder says what each model is for.

  fashion.py     a Fashion-MNIST classifier and three fine-tunes of it for other conditions
  small.py       small models, one per feature of the importer or of the executor
  onnx_files.py  writing models and expected outputs
"""
import argparse
import sys
import time
import warnings

import torch

sys.dont_write_bytecode = True
warnings.filterwarnings("ignore", message="The shape inference of prim::Constant")

import fashion
import small


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("--only", choices=["fashion", "small"])
    args = args.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # Adam's moments of unused weights decay into them: 10x slower
    torch.use_deterministic_algorithms(True)
    start = time.time()
    if args.only != "small":
        fashion.make()
    if args.only != "fashion":
        small.make()
    print("done in %.0f s" % (time.time() - start))


if __name__ == "__main__":
    main()
