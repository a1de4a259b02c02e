-- Tables and peers of bench/latency.sh.
CREATE EXTENSION pg_mosaic;
CREATE EXTENSION plpython3u;
CREATE TABLE images (id int PRIMARY KEY, label int, x real[]);
-- The model is loaded by the first call of a session.
CREATE FUNCTION torch_class(path text, peers text, x real[]) RETURNS int LANGUAGE plpython3u AS $$
if path not in GD:
    import sys
    sys.path.insert(0, peers)
    import mlp
    import numpy
    GD["mlp"], GD["numpy"], GD[path] = mlp, numpy, mlp.load_torch(path)
return GD["mlp"].torch_classes(GD[path], GD["numpy"].array([x], "f4"))[0]
$$;
