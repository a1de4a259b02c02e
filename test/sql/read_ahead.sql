-- What reading ahead must not change: the rows that WHERE CURRENT OF meets, windows that end early, side effects and errors.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT blocks > 0 AS imported FROM import_model('iris', :'data' || '/models/iris.onnx');
CREATE TABLE t (id int PRIMARY KEY, x real[]);
INSERT INTO t SELECT i, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[] FROM generate_series(1, 200) i;
ANALYZE t;

-- WHERE CURRENT OF over partitions: a scan that has ended, at either side, is on no row
CREATE TABLE q (k int, id int, x real[]) PARTITION BY LIST (k);
CREATE TABLE q0 PARTITION OF q FOR VALUES IN (0);
CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1);
INSERT INTO q SELECT id / 20, id, x FROM t WHERE id < 40;
SELECT predict_class('iris', x) AS p, k, min(id), max(id), count(*) FROM q GROUP BY 1, 2 ORDER BY 1, 2;
-- The row that a cursor's moves end on, and those that a statement then deletes, for once.
CREATE FUNCTION met(batch boolean, query text, moves text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c refcursor := 'c'; r record; move text; result text;
BEGIN
  PERFORM set_config('pg_mosaic.batch', batch::text, true);
  OPEN c SCROLL FOR EXECUTE query;
  FOREACH move IN ARRAY moves LOOP
    EXECUTE 'MOVE ' || move || ' FROM c';
  END LOOP;
  FETCH RELATIVE 0 FROM c INTO r;
  result := r::text;
  FOR r IN DELETE FROM q WHERE CURRENT OF c RETURNING tableoid::regclass, id LOOP
    result := result || ' ' || r::text;
  END LOOP;
  RAISE EXCEPTION '%', result USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
  RETURN SQLERRM;
END $$;
SELECT query ~ 'WHERE' AS qual, moves, met(true, query, moves), met(true, query, moves) = met(false, query, moves) AS same
  FROM (VALUES ('SELECT id, predict_class(''iris'', x) FROM q'), ('SELECT id FROM q WHERE predict_class(''iris'', x) = 0')) v (query),
       (VALUES ('{1}'::text[]), ('{5}'), ('{15}'), ('{23}'), ('{ABSOLUTE 14, PRIOR}'), ('{ABSOLUTE 15, PRIOR}'), ('{ABSOLUTE 20, PRIOR}'), ('{ABSOLUTE 21, PRIOR}'),
        ('{ABSOLUTE 21, BACKWARD 9, 10}'), ('{FORWARD ALL, PRIOR}'), ('{LAST}')) m (moves);
BEGIN;
DECLARE c CURSOR FOR SELECT k, id, predict_class('iris', x) FROM q;
MOVE 22 FROM c;
DELETE FROM q WHERE CURRENT OF c RETURNING tableoid::regclass, id;
ROLLBACK;

-- windows that end where their condition no longer holds, whatever else is selected, in whatever order
CREATE TABLE big (id bigint PRIMARY KEY, a bigint, b bigint, x real[]);
INSERT INTO big SELECT id, 100, id % 2, x FROM t;
ANALYZE big;
CREATE FUNCTION nodes(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ 'Predict|WindowAgg|Run Condition' THEN RETURN NEXT regexp_replace(regexp_replace(line, '^[ >-]*', ''), ' OVER .*(<|>)', ' \1'); END IF;
  END LOOP;
END $$;
CREATE FUNCTION rows(batch boolean, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
  PERFORM set_config('pg_mosaic.batch', batch::text, true);
  EXECUTE 'SELECT string_agg(s::text, '' '') FROM (' || query || ') s' INTO result;
  RETURN result;
END $$;
SELECT bool_and(rows(true, query) IS NOT DISTINCT FROM rows(false, query)) AS same, count(rows(true, query)) AS queries, min(array_length(string_to_array(rows(true, query), ' '), 1)) AS least FROM
  (SELECT format('SELECT * FROM (SELECT %s FROM big) s WHERE %s', list, condition) AS query FROM
    (VALUES ('predict_class(''iris'', x) + a + b AS p, row_number() OVER (PARTITION BY b ORDER BY id) AS n, id, count(*) OVER (PARTITION BY b ORDER BY id) AS m'),
            ('predict_class(''iris'', x) AS p, x, row_number() OVER (ORDER BY id) AS n, count(*) OVER (ORDER BY id) AS m'),
            ('predict_class(''iris'', x) AS p, x, id, row_number() OVER (ORDER BY id) AS n, rank() OVER (PARTITION BY b ORDER BY id) AS m'),
            ('rank() OVER (ORDER BY id) AS n, a, dense_rank() OVER (ORDER BY id) AS m, predict(''iris'', x), id'),
            ('a, b, predict_class(''iris'', x) + row_number() OVER (ORDER BY id DESC) AS p, row_number() OVER (ORDER BY id DESC) AS m, count(*) OVER (PARTITION BY b ORDER BY id) AS n')) l (list),
    (VALUES ('n <= 3'), ('n < 4 AND m <= 2'), ('m < 5')) w (condition)) q;
SELECT nodes($$SELECT * FROM (SELECT predict_class('iris', x) + a + b AS p, row_number() OVER (PARTITION BY b ORDER BY id) AS n, id FROM big) s WHERE n <= 3$$);
SELECT * FROM (SELECT predict_class('iris', x) + a + b AS p, row_number() OVER (PARTITION BY b ORDER BY id) AS n, id FROM big) s WHERE n <= 3;
PREPARE top(int) AS SELECT id, p FROM (SELECT predict_class('iris', x) AS p, x, row_number() OVER (PARTITION BY b ORDER BY id) AS n, id FROM big) s WHERE n <= $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE top(1);
EXECUTE top(2);
RESET plan_cache_mode;

-- what a row does that nobody has asked for is not done: the first two rows of a cursor, or the error they come with
CREATE SEQUENCE sq;
CREATE TABLE c (id int, name text);
INSERT INTO c VALUES (1, 'a'), (2, 'b'), (3, 'c');
CREATE TABLE one (i int, z int);
INSERT INTO one VALUES (1, 0);
CREATE TABLE late (id int PRIMARY KEY, y int);
INSERT INTO late VALUES (3, 3), (4, 4);
CREATE TABLE parts (id int, y int) PARTITION BY LIST (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES IN (1, 2);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES IN (3, 4);
INSERT INTO parts VALUES (1, 1), (2, 2), (3, 3), (4, 4);
ANALYZE;
CREATE FUNCTION vol(i int) RETURNS SETOF int LANGUAGE plpgsql VOLATILE ROWS 1 AS $$ BEGIN PERFORM nextval('sq'); RETURN NEXT i; END $$;
CREATE FUNCTION vol1(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM nextval('sq'); RETURN i; END $$;
CREATE FUNCTION fails_at(i int, at int) RETURNS SETOF int LANGUAGE plpgsql STABLE ROWS 1 AS $$ BEGIN IF i = at THEN RAISE EXCEPTION 'met %', i; END IF; RETURN NEXT i; END $$;
CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE EXCEPTION 'met'; END $$;
CREATE FUNCTION mine() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION two(batch boolean, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE c refcursor; r record; result text := ''; zero int := 0;
BEGIN
  PERFORM set_config('pg_mosaic.batch', batch::text, true), setval('sq', 1);
  OPEN c FOR EXECUTE query USING zero;
  FOR i IN 1 .. 2 LOOP
    FETCH c INTO r;
    result := result || r::text;
  END LOOP;
  CLOSE c;
  RETURN result || ' ' || currval('sq');
EXCEPTION WHEN raise_exception OR division_by_zero OR invalid_row_count_in_limit_clause OR invalid_tablesample_argument OR data_exception THEN
  RETURN result || ' ' || SQLERRM;
END $$;
CREATE FUNCTION ahead(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
  PERFORM set_config('pg_mosaic.batch', 'on', true);
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || replace(query, '$1', '0') LOOP
    found := found OR line ~ 'Predict';
  END LOOP;
  RETURN found;
END $$;
-- All of them with nested loops: hashes and sorts read their input first.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET plan_cache_mode = force_generic_plan;
CREATE TABLE queries (n serial, query text);
INSERT INTO queries (query) VALUES
  ('SELECT t.id, currval(''sq''), P FROM (SELECT * FROM t WHERE id < 9) t, LATERAL vol(t.id) f'),
  ('SELECT t.id, P FROM (SELECT * FROM t WHERE id < 9) t, LATERAL (SELECT id FROM c WHERE c.id = t.id OFFSET vol1(0)) f'),
  ('SELECT t.id, P FROM (SELECT * FROM t WHERE id < 9) t, LATERAL (SELECT id FROM c TABLESAMPLE bernoulli(vol1(100 + 0 * t.id))) f'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT vol1(c.id) FROM c WHERE c.id = t.id ORDER BY c.id OFFSET 0) f'),
  ('SELECT t.id, P FROM t WHERE id < 9 AND CASE WHEN id = 3 THEN (SELECT vol1(1)) ELSE 1 END = 1'),
  ('SELECT t.id, P FROM t WHERE id < 9 AND CASE WHEN id = 3 THEN (SELECT count(*) FROM vol(1)) ELSE 1 END = 1'),
  ('SELECT t.id, P FROM t, LATERAL fails_at(t.id, 3) f'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT * FROM c LIMIT CASE WHEN t.id = 3 THEN -1 ELSE 1 END) s'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT * FROM c OFFSET CASE WHEN t.id = 3 THEN -1 ELSE 2 END) s'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT id FROM c TABLESAMPLE bernoulli(CASE WHEN t.id = 3 THEN -1 ELSE 100 END) LIMIT 1) f'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT id FROM c TABLESAMPLE bernoulli(100) REPEATABLE (10 / (3 - t.id)) LIMIT 1) f'),
  ('SELECT t.id, P FROM t, LATERAL XMLTABLE(''/r'' PASSING ((CASE WHEN t.id = 3 THEN ''<r>x</r>'' ELSE ''<r>1</r>'' END)::xml) COLUMNS v int PATH ''.'') f'),
  ('SELECT t.id, P FROM t WHERE id < 10 AND (CASE WHEN id = 3 THEN (SELECT i / z FROM one) ELSE 1 END) = 1'),
  ('SELECT t.id, P FROM t WHERE id < 10 AND (id <> 3 OR id = (SELECT i / z FROM one))'),
  ('SELECT t.id, P FROM t WHERE id < 10 AND CASE WHEN id = 3 THEN fails() ELSE 1 END = 1'),
  ('SELECT t.id, P FROM t WHERE id < 10 AND CASE WHEN id = 3 THEN 1 / $1 ELSE 1 END = 1'),
  ('SELECT t.id, P FROM t LEFT JOIN LATERAL (SELECT c.id FROM c WHERE c.id = 10 / (t.id - 3) OFFSET 0) f ON true'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT c.id FROM c WHERE c.id = 1 + 0 / (3 - t.id) ORDER BY c.id OFFSET 0) f'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT 1 AS s WHERE t.id <> 3 UNION ALL SELECT 1 / (t.id - 3) WHERE t.id = 3) f'),
  ('SELECT t.id, P FROM t LEFT JOIN LATERAL (SELECT y FROM parts WHERE parts.id = 10 / (3 - t.id) OFFSET 0) f ON true'),
  ('SELECT t.id, P FROM (SELECT * FROM t WHERE id < 3 UNION ALL SELECT f, ARRAY[1,2,3,4] FROM vol(3) f) t, (SELECT 1 OFFSET 0) o'),
  ('SELECT t.id, P FROM (SELECT * FROM t WHERE id < 3 UNION ALL SELECT fails(), ARRAY[1,2,3,4]) t, (SELECT 1 OFFSET 0) o'),
  ('SELECT t.id, P FROM (SELECT id, x FROM t WHERE id < 3 UNION ALL (SELECT * FROM (SELECT id / (id - id) AS f, x FROM t OFFSET 0) s ORDER BY f)) t'),
  ('SELECT t.id, P FROM (SELECT id, x FROM t WHERE id < 3 UNION ALL (SELECT f, ARRAY[1,2,3,4]::real[] FROM fails_at(3, 3) f ORDER BY f)) t'),
  ('SELECT t.id, currval(''sq''), P FROM (SELECT id, x FROM t WHERE id < 3 UNION ALL (SELECT * FROM (SELECT vol1(id) AS f, x FROM t WHERE id < 5 OFFSET 0) s ORDER BY f)) t'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT c.id FROM c WHERE c.id = (SELECT 1 + 0 / (3 - t.id) FROM one) OFFSET 0) f'),
  ('SELECT t.id, currval(''sq''), P FROM t, LATERAL (SELECT c.id FROM c WHERE c.id = (SELECT 1 + 0 * vol1(t.id) FROM one) OFFSET 0) f'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT c.id FROM c LIMIT (SELECT CASE WHEN t.id = 3 THEN -1 ELSE 1 END FROM one)) f'),
  ('SELECT t.id, P FROM (SELECT id, x FROM t WHERE id < 3 UNION ALL SELECT id, x FROM t WHERE id > 1 / $1) t'),
  ('SELECT t.id, P FROM t WHERE (t.id, 0) < (3, 1 / $1)');
SELECT n, two(true, replace(query, 'P ', 'predict_class(''iris'', t.x) ')) AS rows, two(true, replace(query, 'P ', 'predict_class(''iris'', t.x) ')) = two(false, replace(query, 'P ', 'predict_class(''iris'', t.x) ')) AS same
  FROM queries ORDER BY n;
-- the first row is the second child's
SET enable_seqscan = off;
SELECT two(true, query) AS rows, two(true, query) = two(false, query) AS same FROM (SELECT 'SELECT t.id, predict_class(''iris'', t.x) FROM t, LATERAL
  (SELECT late.id FROM late WHERE late.id = t.id AND late.y > (SELECT fails() FROM one) UNION ALL SELECT 0) f' AS query) q;
RESET enable_seqscan;
-- or an inner row's that no outer one matches
CREATE TABLE late2 AS SELECT i AS id, i AS y FROM generate_series(3, 20000) i;
ALTER TABLE late2 ADD PRIMARY KEY (id);
ANALYZE late2;
SET enable_hashjoin = on;
-- (which rows come before an error is the planner's)
SELECT two(true, query) = two(false, query) AS same FROM (VALUES ('SELECT t.id, predict_class(''iris'', t.x) FROM t, LATERAL (SELECT o.z FROM
  (SELECT late2.id FROM late2 WHERE late2.id = t.id AND late2.y > (SELECT fails() FROM one)) l FULL JOIN one o ON l.id = o.i) f'),
  ('SELECT t.id, predict_class(''iris'', t.x) FROM t, LATERAL (SELECT o.z, l.id FROM (SELECT late2.id, late2.y FROM late2 WHERE late2.id > t.id AND t.id > 2 AND late2.y > (SELECT fails() FROM one)) l
    RIGHT JOIN (SELECT 7 z, g i FROM generate_series(1, 1) g OFFSET 0) o ON l.y = o.i) f')) AS q (query);
SET enable_hashjoin = off;
DROP TABLE late2;
-- nor by a query that runs to its end, where it can tell
SELECT setval('sq', 1);
SELECT t.id, currval('sq'), predict_class('iris', t.x) FROM (SELECT * FROM t WHERE id < 4) t, LATERAL vol(t.id) f;
SELECT t.id, currval('sq'), predict_class('iris', t.x) FROM (SELECT * FROM t WHERE id < 4) t, LATERAL (SELECT count(*) FROM (SELECT vol1(c.id) FROM c WHERE c.id >= t.id OFFSET 0) s) f;
-- nor by an input that was not begun for the first row: where a merge meets a key that is null
SET enable_nestloop = off;
SET enable_mergejoin = on;
\set merge 'SELECT t.id, predict_class(''iris'', t.x) FROM (SELECT id, x, CASE WHEN id > 2 THEN id END AS k FROM t WHERE id < 6 OFFSET 0) t LEFT JOIN (SELECT id / (id - id) AS f FROM t OFFSET 0) s ON s.f = t.k ORDER BY t.k NULLS FIRST'
SELECT two(true, :'merge') AS rows, two(true, :'merge') = two(false, :'merge') AS same;
-- nor by the recursive term, whose hash is built anew at each iteration
SET enable_hashjoin = on;
SET enable_mergejoin = off;
SELECT setval('sq', 1);
WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT t.id FROM (SELECT i FROM r WHERE vol1(i) > 0 OFFSET 0) s JOIN t ON t.id = s.i + 1 WHERE t.id < 6)
  SELECT i, currval('sq'), predict_class('iris', ARRAY[i, 2, 3, 4]::real[]) FROM r;
SET enable_hashjoin = off;
SET enable_nestloop = on;
-- what the first row comes to is no reason not to
TRUNCATE queries RESTART IDENTITY;
INSERT INTO queries (query) VALUES
  ('SELECT t.id, P FROM t LIMIT 10'),
  ('SELECT t.id, P FROM t WHERE id > 3 AND id < $1 + 10 LIMIT 10'),
  ('SELECT t.id, P FROM t WHERE id > (SELECT min(id) FROM c) LIMIT 10'),
  ('SELECT t.id, P FROM t WHERE id > mine() LIMIT 10'),
  ('SELECT t.id, P FROM t, c WHERE c.id = t.id LIMIT 10'),
  ('SELECT t.id, P FROM t, c WHERE c.id > mine() LIMIT 10'),
  ('SELECT t.id, P FROM c LEFT JOIN t ON c.id = t.id WHERE c.name > ''a'' LIMIT 10'),
  ('SELECT t.id, P FROM t, LATERAL (SELECT * FROM c WHERE c.id = t.id LIMIT 1) s LIMIT 10'),
  ('SELECT t.id, P FROM t, generate_series(1, 3) g LIMIT 10'),
  ('SELECT t.id, P FROM t, vol(3) f LIMIT 10'),
  ('SELECT t.id, P FROM vol(3) f, t LIMIT 10'),
  ('SELECT t.x[1] AS id, P FROM (SELECT ARRAY[vol, 2, 3, 4]::real[] AS x FROM vol(1) OFFSET 0) t'),
  ('SELECT t.id, P FROM t TABLESAMPLE bernoulli(100) LIMIT 10');
SELECT n, ahead(replace(query, 'P ', 'predict_class(''iris'', t.x) ')) AS batched, two(true, replace(query, 'P ', 'predict_class(''iris'', t.x) ')) = two(false, replace(query, 'P ', 'predict_class(''iris'', t.x) ')) AS same
  FROM queries ORDER BY n;
RESET ALL;
SET client_min_messages = warning;

-- a plan of 1,500 columns: each is found again
DO $$ BEGIN
  EXECUTE (SELECT format('CREATE TABLE wide AS SELECT id, x, %s FROM t WHERE id < 10', string_agg(format('id + %s AS c%s', i, i), ', ')) FROM generate_series(1, 1500) i);
END $$;
PREPARE wide AS SELECT md5(string_agg(w::text, ';' ORDER BY id)) AS rows FROM (SELECT *, predict_class('iris', x) AS class FROM wide WHERE c1500 > 1503) w;
SET pg_mosaic.batch = on;
EXECUTE wide \gset on_
SET pg_mosaic.batch = off;
EXECUTE wide \gset off_
SELECT :'on_rows' = :'off_rows' AS same;
RESET pg_mosaic.batch;
DEALLOCATE wide;
DROP FUNCTION met, nodes, rows, two, ahead, vol, vol1, fails_at, fails, mine;
DROP TABLE q, t, big, c, one, late, parts, queries, wide;
DROP SEQUENCE sq;
DROP EXTENSION pg_mosaic CASCADE;
