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
    IF line ~ 'Predict|WindowAgg|Run Condition' THEN RETURN NEXT regexp_replace(line, '^[ >-]*', ''); END IF;
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

DROP FUNCTION met, nodes, rows;
DROP TABLE q, t, big;
DROP EXTENSION pg_mosaic CASCADE;
