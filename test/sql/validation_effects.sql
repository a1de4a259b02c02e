-- What a validation query or a metric does besides returning numbers: refused, or undone.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
RESET client_min_messages;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
CREATE TABLE irises AS SELECT i, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[] AS x FROM generate_series(1, 8) i;
CREATE TEMP TABLE notes (note text);
CREATE TEMP TABLE noted (note text);
CREATE SEQUENCE counter;
CREATE FUNCTION effect(what text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  CASE what
    WHEN 'table' THEN INSERT INTO irises VALUES (0, '{}');
    WHEN 'sequence' THEN PERFORM nextval('counter');
    WHEN 'create' THEN CREATE TABLE made (i int);
    WHEN 'drop' THEN PERFORM drop_model('m');
    WHEN 'writable' THEN SET transaction_read_only = off;
    WHEN 'object' THEN PERFORM lo_create(0);
    WHEN 'object filled' THEN PERFORM lo_from_bytea(0, 'bytes');
    WHEN 'temporary' THEN INSERT INTO notes VALUES ('written');
    WHEN 'setting' THEN PERFORM set_config('mosaic_test.effect', 'set', false);
    WHEN 'search_path' THEN PERFORM set_config('search_path', 'nowhere', false);
    WHEN 'notify' THEN PERFORM pg_notify('effects', 'sent');
    WHEN 'lock' THEN PERFORM pg_advisory_xact_lock(4711);
    WHEN 'session lock' THEN PERFORM pg_advisory_lock(4711);
  END CASE;
  RETURN true;
END $$;
CREATE FUNCTION metric(outputs real[]) RETURNS float8 LANGUAGE sql AS $$ SELECT effect(current_setting('mosaic_test.what'))::int $$;
SELECT blocks FROM import_model('m', :'models' || '/iris.onnx');
LISTEN effects;

CREATE FUNCTION left_behind() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ', (SELECT 'large objects: ' || nullif(count(*), 0) FROM pg_largeobject_metadata),
    (SELECT 'notes: ' || nullif(count(*), 0) FROM notes), (SELECT 'rows: ' || count(*) FROM irises HAVING count(*) <> 8),
    'setting: ' || nullif(current_setting('mosaic_test.effect', true), ''), (SELECT 'counted' FROM counter WHERE is_called),
    'search_path: ' || nullif(current_setting('search_path'), '"$user", public'),
    'read only: ' || nullif(current_setting('transaction_read_only'), 'off'),
    (SELECT 'lock' FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objid = 4711))
$$;
CREATE FUNCTION outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE call;
  RETURN 'runs';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT what, set_config('mosaic_test.what', what, false) = what AS is_set,
  outcome(format('SELECT dedup_model(''m'', %L, ''agreement'')', format('SELECT x FROM irises WHERE effect(%L)', what))) AS query,
  left_behind() AS left_by_query,
  outcome('SELECT plan_dedup(''m'', ''SELECT x FROM irises'', metric_function => ''metric'')') AS metric,
  left_behind() AS left_by_metric
FROM unnest('{table,sequence,create,drop,writable,object,object filled,temporary,setting,search_path,notify,lock}'::text[]) what;
-- of several effects in one transaction, what was there before stays
BEGIN;
INSERT INTO noted VALUES ('before');
SET LOCAL mosaic_test.effect = 'before';
SELECT metric_after FROM dedup_model('m', 'SELECT x FROM irises WHERE effect(''setting'') AND effect(''temporary'')', 'agreement');
SELECT current_setting('mosaic_test.effect'), (SELECT count(*) FROM noted), (SELECT count(*) FROM notes);
INSERT INTO noted VALUES ('the transaction can write');
COMMIT;
SELECT count(*) FROM noted;
-- A lock of the session stays, as it does where a statement fails.
SELECT metric_after FROM dedup_model('m', 'SELECT x FROM irises WHERE effect(''session lock'')', 'agreement');
SELECT left_behind();
SELECT count(pg_advisory_unlock(4711)) FROM generate_series(1, 8);
SELECT left_behind();
-- Rows with values that lie elsewhere outlive the query that made them.
CREATE FUNCTION wide() RETURNS SETOF real[] LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT x FROM wide_rows; END $$;
CREATE TEMP TABLE wide_rows (x real[]);
ALTER TABLE wide_rows ALTER x SET STORAGE EXTERNAL;
CREATE FUNCTION fill() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO wide_rows SELECT (SELECT array_agg((i * j % 97 / 97.0)::real) FROM generate_series(1, 784) j) FROM generate_series(1, 8) i;
  RETURN true;
END $$;
SELECT blocks FROM import_model('wide', :'models' || '/fashion_base.onnx');
SELECT metric_after FROM dedup_model('wide', 'SELECT x FROM fill() f, LATERAL wide() x WHERE f', 'agreement');
SELECT count(*) FROM wide_rows;

UNLISTEN effects;
DROP FUNCTION wide, fill, outcome, left_behind, metric, effect;
DROP SEQUENCE counter;
DROP TABLE irises, notes, noted, wide_rows;
DROP EXTENSION pg_mosaic;
