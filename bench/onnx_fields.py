"""ONNX files byte by byte, so that benchmarks that make many need no package for it."""


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    """A protobuf field: an int, or something with a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + bytes(value)


def value_info(name, size):
    shape = field(1, field(2, "batch")) + field(1, field(1, size))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def write_layers(path, matrices, last_relu):
    """A model of MatMul and Relu by turns, from x to its last value; last_relu: behind the last, too. The bytes of the weights."""
    nodes, tensors, name = [], [], "x"
    for i, w in enumerate(matrices):
        tensors.append(field(1, w.shape[0]) + field(1, w.shape[1]) + field(2, 1) + field(8, "w%d" % i) + field(9, w.tobytes()))
        nodes.append(field(1, name) + field(1, "w%d" % i) + field(2, "m%d" % i) + field(4, "MatMul"))
        name = "m%d" % i
        if last_relu or i + 1 < len(matrices):
            nodes.append(field(1, name) + field(2, "y%d" % i) + field(4, "Relu"))
            name = "y%d" % i
    graph = b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in tensors)
    graph += field(11, value_info("x", matrices[0].shape[0])) + field(12, value_info(name, matrices[-1].shape[1]))
    with open(path, "wb") as out:
        out.write(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17)))
    return sum(w.nbytes for w in matrices)
