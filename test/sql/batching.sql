-- Plans predict in batches: where, where not, and with the results and errors of the function.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT blocks > 0 AS imported FROM import_model('iris', :'data' || '/models/iris.onnx');
SELECT blocks > 0 AS imported FROM import_model('other', :'data' || '/models/iris_opset9.onnx');
SELECT blocks > 0 AS imported FROM import_model('text', :'data' || '/models/text_classifier.onnx');
CREATE TABLE t (id int PRIMARY KEY, x real[], a float8, b float8, c float8, d float8, p int, m text);
INSERT INTO t SELECT i, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[], i % 7, i % 5, i % 3, i % 2, NULL, CASE WHEN i % 2 = 0 THEN 'iris' ELSE 'other' END
  FROM generate_series(1, 1000) i;
ANALYZE t;

-- The first query of a connection is batched too: nothing has loaded the module before.
\c -
SET client_min_messages = warning;
EXPLAIN (COSTS OFF) SELECT predict('iris', x) FROM t;

-- The kinds of nodes in a plan, and whether the query has the same result unbatched.
CREATE FUNCTION nodes(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line !~ ':' OR line ~ 'Filter:' THEN RETURN NEXT line; END IF;
  END LOOP;
END $$;
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE one text; two text; way text := 'SELECT string_agg(s::text, E''\n'') FROM (' || query || ') s';
BEGIN
  SET LOCAL pg_mosaic.batch = off;
  EXECUTE way INTO one;
  SET LOCAL pg_mosaic.batch = on;
  EXECUTE way INTO two;
  RETURN one = two;
END $$;
CREATE FUNCTION show(query text) RETURNS TABLE (plan text) LANGUAGE sql AS $$
  SELECT * FROM nodes(query) UNION ALL SELECT 'same: ' || same(query)
$$;

-- projection, quals, order, limit
SELECT show($$SELECT id, predict_class('iris', x) FROM t$$);
SELECT show($$SELECT id FROM t WHERE id > 3 AND predict_class('iris', x) = 1$$);
SELECT show($$SELECT id, predict('iris', x) FROM t WHERE id > 3 AND predict_class('iris', x) = 1 AND predict_class('other', x) = 1$$);
SELECT show($$SELECT id, predict_class('iris', a, b, c, d) AS p FROM t ORDER BY p, id LIMIT 5$$);
-- a sort beneath still knows how many rows LIMIT wants
CREATE FUNCTION sort_method(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ' || query LOOP
    IF line ~ 'Sort Method' THEN RETURN NEXT regexp_replace(line, ' *Memory.*', ''); END IF;
  END LOOP;
END $$;
SELECT sort_method($$SELECT id, predict_class('iris', x) FROM t ORDER BY a, id LIMIT 5 OFFSET 2$$);
SELECT show($$SELECT id, predict_class('iris', x) FROM t ORDER BY a, id LIMIT 5 OFFSET 2$$);
SELECT show($$SELECT id, predict_class(m, x) FROM t$$);
-- aggregates, with calls within, in FILTER and above
SELECT show($$SELECT predict_class('iris', x) AS p, count(*), sum((predict('iris', x))[1]) FILTER (WHERE id > 5) FROM t GROUP BY 1 HAVING count(*) > 1 ORDER BY 1$$);
SELECT show($$SELECT count(*) FILTER (WHERE predict_class('iris', x) = 1), max(predict_class('other', x)) FROM t$$);
SELECT show($$SELECT id % 3 AS g, predict_class('iris', ARRAY[count(*), 1, 2, 3]::real[]) FROM t GROUP BY 1 ORDER BY 1$$);
-- within window functions that are aggregates, over frames that leave out no row
SELECT show($$SELECT id, sum(predict_class('iris', x)) OVER (PARTITION BY a ORDER BY id), count(*) FILTER (WHERE predict_class('other', x) = 1) OVER (PARTITION BY a) FROM t ORDER BY id$$);
SELECT show($$SELECT id, avg((predict('iris', x))[1]) OVER (ORDER BY b RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM t ORDER BY id$$);
SELECT show($$SELECT id, sum(predict_class('iris', x)) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) FROM t ORDER BY id$$);
SELECT show($$SELECT id, sum(predict_class('iris', x)) OVER (PARTITION BY a ORDER BY id GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM t ORDER BY id$$);
SELECT show($$SELECT id, lag(predict_class('iris', x)) OVER (ORDER BY id) FROM t ORDER BY id$$);
SELECT show($$SELECT * FROM (SELECT id, row_number() OVER w AS n, sum(predict_class('iris', x)) OVER w AS s FROM t WINDOW w AS (ORDER BY id)) q WHERE n < 10 ORDER BY id$$);
SELECT show($$SELECT id, rank() OVER (ORDER BY predict_class('iris', x), id) FROM t ORDER BY id$$);
-- joins, subqueries, CTEs, set-returning functions, a model fed by a model
SELECT show($$SELECT t.id, predict_class('iris', t.x) FROM t JOIN t u ON u.id = t.id + 1 ORDER BY 1$$);
SELECT show($$SELECT t.id FROM t JOIN t u ON u.id = t.id + 1 AND predict_class('iris', t.x) < predict_class('other', u.x) ORDER BY 1$$);
SELECT show($$WITH s AS MATERIALIZED (SELECT id, predict_class('iris', x) AS p FROM t) SELECT count(*) FROM s WHERE p = 1$$);
SELECT show($$SELECT id, unnest(predict('iris', x)) FROM t$$);
SELECT show($$SELECT id, predict_class('other', predict('iris', x) || 1::real) FROM t$$);
-- not out of what is evaluated only sometimes
SELECT show($$SELECT id, CASE WHEN id > 500 THEN predict_class('iris', x) END FROM t$$);
SELECT show($$SELECT id FROM t WHERE id < 10 OR predict_class('iris', x) = 1$$);
SELECT show($$SELECT sum(predict_class('iris', x)) FILTER (WHERE id < 10) FROM t$$);
-- not over what reading ahead would do
CREATE SEQUENCE s;
SELECT nodes($$SELECT predict_class('iris', x) FROM (SELECT x, nextval('s') FROM t OFFSET 0) q$$);
SELECT nodes($$SELECT predict_class('iris', x) FROM t WHERE 10 / id > -1 LIMIT 3$$);
SELECT nodes($$SELECT predict_class('iris', ARRAY[1 / a, b, c, d]) FROM t LIMIT 3$$);
-- to the end, that would come to light anyway
SELECT nodes($$SELECT predict_class('iris', ARRAY[1 / a, b, c, d]) FROM t$$);
-- no rows, no batch
SELECT nodes($$SELECT predict_class('iris', ARRAY[1, 2, 3, 4])$$);

-- a value that is used up is not kept, and volatile functions run once a row, in its order
SELECT nextval('s') = id AS each_once FROM (SELECT id, predict_class('iris', x) AS p FROM t ORDER BY id OFFSET 0) q WHERE p >= 0 LIMIT 0;
SELECT count(*), max(n) FROM (SELECT predict_class('iris', x), nextval('s') AS n FROM t LIMIT 5) q;

-- writing
CREATE TABLE r AS SELECT id, predict_class('iris', x) AS p FROM t;
INSERT INTO r SELECT id + 1000, predict_class('other', x) FROM t;
UPDATE t SET p = predict_class('iris', x);
SELECT count(*), bool_and(t.p = r.p) AS same FROM t JOIN r USING (id);
EXPLAIN (COSTS OFF) UPDATE t SET p = predict_class('iris', x);
EXPLAIN (COSTS OFF) INSERT INTO r SELECT id, predict_class('iris', x) FROM t;
EXPLAIN (COSTS OFF) DELETE FROM t WHERE predict_class('iris', x) = 7;
EXPLAIN (COSTS OFF) MERGE INTO r USING t ON r.id = t.id WHEN MATCHED AND predict_class('iris', t.x) = 9 THEN DELETE;
DROP TABLE r;

-- prepared, the model a parameter
PREPARE classes(text) AS SELECT predict_class($1, x) AS p, count(*) FROM t GROUP BY 1 ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE classes('iris');
EXECUTE classes('iris');
EXECUTE classes('nobody');
SET pg_mosaic.batch = off;
EXECUTE classes('iris');
EXPLAIN (COSTS OFF) EXECUTE classes('iris');
RESET pg_mosaic.batch;
RESET plan_cache_mode;

-- PL/pgSQL
DO $$
DECLARE r record; n int := 0; same int := 0;
BEGIN
  FOR r IN SELECT id, predict_class('iris', x) AS p, x FROM t WHERE predict_class('other', x) >= 0 LOOP
    n := n + 1;
    IF r.p = predict_class('iris', r.x) THEN same := same + 1; END IF;
    EXIT WHEN n = 300;
  END LOOP;
  RAISE WARNING '% of %', same, n;
END $$;

-- errors come with the row they belong to
CREATE TABLE bad AS SELECT id, CASE WHEN id = 5 THEN '{1,2}' ELSE x END AS x FROM t ORDER BY id;
-- a window that ends early, over one that would have come to it; a function in FROM that is asked for no row
SET pg_mosaic.batch = off;
SELECT id, s FROM (SELECT id, sum(predict_class('iris', x)) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS s, rank() OVER (ORDER BY id) AS r FROM bad) q WHERE r <= 2;
RESET pg_mosaic.batch;
SELECT id, s FROM (SELECT id, sum(predict_class('iris', x)) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS s, rank() OVER (ORDER BY id) AS r FROM bad) q WHERE r <= 2;
SELECT count(v), count(*) FROM bad, LATERAL (SELECT g.v FROM generate_series(1, CASE WHEN id = 5 THEN 0 ELSE 2 END) i, LATERAL unnest((predict('iris', bad.x))[i:i]) g (v) OFFSET 0) l;
SELECT count(v) FROM bad, LATERAL (SELECT 1 AS v WHERE bad.id = 5 UNION ALL SELECT predict_class FROM predict_class('iris', bad.x) LIMIT 1) l WHERE bad.id = 5;
SELECT id, predict_class('iris', x) FROM bad LIMIT 4;
SELECT id, predict_class('iris', x) FROM bad LIMIT 5;
SELECT id FROM bad WHERE predict_class('iris', x) >= 0 LIMIT 4;
SELECT count(predict_class('iris', x)) FROM bad;
SELECT count(predict_class('iris', x)) FROM bad WHERE id <> 5;
-- a model that is not there is no error where there is no row, or only NULLs
SELECT predict('nobody', x) FROM t WHERE false;
SELECT predict('nobody', NULLIF(x, x)) FROM t LIMIT 1;
SELECT predict('nobody', x) FROM t LIMIT 1;

-- cursors
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, predict_class('iris', x) AS p FROM t WHERE predict_class('other', x) = 0;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH 4 FROM c;
FETCH LAST FROM c;
FETCH PRIOR FROM c;
CLOSE c;
-- WHERE CURRENT OF finds the row that was fetched, not the one read last
DECLARE c CURSOR FOR SELECT id, predict_class('iris', x) AS p FROM t WHERE id > 10;
FETCH 4 FROM c;
UPDATE t SET p = -1 WHERE CURRENT OF c;
FETCH 1 FROM c;
DELETE FROM t WHERE CURRENT OF c;
CLOSE c;
DECLARE c CURSOR FOR SELECT id, predict_class('iris', x) AS p FROM t WHERE id > 10 FOR UPDATE;
FETCH 2 FROM c;
UPDATE t SET p = -2 WHERE CURRENT OF c;
SELECT id, p FROM t WHERE p < 0 ORDER BY id;
SELECT count(*) FROM t WHERE id = 15;
ROLLBACK;
DECLARE held CURSOR WITH HOLD FOR SELECT id, predict_class('iris', x) FROM t LIMIT 2;
FETCH ALL FROM held;
CLOSE held;

-- the right to call the function is checked as ever
CREATE ROLE nobody_special;
GRANT SELECT ON t TO nobody_special;
REVOKE EXECUTE ON FUNCTION predict_class(text, real[]) FROM PUBLIC;
SET ROLE nobody_special;
SELECT predict_class('iris', x) FROM t LIMIT 1;
RESET ROLE;
GRANT EXECUTE ON FUNCTION predict_class(text, real[]) TO PUBLIC;
SET ROLE nobody_special;
SELECT predict_class('iris', x) FROM t LIMIT 1;
RESET ROLE;
DROP OWNED BY nobody_special;
DROP ROLE nobody_special;

-- workers
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT show($$SELECT predict_class('iris', x) AS p, count(*) FROM t GROUP BY 1 ORDER BY 1$$);
SELECT show($$SELECT id, predict_class('iris', x) AS p FROM t WHERE predict_class('other', x) = 0 ORDER BY 1$$);
\set VERBOSITY terse
SELECT count(predict_class('iris', x)) FROM bad;
\set VERBOSITY default
RESET ALL;
SET client_min_messages = warning;

-- as many models as a row names: half of them are another one
SELECT count(i.blocks) FROM generate_series(1, 40) n,
  LATERAL import_model('m' || n, :'data' || '/models/' || CASE WHEN n > 20 THEN 'iris_bfloat16' ELSE 'iris' END || '.onnx') i;
SELECT 'SELECT ' || string_agg(format('predict(%L, x)', 'm' || n), ', ' ORDER BY n) || ' FROM t' AS many FROM generate_series(1, 40) n \gset
SELECT same(:'many');

-- what is the same for all rows is computed once
SELECT mosaic.stat_reset();
SELECT count(*), count(DISTINCT p) AS values, count(DISTINCT c) AS classes FROM (SELECT predict('iris', '{1,2,3,4}'::real[]) AS p, predict_class('other', x) AS c FROM t OFFSET 0) s;
SELECT rows BETWEEN 1 AND 2 AS once FROM mosaic.stat_models WHERE model = 'iris';
SET plan_cache_mode = force_generic_plan;
PREPARE known(real[]) AS SELECT count(*), min(p), max(p), count(*) FILTER (WHERE c <> predict_class('iris', x)) AS wrong FROM (SELECT x, predict('iris', $1) AS p, predict_class('iris', x) AS c FROM t OFFSET 0) s;
EXECUTE known('{1,2,3,4}');
EXECUTE known('{4,3,2,1}');
EXECUTE known(NULL);
EXECUTE known('{1,2}');
RESET plan_cache_mode;
SELECT g, p FROM generate_series(1, 2) g, LATERAL (SELECT (predict('iris', ARRAY[g, 2, 3, 4]::real[]))[1] AS p FROM t OFFSET 0 LIMIT 2) s;
SELECT same($$SELECT predict('nobody', '{1,2,3,4}'::real[]) FROM t WHERE false$$), same($$SELECT x, predict(NULL, '{1,2,3,4}'::real[]), predict('iris', '{1,2,3,4}'::real[]) FROM t LIMIT 3$$);
SELECT id, predict('nobody', '{1,2,3,4}'::real[]) FROM t ORDER BY id LIMIT 2;

-- one call for one row at most: a whole unique key; not a part of one, a range, an index that is not unique, or another type
CREATE TABLE keyed (g int, i int, x real[], n int, PRIMARY KEY (g, i));
INSERT INTO keyed SELECT 1, id, x, id FROM t;
CREATE INDEX ON keyed (n);
ANALYZE keyed;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT * FROM show($$SELECT predict_class('iris', x) FROM t WHERE id = 7$$);
SELECT * FROM show($$SELECT predict_class('iris', x) + 1 FROM keyed WHERE g = 1 AND i = 7 ORDER BY 1 LIMIT 5$$);
SELECT * FROM show($$SELECT g, predict_class('iris', x) FROM keyed WHERE g = 1 AND predict_class('iris', x) = 1$$);
SELECT * FROM show($$SELECT predict_class('iris', x) FROM keyed WHERE g = 1 AND i < 7$$);
SELECT * FROM show($$SELECT predict_class('iris', x) FROM keyed WHERE n = 7$$);
SELECT * FROM show($$SELECT sum(predict_class('iris', x)) FROM t WHERE id = ANY ('{1,7}')$$);
SELECT same($$SELECT a.id, predict_class('iris', b.x) FROM t a JOIN t b ON b.id = a.p + a.id ORDER BY 1$$);
SELECT substring(n FROM 'Custom.*') AS within FROM nodes($$SELECT predict_class('iris', ARRAY[1, 2, 3, 4]::real[]), (SELECT sum(predict_class('iris', x)) FROM t)$$) n WHERE n ~ 'Custom';
SELECT * FROM nodes($$UPDATE t SET p = predict_class('iris', x) WHERE id = 7$$);
-- what is equal is computed once, and a call over the outer row once for all rows of a subquery
SELECT * FROM show($$SELECT p[1], p[2], p[3] FROM (SELECT predict('iris', x) AS p FROM t WHERE id = 7) s$$);
CREATE TABLE times (k timestamp PRIMARY KEY, x real[]);
SELECT * FROM show($$SELECT predict_class('iris', x) FROM times WHERE k = timestamptz '2026-03-08 03:30 America/New_York'$$);
SELECT predict_class('iris', x) FROM t WHERE id = 7;
SELECT mosaic.stat_reset() IS NULL AS reset;
SELECT (SELECT count(*) FROM t b WHERE b.x[1] > predict_class('iris', a.x)) > 0 AS some FROM t a WHERE a.id = 7;
SELECT rows FROM mosaic.stat_models WHERE model = 'iris';
RESET enable_seqscan;
RESET enable_bitmapscan;
DROP TABLE keyed, times;

-- batches end where memory does
SET work_mem = '64kB';
SELECT same($$SELECT id, predict('iris', x), repeat(m, 1000) FROM t$$);
RESET work_mem;

DROP FUNCTION show, same, nodes, sort_method;
DROP TABLE t, bad;
DROP SEQUENCE s;
DROP EXTENSION pg_mosaic CASCADE;
