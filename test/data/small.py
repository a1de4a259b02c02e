"""Small models, each for one feature of the importer or the executor; README.md lists them."""
import csv
import math
import os

import numpy
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import onnx_files
from onnx_files import compute, export, path_of, save, save_expected

VOCABULARY = 2000


def fit(model, inputs, targets, steps, rate):
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(*inputs), targets).backward()
        optimizer.step()
    return model.eval()


# ---- iris: four numbers in, three probabilities out ----

IRIS_NAMES = (["features"], ["probabilities"])
IRIS_DYNAMIC = {"features": {0: "batch"}, "probabilities": {0: "batch"}}


def load_iris():
    with open(os.path.join(onnx_files.HERE, "iris.csv")) as f:
        rows = list(csv.reader(f))[1:]
    species = ["setosa", "versicolor", "virginica"]
    return (torch.tensor([[float(v) for v in r[:4]] for r in rows]),
            torch.tensor([species.index(r[4]) for r in rows]))


def make_iris():
    features, labels = load_iris()
    layers = fit(nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)), (features,), labels,
                 500, 0.02)
    model = nn.Sequential(layers, nn.Softmax(dim=1)).eval()
    samples = features[[0, 50, 75, 100, 149]]
    case = [compute(model, *IRIS_NAMES, (samples,))]
    for name, opset in ("iris", 13), ("iris_opset9", 9):
        save(export(model, (samples[:1],), *IRIS_NAMES, IRIS_DYNAMIC, opset), name)
        save_expected(name, opset, case)

    one = export(model, (samples[:1],), *IRIS_NAMES, None)
    save(one, "iris_fixed_batch")  # the model's input is exactly [1, 4]
    save_expected("iris_fixed_batch", 13,
                  [compute(model, *IRIS_NAMES, (s.reshape(1, 4),)) for s in samples])
    make_storage_variants(model, samples)


def make_storage_variants(model, samples):
    """The iris model with its weights stored in each way that ONNX has."""
    proto = export(model, (samples[:1],), *IRIS_NAMES, IRIS_DYNAMIC)
    exact = [compute(model, *IRIS_NAMES, (samples,))]

    typed = onnx.ModelProto()
    typed.CopyFrom(proto)
    for t in typed.graph.initializer:  # float_data in place of raw_data
        values = numpy_helper.to_array(t).reshape(-1)
        t.ClearField("raw_data")
        t.float_data.extend(values.tolist())
    save(typed, "iris_typed_fields")
    save_expected("iris_typed_fields", 13, exact)

    constants = onnx.ModelProto()
    constants.CopyFrom(proto)
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in proto.graph.initializer]
    rest = list(proto.graph.node)
    del constants.graph.initializer[:], constants.graph.node[:]
    constants.graph.node.extend(nodes + rest)
    save(constants, "iris_constant_nodes")
    save_expected("iris_constant_nodes", 13, exact)

    for name, dtype in (("float16", TensorProto.FLOAT16), ("bfloat16", TensorProto.BFLOAT16),
                        ("float64", TensorProto.DOUBLE)):
        stored, rounded = with_cast_weights(proto, model, dtype)
        save(stored, "iris_" + name)
        save_expected("iris_" + name, 13, [compute(rounded, *IRIS_NAMES, (samples,))])

    data = os.path.join(onnx_files.MODELS, "iris_external.bin")
    if os.path.exists(data):
        os.remove(data)  # onnx would append to it
    onnx.save_model(proto, path_of("iris_external"), save_as_external_data=True,
                    all_tensors_to_one_file=True, location="iris_external.bin", size_threshold=0)
    save_expected("iris_external", 13, exact)


def with_cast_weights(proto, model, dtype):
    """Weights stored as dtype and cast to float32 in the graph; and the module that computes the same."""
    to_torch = {TensorProto.FLOAT16: torch.float16, TensorProto.BFLOAT16: torch.bfloat16,
                TensorProto.DOUBLE: torch.float64}[dtype]
    stored, casts, rounded_of = onnx.ModelProto(), [], {}
    stored.CopyFrom(proto)
    for t in stored.graph.initializer:
        values = torch.from_numpy(numpy_helper.to_array(t).copy()).to(to_torch)
        rounded_of[t.name] = values.to(torch.float32)
        bits = values.view(torch.int16) if dtype == TensorProto.BFLOAT16 else values
        casts.append(helper.make_node("Cast", [t.name + "_stored"], [t.name], name="cast_" + t.name,
                                      to=TensorProto.FLOAT))
        t.CopyFrom(helper.make_tensor(t.name + "_stored", dtype, t.dims, bits.numpy().tobytes(),
                                      raw=True))
    nodes = list(stored.graph.node)
    del stored.graph.node[:]
    stored.graph.node.extend(casts + nodes)
    rounded = nn.Sequential(nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3)),
                            nn.Softmax(dim=1))
    rounded.load_state_dict(rounded_of)
    return stored, rounded.eval()


# ---- a text classifier: token ids of any number in, two logits out ----

class TextClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.classifier = nn.Linear(32, 2)

    def forward(self, tokens):
        return self.classifier(self.embedding(tokens).mean(dim=1))


