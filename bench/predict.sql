-- Tables and peers of bench/predict.py. Variables: peers (bench/peers), wide_rows.
CREATE EXTENSION pg_mosaic;
CREATE EXTENSION plpython3u;
CREATE TABLE images (id int, label int, x real[]);
CREATE TABLE wide (id int, label int, x real[]);
SELECT setseed(0.5);
INSERT INTO wide SELECT i, 0, (SELECT array_agg((2 * random() - 1)::real) FROM generate_series(1, 1024) WHERE i > 0)
  FROM generate_series(1, :wide_rows) i;
CREATE UNLOGGED TABLE result (id int, class int);

-- The model stays in the session.
CREATE FUNCTION torch_load(name text, path text) RETURNS void LANGUAGE plpython3u AS $$
import sys
sys.path.insert(0, GD["peers"])
import numpy
import mlp
GD["numpy"], GD["mlp"], GD[name] = numpy, mlp, mlp.load_torch(path)
$$;
CREATE FUNCTION torch_peers(path text) RETURNS void LANGUAGE plpython3u AS $$
GD["peers"] = path
$$;
-- row by row, as most write it
CREATE FUNCTION torch_class(name text, x real[]) RETURNS int LANGUAGE plpython3u AS $$
return GD["mlp"].torch_classes(GD[name], GD["numpy"].array([x], "f4"))[0]
$$;
-- in batches from a cursor
CREATE FUNCTION torch_classes(name text, relation text) RETURNS TABLE (id int, class int) LANGUAGE plpython3u AS $$
cursor = plpy.cursor("SELECT id, x FROM " + relation)
while True:
    rows = cursor.fetch(1024)
    if not rows:
        return
    features = GD["numpy"].array([r["x"] for r in rows], "f4")
    for row, c in zip(rows, GD["mlp"].torch_classes(GD[name], features)):
        yield row["id"], c
$$;
-- the same, with arrays in the server's binary format, which numpy can read without making a list
CREATE FUNCTION torch_classes_binary(name text, relation text) RETURNS TABLE (id int, class int) LANGUAGE plpython3u AS $$
numpy = GD["numpy"]
cursor = plpy.cursor("SELECT id, array_send(x) AS x FROM " + relation)
while True:
    rows = cursor.fetch(1024)
    if not rows:
        return
    # ndim, flags, type, size, lower bound; then length and value of each element
    words = numpy.frombuffer(b"".join(r["x"] for r in rows), ">f4").reshape(len(rows), -1)
    features = words[:, 6::2].astype("f4")
    for row, c in zip(rows, GD["mlp"].torch_classes(GD[name], features)):
        yield row["id"], c
$$;
