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

DROP FUNCTION met;
DROP TABLE q, t;
DROP EXTENSION pg_mosaic CASCADE;