def make_text_classifier():
    """Trained on made-up texts: a word's leaning is the sign of a random number drawn for it."""
    leaning = torch.randn(VOCABULARY)
    texts = torch.randint(0, VOCABULARY, (4000, 40))
    model = fit(TextClassifier(), (texts,), (leaning[texts].sum(1) > 0).long(), 100, 0.03)
    names = (["tokens"], ["logits"])
    dynamic = {"tokens": {0: "batch", 1: "sequence"}, "logits": {0: "batch"}}
    save(export(model, (texts[:2],), *names, dynamic), "text_classifier")
    inputs = [texts[:5], texts[5:8, :7], texts[9:10, :1],
              torch.tensor([[0, VOCABULARY - 1, VOCABULARY - 1]])]
    save_expected("text_classifier", 13, [compute(model, *names, (i,)) for i in inputs])


# ---- two inputs, two outputs ----

class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.item = nn.Embedding(50, 8)
        self.mix = nn.Linear(8 + 3, 16)
        self.score = nn.Linear(16, 1)

    def forward(self, item, context):
        hidden = nn.functional.leaky_relu(self.mix(torch.cat([self.item(item), context], dim=1)), 0.1)
        return torch.sigmoid(self.score(hidden)), hidden


def make_two_inputs():
    model = TwoInputs().eval()
    inputs = (torch.randint(0, 50, (5,)), torch.randn(5, 3))
    names = (["item", "context"], ["score", "hidden"])
    dynamic = {name: {0: "batch"} for name in names[0] + names[1]}
    save(export(model, inputs, *names, dynamic), "two_inputs")
    save_expected("two_inputs", 13, [compute(model, *names, inputs)])


# ---- a transformer encoder block, 32 wide, 4 heads; token 0 is padding ----

class Encoder(nn.Module):
    WIDTH, HEADS, LONGEST = 32, 4, 64

    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(500, self.WIDTH)
        self.position = nn.Embedding(self.LONGEST, self.WIDTH)
        self.register_buffer("positions", torch.arange(self.LONGEST).unsqueeze(0))
        self.query, self.key, self.value, self.out = (nn.Linear(self.WIDTH, self.WIDTH)
                                                      for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(self.WIDTH), nn.LayerNorm(self.WIDTH)
        self.up, self.down = nn.Linear(self.WIDTH, 128), nn.Linear(128, self.WIDTH)

    def heads(self, x):
        return x.view(x.shape[0], x.shape[1], self.HEADS, self.WIDTH // self.HEADS).transpose(1, 2)

    def forward(self, tokens):
        padding = tokens == 0
        x = self.token(tokens) + self.position(self.positions[:, :tokens.shape[1]])
        scores = self.heads(self.query(x)) @ self.heads(self.key(x)).transpose(2, 3)
        scores = scores / math.sqrt(self.WIDTH // self.HEADS)
        scores = scores.masked_fill(padding[:, None, None, :], -1e9)
        mixed = (torch.softmax(scores, dim=-1) @ self.heads(self.value(x))).transpose(1, 2)
        mixed = mixed.reshape(x.shape[0], x.shape[1], self.WIDTH)
        x = self.norm1(x + self.out(mixed))
        x = self.norm2(x + self.down(nn.functional.gelu(self.up(x))))
        keep = (1.0 - padding.float()).unsqueeze(2)  # mean over the tokens that are not padding
        return (x * keep).sum(dim=1) / keep.sum(dim=1).clamp(min=1.0)


def make_encoder():
    model = Encoder().eval()
    names = (["tokens"], ["embedding"])
    dynamic = {"tokens": {0: "batch", 1: "sequence"}, "embedding": {0: "batch"}}
    texts = torch.randint(1, 500, (5, 12))
    padded = texts[:3].clone()
    padded[0, 7:], padded[1, 2:] = 0, 0
    longest = torch.randint(1, 500, (1, Encoder.LONGEST))
    cases = [compute(model, *names, (t,)) for t in (texts, padded, texts[:1, :1], longest)]
    for opset in 11, 13, 17:
        name = "encoder_opset%d" % opset
        save(export(model, (texts[:2],), *names, dynamic, opset), name)
        save_expected(name, opset, cases)


# ---- a model that cannot be imported: three nodes of two operators that are not supported ----

def make_unsupported():
    weights = [numpy_helper.from_array(numpy.zeros(shape, numpy.float32), name)
               for name, shape in (("w", (1, 8, 4)), ("r", (1, 8, 2)))]
    nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["h1"], name="lstm_1", hidden_size=2),
             helper.make_node("Relu", ["h1"], ["h2"], name="relu"),
             helper.make_node("FancyNorm", ["h2"], ["h3"], name="norm", domain="com.example"),
             helper.make_node("LSTM", ["x", "w", "r"], ["h4"], name="lstm_2", hidden_size=2),
             helper.make_node("Add", ["h3", "h4"], ["y"], name="add")]
    graph = helper.make_graph(
        nodes, "unsupported",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["sequence", "batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights)
    model = helper.make_model(graph, producer_name="pg_mosaic tests", opset_imports=[
        helper.make_opsetid("", 13), helper.make_opsetid("com.example", 1)])
    model.ir_version = 7
    with open(path_of("unsupported"), "wb") as f:  # the checker rejects the unknown domain's operator
        f.write(model.SerializeToString())


def make():
    torch.manual_seed(20220731)
    make_iris()
    make_text_classifier()
    make_two_inputs()
    make_encoder()
    make_unsupported()
