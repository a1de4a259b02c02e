-- Search by meaning in 5,000 reviews, and a second look at the best by a model of pairs.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set phrases :data '/phrases.csv'
\set reviews :data '/reviews'
\set reranker :data '/reranker'
CREATE TABLE phrase (id int, subject text, phrase text);
COPY phrase FROM :'phrases' (FORMAT csv, HEADER);
-- Reviews of made-up hotels: two sentences on one subject, one on another.
CREATE TABLE review (id int PRIMARY KEY, body text NOT NULL);
INSERT INTO review SELECT i, concat_ws('. ', a.phrase, b.phrase, c.phrase) || '.' FROM generate_series(1, 5000) i
  JOIN phrase a ON a.id = 1 + i * 7 % 120 JOIN phrase b ON b.id = a.id - (a.id - 1) % 10 + (a.id + i / 120 % 9) % 10 JOIN phrase c ON c.id = 1 + (i * 89 + i / 120 * 37 + 55) % 120;

-- Two statements: import a folder as sentence-transformers writes it, and order the table by likeness.
SELECT model, i.tensors, i.blocks FROM import_model('reviews', :'reviews') i;
CREATE FUNCTION inner_product(a real[], b real[]) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT sum(x::float8 * y) FROM unnest(a, b) u (x, y) $$;
SELECT id, round(inner_product(embed('reviews', body), embed('reviews', 'where to swim'))::numeric, 3) AS likeness, left(body, 100) AS begins FROM review ORDER BY likeness DESC, id LIMIT 3;

-- Asked more than once, keep the vectors: a column that the database fills. (With pgvector: vector(32), and an index USING hnsw.)
SELECT content_id('reviews') AS content \gset
ALTER TABLE review ADD embedding real[] GENERATED ALWAYS AS (embed(:'content'::uuid, body)) STORED;
INSERT INTO review VALUES (5001, 'One can bathe in the river behind the house.');
SELECT count(*), count(*) FILTER (WHERE embedding = embed('reviews', body)) AS same FROM review;
PREPARE search(text) AS SELECT id, round(inner_product(embedding, q.e)::numeric, 3) AS likeness, left(body, 100) AS begins
  FROM review, (SELECT embed('reviews', $1) AS e OFFSET 0) q ORDER BY likeness DESC, id LIMIT 3;
EXECUTE search('working with a laptop');
EXECUTE search('could not sleep');
EXECUTE search('something for a vegetarian');

-- The vector of a text is an average. A model of pairs looks at the words: the best 50 are ordered anew, in one batch by the plan.
SELECT model, i.tensors, i.blocks, i.blocks_shared AS of_them_shared FROM import_model('reranker', :'reranker') i;
EXPLAIN (COSTS OFF)
SELECT id FROM (SELECT id, body FROM review ORDER BY inner_product(embedding, embed('reviews', 'is the pool closed')) DESC LIMIT 50) best
 ORDER BY (predict('reranker', 'is the pool closed', body))[1] DESC LIMIT 3;
SELECT id, round((predict('reranker', 'is the pool closed', body))[1]::numeric, 3) AS score, left(body, 100) AS begins
  FROM (SELECT id, body FROM review ORDER BY inner_product(embedding, embed('reviews', 'is the pool closed')) DESC, id LIMIT 50) best ORDER BY score DESC, id LIMIT 3;

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE phrase, review;
DROP FUNCTION inner_product(real[], real[]);
