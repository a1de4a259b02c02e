-- What is looked up by a class: elements of arrays, subqueries, joins. Batched, and computed once a row.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
SET max_parallel_workers_per_gather = 0;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT i.tensors FROM import_model('iris', :'models' || '/iris.onnx') i;
CREATE TABLE t AS SELECT i AS id, ARRAY[4 + i % 4 + 0.1, 2 + i % 3, 1 + i % 6, i % 3 * 0.9]::real[] AS x FROM generate_series(1, 1000) i;
CREATE TABLE species (id int PRIMARY KEY, name text, lo int, hi int);
INSERT INTO species VALUES (0, 'setosa', 0, 0), (1, 'versicolor', 1, 1), (2, 'virginica', 2, 2);
CREATE TABLE empty (id int, name text);
CREATE TABLE flowers AS SELECT id, name, x FROM species JOIN (VALUES (0, '{5.1,3.5,1.4,0.2}'::real[]), (1, '{6,2.7,4.2,1.3}'), (2, '{7,3,6,2.2}')) v (id, x) USING (id);
ANALYZE;
-- the plan, and the results with and without batches
CREATE FUNCTION show(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; batched text; plain text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
    CONTINUE WHEN line ~ '^ *(Output|Hash Key|Inner Unique|Disabled)'; -- the last one since 18
    RETURN NEXT line;
  END LOOP;
  EXECUTE 'SELECT md5(string_agg(q::text, '','' ORDER BY q::text)) FROM (' || query || ') q' INTO batched;
  SET LOCAL pg_mosaic.batch = off;
  EXECUTE 'SELECT md5(string_agg(q::text, '','' ORDER BY q::text)) FROM (' || query || ') q' INTO plain;
  SET LOCAL pg_mosaic.batch = on;
  RETURN NEXT format('same: %s', batched = plain);
END $$;
-- elements of an array
SELECT show($$SELECT id, (ARRAY['setosa', 'versicolor', 'virginica'])[1 + predict_class('iris', x)] AS name FROM t$$);
SELECT show($$SELECT id, ('{setosa,versicolor,virginica}'::text[])[1 + predict_class('iris', x)] AS name FROM t WHERE (ARRAY[id, -id])[1 + predict_class('iris', x) / 2] < 0$$);
SELECT show($$SELECT id, (CASE WHEN id % 2 = 0 THEN '{setosa,versicolor,virginica}'::text[] END)[1 + predict_class('iris', x)] AS name FROM t$$);
-- a subquery
SELECT show($$SELECT id, (SELECT name FROM species s WHERE s.id = predict_class('iris', t.x)) AS name FROM t$$);
SELECT show($$SELECT id, (SELECT name FROM species s WHERE predict_class('iris', t.x) BETWEEN lo AND hi) AS name, (SELECT count(*) FROM species s WHERE s.id >= predict_class('iris', t.x)) FROM t$$);
SELECT show($$SELECT id FROM t WHERE (SELECT name FROM species s WHERE s.id = predict_class('iris', t.x)) = 'virginica'$$);
SELECT show($$SELECT id, (SELECT (ARRAY['a', 'b', 'c'])[1 + predict_class('iris', t.x)]) AS name FROM t$$);
SELECT show($$SELECT id, ARRAY(SELECT name || predict_class('iris', t.x) FROM species s ORDER BY 1) AS names FROM t$$);
-- a subquery within a subquery
SELECT show($$SELECT id, (SELECT s.name || (SELECT r.name FROM species r WHERE r.id = predict_class('iris', s.x) AND r.id >= s.id - 5) FROM flowers s WHERE s.id = predict_class('iris', t.x)) AS names FROM t$$);
-- one that the keys of a hash table are made by
CREATE TABLE few AS SELECT * FROM t WHERE id <= 30;
CREATE TABLE many AS SELECT i % 3 AS id FROM generate_series(1, 300) i;
ANALYZE few, many;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT show($$SELECT b.id AS b, count(*), sum(f.id) FROM many b JOIN few f ON b.id = (SELECT s.id FROM species s WHERE s.id = predict_class('iris', f.x)) GROUP BY 1$$);
-- the side that is hashed
SELECT show($$SELECT b.id, f.id AS f, predict_class('iris', f.x) AS class FROM many b JOIN few f ON b.id = predict_class('iris', f.x)$$);
SELECT show($$SELECT b.id, count(f.id), sum(predict_class('iris', coalesce(f.x, '{5,3,1,0}'))) FROM many b LEFT JOIN few f ON b.id = predict_class('iris', f.x) + 1 AND b.id < predict_class('iris', f.x) + 2 GROUP BY 1$$);
SELECT show($$SELECT b.id FROM many b WHERE EXISTS (SELECT FROM few f WHERE b.id = predict_class('iris', f.x) AND f.id > 25)$$);
RESET enable_mergejoin;
RESET enable_nestloop;
-- what a subquery delivers is made only for rows that pass its conditions
CREATE TABLE mixed AS SELECT id, x FROM t WHERE id <= 20;
INSERT INTO mixed VALUES (21, '{1,2}');
SELECT count((SELECT predict_class('iris', m.x) WHERE cardinality(m.x) = 4)), count((SELECT name || predict_class('iris', m.x) FROM species s WHERE s.id = m.id - 1)) FROM mixed m;
SELECT count((SELECT name FROM species s WHERE cardinality(m.x) = 4 AND s.id = predict_class('iris', m.x))), count((SELECT count(*) FROM species s WHERE s.id = m.id GROUP BY s.name HAVING min(s.id) < predict_class('iris', m.x))) FROM mixed m;
SELECT count(n.c) FROM mixed m LEFT JOIN LATERAL (SELECT predict_class('iris', m.x) AS c FROM species s WHERE s.id = m.id OFFSET 0) n ON true;
SELECT count((SELECT name FROM species s WHERE s.id = predict_class('iris', m.x))) FROM mixed m;
-- joins on the class
SELECT show($$SELECT t.id, s.name FROM t JOIN species s ON s.id = predict_class('iris', t.x)$$);
SELECT show($$SELECT t.id, s.name, predict_class('iris', t.x) AS class FROM t LEFT JOIN species s ON s.id = predict_class('iris', t.x) AND s.name <> 'setosa'$$);
SELECT show($$SELECT s.name, count(*) FROM t JOIN species s ON s.id = predict_class('iris', t.x) GROUP BY s.name$$);
SELECT show($$SELECT t.id FROM t WHERE EXISTS (SELECT FROM species s WHERE s.id = predict_class('iris', t.x) AND s.name < 'v')$$);
SELECT show($$SELECT t.id, s.name FROM t JOIN species s ON predict_class('iris', t.x) BETWEEN s.lo AND s.hi$$);
SELECT show($$SELECT t.id, s.name FROM t FULL JOIN species s ON s.id = predict_class('iris', t.x) + 1$$);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT show($$SELECT t.id, s.name FROM t JOIN species s ON s.id = predict_class('iris', t.x)$$);
SET enable_seqscan = off;
SET enable_material = off;
SELECT show($$SELECT t.id, s.name, predict_class('iris', t.x) AS class FROM t JOIN species s ON s.id = predict_class('iris', t.x)$$);
SET enable_indexscan = off;
SELECT show($$SELECT t.id, s.name FROM t LEFT JOIN species s ON s.id = predict_class('iris', t.x)$$);
RESET enable_indexscan;
SELECT show($$SELECT t.id, n.name FROM t, LATERAL (SELECT name FROM species s WHERE s.id <= predict_class('iris', t.x) ORDER BY s.id DESC LIMIT 1) n$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_seqscan;
RESET enable_material;
-- a function in FROM
SELECT show($$SELECT id, p[3] AS p, n FROM t, LATERAL predict('iris', t.x) WITH ORDINALITY l (p, n) WHERE p[2] < 0.5$$);
SELECT show($$SELECT id, p, c FROM t, ROWS FROM (unnest(t.x), predict_class('iris', t.x)) l (p, c) WHERE id % 3 = 0$$);
SELECT show($$SELECT id, label, p FROM t, jsonb_each_text(predict_proba('iris', x)) e (label, p)$$);
SELECT show($$SELECT id, p FROM t LEFT JOIN LATERAL predict_class('iris', CASE WHEN id % 2 = 0 THEN t.x END) p ON p > 0$$);
-- once a row: how often the model is asked
SELECT mosaic.stat_reset();
SELECT count(s.name) FROM t JOIN species s ON s.id = predict_class('iris', t.x);
SELECT rows, batched_rows FROM mosaic.stat_models;
SELECT mosaic.stat_reset();
SELECT count(b.id) FROM many b JOIN few f ON b.id = predict_class('iris', f.x);
SELECT rows, batched_rows FROM mosaic.stat_models;
SELECT mosaic.stat_reset();
SELECT count((SELECT name FROM species s WHERE s.id = predict_class('iris', t.x))), count((ARRAY['setosa', 'versicolor', 'virginica'])[1 + predict_class('iris', x)]) FROM t;
SELECT rows, batched_rows FROM mosaic.stat_models;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT mosaic.stat_reset();
SELECT count(s.name) FROM t JOIN species s ON s.id = predict_class('iris', t.x);
SELECT rows, batched_rows FROM mosaic.stat_models;
RESET enable_hashjoin;
RESET enable_mergejoin;
-- a row that cannot be predicted is an error when it is reached
INSERT INTO t VALUES (1001, '{1,2}');
SELECT (ARRAY['a', 'b', 'c'])[1 + predict_class('iris', x)], (SELECT name FROM species s WHERE s.id = predict_class('iris', t.x)) FROM t LIMIT 3;
SELECT count((SELECT name FROM species s WHERE s.id = predict_class('iris', t.x))) FROM t;
SELECT count(*) FROM t JOIN species s ON s.id = predict_class('iris', t.x);
SELECT count(*) FROM t JOIN empty s ON s.id = predict_class('iris', t.x);
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE t, species, empty, flowers, few, many, mixed;
DROP FUNCTION show(text);
