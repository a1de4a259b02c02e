"""Fine-tunes all-MiniLM-L6-v2 on reviews of films. See deltas.sh.

    deltas_train.py MODEL_FOLDER REVIEWS_JSON OUT QUICK [KIND ...]     (Debian: python3-torch python3-onnx python3-numpy)

A review is its last 16 tokens. The graph is the model's own, with the mean of its states and a head of two classes behind it; the base has a head that was
trained alone. Written to OUT, all with seeds: base.onnx, all.onnx, decay.onnx, last.onnx, lora.onnx (merged), base.safetensors and
adapter_model.safetensors (the same adapter), adapter_config.json; texts.npz with the validation and held-out rows.
"""
import json
import os
import sys
import time
import unicodedata

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

SEED = 20260101
TOKENS, BATCH, HEADS, LAYERS = 16, 16, 12, 6
TRAIN, OF_HEAD, VALIDATION, HELD_OUT = 4000, 1000, 1000, 2000
STEPS, RATE, RANK, ALPHA = 60, 2e-4, 8, 16
KINDS = ["all", "decay", "last", "lora"]
MATRICES = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "intermediate.dense", "output.dense"]


# ---- texts ----

def words(text):
    """As BERT's uncased basic tokenizer cuts them."""
    word = ""
    for c in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(c)
        if kind == "Mn":
            continue
        if c.isspace() or kind[0] in "PSC":
            if word:
                yield word
            word = ""
            if kind[0] in "PS":
                yield c
        else:
            word += c
    if word:
        yield word


def pieces(word, vocabulary):
    """WordPiece: the longest prefix that is in the vocabulary, again and again."""
    out, at = [], 0
    while at < len(word):
        end = len(word)
        while end > at and ("##" if at else "") + word[at:end] not in vocabulary:
            end -= 1
        if end == at:
            return [vocabulary["[UNK]"]]
        out.append(vocabulary[("##" if at else "") + word[at:end]])
        at = end
    return out


def texts(folder, path):
    with open(folder + "/vocab.txt", encoding="utf-8") as f:
        vocabulary = {line.rstrip("\n"): i for i, line in enumerate(f)}
    with open(path, encoding="utf-8") as f:
        reviews = json.load(f)
    order = numpy.random.default_rng(SEED).permutation(len(reviews))
    ids, labels = [], []
    for i in order:
        found = [p for w in words(reviews[i]["t"][-400:]) for p in pieces(w, vocabulary)]
        if len(found) < TOKENS - 2:
            continue
        ids.append([vocabulary["[CLS]"]] + found[-(TOKENS - 2):] + [vocabulary["[SEP]"]])
        labels.append(reviews[i]["s"])
        if len(ids) == TRAIN + VALIDATION + HELD_OUT:
            break
    return numpy.array(ids), numpy.array(labels)


# ---- the model ----

