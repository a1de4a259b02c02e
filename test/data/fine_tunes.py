#!/usr/bin/env python3
"""Writes models/tuned_*.onnx and fine_tunes/: a base, a fine-tune, an adapter, as ONNX and as safetensors. Needs Python alone.

The model is x [batch, 48] -> layer.0 -> relu -> layer.1 -> relu -> classifier -> logits [batch, 3]. As torch.onnx does it,
the weights of its two square layers are transposed and named anew in the ONNX file (onnx::MatMul_20), the classifier's are not.

  models/tuned_base.onnx       the base                   fine_tunes/base.safetensors    the same
  models/tuned_all.onnx        all weights moved          fine_tunes/all.safetensors     the same
  models/tuned_half.onnx       rounded to float16, in     fine_tunes/half.safetensors    the same in float16
                               float32
  models/tuned_float16.onnx    all of it in float16
  models/tuned_adapter.onnx    the adapter merged in      fine_tunes/adapter/            LoRA (PEFT) of layer.0 and layer.1, and a
                                                                                         classifier of its own
"""
import json
import os
import random
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, CLASSES, RANK, ALPHA = 48, 3, 4, 6


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


FLOAT, FLOAT16 = 1, 10  # ONNX's numbers


def packed(values, dtype=FLOAT):
    return struct.pack("<%d%s" % (len(values), "e" if dtype == FLOAT16 else "f"), *values)


def half(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def tensor(name, dims, values, dtype=FLOAT):
    return b"".join(field(1, d) for d in dims) + field(2, dtype) + field(8, name) + field(9, packed(values, dtype))


def node(op, inputs, output, name, attributes=b""):
    return b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, name) + field(4, op) + attributes


def value_info(name, dims, dtype=FLOAT):
    shape = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, shape)))


def transposed(values, rows):
    cols = len(values) // rows
    return [values[r * cols + c] for c in range(cols) for r in range(rows)]


def onnx(weights, dtype=FLOAT):
    graph = b""
    last = "x"
    for i in (0, 1):
        name, scope = "onnx::MatMul_%d" % (20 + i), "/layer.%d" % i
        graph += field(1, node("MatMul", [last, name], scope + "/MatMul_output_0", scope + "/MatMul"))
        graph += field(1, node("Add", ["layer.%d.bias" % i, scope + "/MatMul_output_0"], scope + "/Add_output_0", scope + "/Add"))
        graph += field(1, node("Relu", [scope + "/Add_output_0"], "/Relu_%d_output_0" % i, "/Relu_%d" % i))
        graph += field(5, tensor(name, [WIDTH, WIDTH], transposed(weights["layer.%d.weight" % i], WIDTH), dtype))
        graph += field(5, tensor("layer.%d.bias" % i, [WIDTH], weights["layer.%d.bias" % i], dtype))
        last = "/Relu_%d_output_0" % i
    transpose = field(5, field(1, "transB") + field(3, 1) + field(20, 2))
    graph += field(1, node("Gemm", [last, "classifier.weight", "classifier.bias"], "logits", "/classifier/Gemm", transpose))
    graph += field(5, tensor("classifier.weight", [CLASSES, WIDTH], weights["classifier.weight"], dtype))
    graph += field(5, tensor("classifier.bias", [CLASSES], weights["classifier.bias"], dtype))
    graph += field(2, "tuned") + field(11, value_info("x", ["batch", WIDTH], dtype)) + field(12, value_info("logits", ["batch", CLASSES], dtype))
    return field(1, 8) + field(2, "fine_tunes.py") + field(7, graph) + field(8, field(1, "") + field(2, 17))


def safetensors(tensors, dtype=FLOAT):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, (dims, values) in tensors.items():
        elements = packed(values, dtype)
        header[name] = {"dtype": "F16" if dtype == FLOAT16 else "F32", "shape": dims, "data_offsets": [len(data), len(data) + len(elements)]}
        data += elements
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def shape_of(name):
    if name.startswith("classifier"):
        return [CLASSES, WIDTH] if name.endswith("weight") else [CLASSES]
    return [WIDTH, WIDTH] if name.endswith("weight") else [WIDTH]


def write(path, content):
    os.makedirs(os.path.dirname(os.path.join(HERE, path)), exist_ok=True)
    with open(os.path.join(HERE, path), "wb") as f:
        f.write(content)


def write_model(name, weights, file):
    write("models/tuned_%s.onnx" % name, onnx(weights))
    if file:
        write("fine_tunes/%s.safetensors" % name, safetensors({n: (shape_of(n), v) for n, v in weights.items()}))


def uniform(rng, n, scale):
    return [f32(rng.uniform(-scale, scale)) for _ in range(n)]


def main():
    rng = random.Random(1)
    names = ["layer.0.weight", "layer.0.bias", "layer.1.weight", "layer.1.bias", "classifier.weight", "classifier.bias"]
    size = lambda name: shape_of(name)[0] * (shape_of(name)[1] if len(shape_of(name)) > 1 else 1)
    base = {n: uniform(rng, size(n), 0.2) for n in names}
    write_model("base", base, True)
    write_model("all", {n: [f32(x + rng.gauss(0, 1e-3)) for x in v] for n, v in base.items()}, True)
    halves = {n: [half(x) for x in v] for n, v in base.items()}
    write("models/tuned_half.onnx", onnx(halves))
    write("models/tuned_float16.onnx", onnx(halves, FLOAT16))
    write("fine_tunes/half.safetensors", safetensors({n: (shape_of(n), v) for n, v in halves.items()}, FLOAT16))

    adapter, merged = {}, dict(base)
    for layer in ("layer.0", "layer.1"):
        a, b = uniform(rng, RANK * WIDTH, 0.3), uniform(rng, WIDTH * RANK, 0.3)
        adapter["base_model.model.%s.lora_A.weight" % layer] = ([RANK, WIDTH], a)
        adapter["base_model.model.%s.lora_B.weight" % layer] = ([WIDTH, RANK], b)
        moved = [sum(b[o * RANK + r] * a[r * WIDTH + i] for r in range(RANK)) * ALPHA / RANK
                 for o in range(WIDTH) for i in range(WIDTH)]
        merged[layer + ".weight"] = [f32(w + d) for w, d in zip(base[layer + ".weight"], moved)]
    for name in ("classifier.weight", "classifier.bias"):
        merged[name] = [f32(x + rng.gauss(0, 0.1)) for x in base[name]]
        adapter["base_model.model." + name] = (shape_of(name), merged[name])
    write_model("adapter", merged, False)
    write("fine_tunes/adapter/adapter_model.safetensors", safetensors(adapter))
    config = {"peft_type": "LORA", "base_model_name_or_path": "base", "r": RANK, "lora_alpha": ALPHA, "bias": "none",
              "fan_in_fan_out": False, "target_modules": ["layer.0", "layer.1"], "modules_to_save": ["classifier"],
              "use_rslora": False, "use_dora": False, "rank_pattern": {}, "alpha_pattern": {}}
    write("fine_tunes/adapter/adapter_config.json", json.dumps(config, indent=2).encode() + b"\n")


if __name__ == "__main__":
    main()
