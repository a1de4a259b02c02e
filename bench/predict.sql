-- Tables and peers of bench/predict.sh. Variables: data (test/data).
CREATE EXTENSION IF NOT EXISTS pg_mosaic;
CREATE EXTENSION IF NOT EXISTS plpython3u;
SELECT import_model('fashion', :'data' || '/models/fashion_base.onnx') IS NOT NULL AS imported;

-- The weights of an ONNX file of Gemm layers, as torch tensors, kept in the session; one thread.
CREATE FUNCTION torch_load(path text) RETURNS void LANGUAGE plpython3u AS $$
import struct
import numpy
import torch

def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, data[at:at + size]
            at += size
        else:
            at += 8 if key & 7 == 1 else 4

torch.set_num_threads(1)
model = open(path, "rb").read()
graph = next(value for number, value in fields(model) if number == 7)
tensors = []
for number, value in fields(graph):
    if number == 5:
        parts = list(fields(value))
        dims = [v if isinstance(v, int) else None for n, v in parts if n == 1]
        raw = next(v for n, v in parts if n == 9)
        name = next(v for n, v in parts if n == 8).decode()
        tensors.append((name, torch.from_numpy(numpy.frombuffer(raw, numpy.float32).reshape(dims).copy())))
tensors.sort(key=lambda t: t[0])
biases = [t for n, t in tensors if t.dim() == 1]
weights = [t for n, t in tensors if t.dim() == 2]
layers = list(zip(weights, biases))

def classes(rows):
    with torch.no_grad():
        x = torch.tensor(rows, dtype=torch.float32)
        for i, (w, b) in enumerate(layers):
            x = torch.nn.functional.linear(x, w, b)
            if i + 1 < len(layers):
                x = torch.relu(x)
        return x.argmax(1).tolist()

GD["classes"] = classes
$$;
-- row by row, as most write it
CREATE FUNCTION torch_class(x real[]) RETURNS int LANGUAGE plpython3u AS $$
return GD["classes"]([x])[0]
$$;
-- in batches, as well as it can be done
CREATE FUNCTION torch_classes(query text) RETURNS TABLE (id int, class int) LANGUAGE plpython3u AS $$
cursor = plpy.cursor(query)
while True:
    rows = cursor.fetch(1024)
    if not rows:
        return
    for row, c in zip(rows, GD["classes"]([r["x"] for r in rows])):
        yield row["id"], c
$$;