class Bert:
    """Its weights by the names of the graph; matrices [in, out], as the graph has them."""

    def __init__(self, path):
        self.model = onnx.load(path)
        graph = self.model.graph
        self.weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer if t.data_type == TensorProto.FLOAT}
        named = [n.input[1] for n in graph.node if n.op_type == "MatMul" and n.input[1] in self.weights]
        # The exporter numbers the matrices: six of each layer, in the order of the nodes.
        self.matrix = {"encoder.layer.%d.%s" % (i // 6, MATRICES[i % 6]): name for i, name in enumerate(named)}

    def states(self, v, ids, adapter=None):
        f = torch.nn.functional

        def norm(x, name):
            return f.layer_norm(x, x.shape[-1:], v[name + ".LayerNorm.weight"], v[name + ".LayerNorm.bias"], 1e-12)

        def linear(x, name):
            y = x @ v[self.matrix[name]] + v[name + ".bias"]
            if adapter and name in adapter:
                a, b = adapter[name]
                y = y + (x @ a) @ b * (ALPHA / RANK)
            return y

        x = v["embeddings.word_embeddings.weight"][ids] + v["embeddings.position_embeddings.weight"][:ids.shape[1]]
        x = norm(x + v["embeddings.token_type_embeddings.weight"][0], "embeddings")
        for i in range(LAYERS):
            name = "encoder.layer.%d." % i
            q, k, w = (linear(x, name + "attention.self." + n).view(*x.shape[:2], HEADS, -1).transpose(1, 2) for n in ("query", "key", "value"))
            y = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1]**-0.5, -1) @ w
            x = norm(x + linear(y.transpose(1, 2).reshape(x.shape), name + "attention.output.dense"), name + "attention.output")
            x = norm(x + linear(f.gelu(linear(x, name + "intermediate.dense")), name + "output.dense"), name + "output")
        return x.mean(1)

    def write(self, path, v):
        """One input of ids, all of them tokens; classes out of the mean of the states."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        graph = model.graph
        for t in graph.initializer:
            if t.name in v:
                t.raw_data = v[t.name].detach().numpy().tobytes()
        for name in ("head.weight", "head.bias"):
            graph.initializer.append(numpy_helper.from_array(v[name].detach().numpy(), name))
        del graph.input[:]
        graph.input.append(helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", TOKENS]))
        nodes = list(graph.node)
        del graph.node[:]
        graph.node.extend([helper.make_node("Sub", ["input_ids", "input_ids"], ["token_type_ids"]),
                           helper.make_node("Add", ["token_type_ids", "one"], ["attention_mask"])])
        graph.initializer.append(numpy_helper.from_array(numpy.array(1, numpy.int64), "one"))
        graph.node.extend(nodes)
        graph.node.extend([helper.make_node("ReduceMean", ["last_hidden_state"], ["mean"], axes=[1], keepdims=0),
                           helper.make_node("Gemm", ["mean", "head.weight", "head.bias"], ["classes"])])
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["batch", 2]))
        onnx.save(model, path)


# ---- training ----

def batches(n, steps, seed):
    rng = numpy.random.default_rng(seed)
    for _ in range(steps):
        yield rng.choice(n, BATCH, replace=False)


def mean_states(bert, v, ids):
    with torch.no_grad():
        return torch.cat([bert.states(v, ids[i:i + 128]) for i in range(0, len(ids), 128)])


def train_head(x, labels):
    """On states that stay as they are."""
    torch.manual_seed(SEED)
    w, b = torch.zeros(x.shape[1], 2, requires_grad=True), torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=200)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ w + b, labels) + 1e-4 * (w * w).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return w.detach(), b.detach()


def tune(bert, base, kind, ids, labels, steps):
    """Returns the weights, and the adapter if it is one."""
    torch.manual_seed(SEED + KINDS.index(kind))
    v = {n: w.clone() for n, w in base.items()}
    adapter = None
    if kind == "lora":
        adapter = {}
        for i in range(LAYERS):
            for part in ("query", "value"):
                name = "encoder.layer.%d.attention.self.%s" % (i, part)
                w = v[bert.matrix[name]]
                adapter[name] = (torch.randn(w.shape[0], RANK) / w.shape[0]**0.5, torch.zeros(RANK, w.shape[1]))
        trained = [t for pair in adapter.values() for t in pair] + [v["head.weight"], v["head.bias"]]
    else:
        last = tuple("encoder.layer.%d." % i for i in (LAYERS - 2, LAYERS - 1))
        of_last = {m for n, m in bert.matrix.items() if n.startswith(last)}
        trained = [w for n, w in v.items() if kind != "last" or n.startswith(last + ("head",)) or n in of_last]
    for t in trained:
        t.requires_grad_(True)
    rate = {"last": 2 * RATE, "lora": 20 * RATE}.get(kind, RATE)
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01 if kind == "decay" else 0)
    for step, rows in enumerate(batches(len(ids), steps, SEED + 10 + KINDS.index(kind))):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, 10 * (step + 1) / steps) * (1 - step / steps)
        optimizer.zero_grad()
        x = bert.states(v, ids[rows], adapter)
        torch.nn.functional.cross_entropy(x @ v["head.weight"] + v["head.bias"], labels[rows]).backward()
        optimizer.step()
    v = {n: w.detach() for n, w in v.items()}
    if adapter:
        adapter = {n: (a.detach(), b.detach()) for n, (a, b) in adapter.items()}
        for n, (a, b) in adapter.items():
            v[bert.matrix[n]] = v[bert.matrix[n]] + a @ b * (ALPHA / RANK)
    return v, adapter


def safetensors(path, tensors):
    header, data = {}, b""
    for name, t in tensors.items():
        raw = t.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)


def main():
    folder, reviews, out, quick = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "1"
    os.makedirs(out, exist_ok=True)
    torch.set_num_threads(1)
    ids, labels = texts(folder, reviews)
    train, validation, held_out = slice(0, TRAIN), slice(TRAIN, TRAIN + VALIDATION), slice(TRAIN + VALIDATION, None)
    numpy.savez(out + "/texts.npz", validation=ids[validation], validation_labels=labels[validation],
                held_out=ids[held_out], held_out_labels=labels[held_out])
    ids, labels = torch.from_numpy(ids), torch.from_numpy(labels)
    bert = Bert(folder + "/onnx/model.onnx")
    base, start = dict(bert.weights), time.time()
    known = mean_states(bert, base, ids[:200 if quick else OF_HEAD])
    base["head.weight"], base["head.bias"] = train_head(known, labels[:len(known)])
    bert.write(out + "/base.onnx", base)
    print("base: its head, %.0f s" % (time.time() - start), flush=True)
    names = {m: n + ".weight" for n, m in bert.matrix.items()}
    safetensors(out + "/base.safetensors", {names.get(n, n): w.T if n in names else w for n, w in base.items()})
    steps = 4 if quick else STEPS
    for kind in sys.argv[5:] or KINDS:
        start = time.time()
        v, adapter = tune(bert, base, kind, ids[train], labels[train], steps)
        bert.write("%s/%s.onnx" % (out, kind), v)
        if adapter:
            parts = {}
            for n, (a, b) in adapter.items():
                parts["base_model.model.%s.lora_A.weight" % n] = a.T
                parts["base_model.model.%s.lora_B.weight" % n] = b.T
            parts["base_model.model.head.weight"], parts["base_model.model.head.bias"] = v["head.weight"], v["head.bias"]
            safetensors(out + "/adapter_model.safetensors", parts)
            with open(out + "/adapter_config.json", "w", encoding="utf-8") as f:
                json.dump({"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA}, f)
        print("%s: %d steps, %.0f s" % (kind, steps, time.time() - start), flush=True)


main()
