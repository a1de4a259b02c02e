"""A BERT of sentence-transformers by PyTorch and by ONNX Runtime: token ids in padded batches to vectors of length 1.

The weights are those of the ONNX file. Both compute on one thread.
"""
import ctypes

import numpy
import ort


def padded(ids):
    """Lists of ids as one array, and the mask of what is no padding."""
    width = max(len(i) for i in ids)
    tokens, mask = numpy.zeros((len(ids), width), numpy.int64), numpy.zeros((len(ids), width), numpy.int64)
    for row, i in enumerate(ids):
        tokens[row, :len(i)] = i
        mask[row, :len(i)] = 1
    return tokens, mask


def pooled(states, mask):
    """The mean over the tokens, of length 1."""
    weights = mask.astype(numpy.float32)
    vectors = numpy.einsum("btw,bt->bw", states, weights) / weights.sum(1, keepdims=True)
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


class OrtBert(ort.Session):
    NAMES = (b"input_ids", b"attention_mask", b"token_type_ids")

    def __init__(self, runtime, path, width):
        super().__init__(runtime, path, "input_ids", "last_hidden_state", width)
        self.names = (ctypes.c_char_p * 3)(*self.NAMES)

    def vectors(self, ids):
        tokens, mask = padded(ids)
        states = numpy.empty((*tokens.shape, self.output_size), numpy.float32)
        arrays = (tokens, mask, numpy.zeros_like(tokens))
        given, result = [self.runtime.tensor(a) for a in arrays], self.runtime.tensor(states)
        try:
            self.runtime.call(ort.RUN, self.session, None, self.names, (ctypes.c_void_p * 3)(*given), ctypes.c_size_t(3),
                              self.outputs, ctypes.c_size_t(1), (ctypes.c_void_p * 1)(result))
        finally:
            for value in (*given, result):
                self.runtime.function(ort.RELEASE_VALUE, None)(value)
        return pooled(states, mask)


class TorchBert:
    """As transformers computes it, with scaled_dot_product_attention."""

    def __init__(self, path, heads):
        import onnx
        import torch
        from onnx import numpy_helper
        torch.set_num_threads(1)
        graph = onnx.load(path).graph
        values = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        # The exporter numbers the matrices: six of each layer, in the order of the nodes.
        matrices = [n.input[1] for n in graph.node if n.op_type == "MatMul" and n.input[1] in values]
        self.torch, self.values, self.heads = torch, values, heads
        self.matrices = [values[m].T.contiguous() for m in matrices]

    def linear(self, x, layer, k, name):
        return self.torch.nn.functional.linear(x, self.matrices[6 * layer + k], self.values["encoder.layer.%d.%s.bias" % (layer, name)])

    def norm(self, x, name):
        return self.torch.nn.functional.layer_norm(x, x.shape[-1:], self.values[name + ".LayerNorm.weight"], self.values[name + ".LayerNorm.bias"], 1e-12)

    def attention(self, x, layer, mask):
        b, t, w = x.shape
        q, k, v = (self.linear(x, layer, i, "attention.self." + n).view(b, t, self.heads, -1).transpose(1, 2)
                   for i, n in enumerate(("query", "key", "value")))
        y = self.torch.nn.functional.scaled_dot_product_attention(q, k, v, mask) if hasattr(
            self.torch.nn.functional, "scaled_dot_product_attention") else self.plain_attention(q, k, v, mask)
        return self.linear(y.transpose(1, 2).reshape(b, t, w), layer, 3, "attention.output.dense")

    def plain_attention(self, q, k, v, mask):
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask
        return self.torch.softmax(scores, -1) @ v

    def vectors(self, ids):
        torch, v = self.torch, self.values
        tokens, mask = padded(ids)
        with torch.no_grad():
            x = v["embeddings.word_embeddings.weight"][torch.from_numpy(tokens)]
            x = x + v["embeddings.position_embeddings.weight"][:tokens.shape[1]] + v["embeddings.token_type_embeddings.weight"][0]
            x = self.norm(x, "embeddings")
            bias = (1 - torch.from_numpy(mask).float())[:, None, None, :] * -1e9
            for layer in range(len(self.matrices) // 6):
                name = "encoder.layer.%d." % layer
                x = self.norm(x + self.attention(x, layer, bias), name + "attention.output")
                h = torch.nn.functional.gelu(self.linear(x, layer, 4, "intermediate.dense"))
                x = self.norm(x + self.linear(h, layer, 5, "output.dense"), name + "output")
        return pooled(x.numpy(), mask)
