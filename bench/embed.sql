-- Tables and peers of bench/embed.py. Variables: model (a folder), reviews (a file), n_short, part (rows of the _part tables).
CREATE EXTENSION pg_mosaic;
CREATE EXTENSION plpython3u;
SELECT import_model('minilm', :'model');
SELECT set_pooling('minilm', 'mean', true);
CREATE TABLE review (id int, body text);
COPY review FROM :'reviews' (FORMAT csv);
-- Texts of so many tokens: cut, made text again, and that is what is counted.
CREATE FUNCTION cut(body text, tokens int) RETURNS text LANGUAGE sql AS
$$ SELECT detokenize('minilm', (tokenize('minilm', body, truncate => false))[2:tokens - 1]) $$;
CREATE TABLE short AS SELECT id, cut(body, 8 + id * 7919 % 57) AS body FROM review WHERE id < :n_short;
CREATE TABLE mixed AS SELECT id, cut(body, 16 + id * 7919 % 241) AS body FROM review WHERE id >= :n_short;
ALTER TABLE short ADD ids int[];
ALTER TABLE mixed ADD ids int[];
UPDATE short SET ids = tokenize('minilm', body);
UPDATE mixed SET ids = tokenize('minilm', body);
CREATE TABLE short_few AS SELECT * FROM short ORDER BY id LIMIT 64;
CREATE TABLE mixed_few AS SELECT * FROM mixed ORDER BY id LIMIT 64;
CREATE TABLE short_part AS SELECT * FROM short ORDER BY id LIMIT :part;
CREATE TABLE mixed_part AS SELECT * FROM mixed ORDER BY id LIMIT :part;
VACUUM (FULL, ANALYZE);
CREATE UNLOGGED TABLE vector (id int, v real[]);

CREATE FUNCTION torch_load(peers text, path text) RETURNS void LANGUAGE plpython3u AS $$
import sys
sys.path.insert(0, peers)
import bert
GD["bert"] = bert.TorchBert(path, 12)
$$;
-- in batches from a cursor, as whoever knows how writes it
CREATE FUNCTION torch_embed(relation text) RETURNS TABLE (id int, v real[]) LANGUAGE plpython3u AS $$
cursor = plpy.cursor("SELECT id, ids FROM " + relation)
while True:
    rows = cursor.fetch(32)
    if not rows:
        return
    for row, vector in zip(rows, GD["bert"].vectors([r["ids"] for r in rows]).tolist()):
        yield row["id"], vector
$$;
