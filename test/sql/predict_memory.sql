-- What pg_mosaic.predict_memory bounds: fewer items at a time, with the same bits, or a refusal that says how much it is.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || message, 'HINT: ' || nullif(hint, ''));
END $$;
\pset format unaligned
\pset tuples_only on
SELECT tensors FROM import_model('encoder', :'data' || '/models/encoder_opset17.onnx');
SELECT tensors FROM import_model('live', :'data' || '/cases/many_live.onnx');
SELECT tensors FROM import_model('doubles', :'data' || '/cases/concat40.onnx');
CREATE TABLE texts AS SELECT i AS id, ARRAY(SELECT i * j % 100 + 1 FROM generate_series(1, 64) j) AS x FROM generate_series(1, 200) i;

-- the same bits in groups: of rows that are read ahead, and of an array of many items
CREATE TABLE whole AS SELECT id, predict('encoder', x) AS y FROM texts;
CREATE TABLE whole_array AS SELECT predict('encoder', (SELECT array_agg(x ORDER BY id) FROM texts)) AS y;
SET pg_mosaic.predict_memory = '1MB';
CREATE TABLE grouped AS SELECT id, predict('encoder', x) AS y FROM texts;
SELECT count(*), bool_and(whole.y::text = grouped.y::text) FROM whole JOIN grouped USING (id);
SELECT y::text = predict('encoder', (SELECT array_agg(x ORDER BY id) FROM texts))::text FROM whole_array;
SELECT batched_rows, single_batch FROM mosaic.stat_models WHERE model = 'encoder';

-- refused: how much, and the setting; before it is allocated
SELECT refusal($$SELECT predict('live', ARRAY[20000]::bigint[])$$);
SELECT refusal($$SELECT predict('doubles', ARRAY[1]::real[])$$);
SELECT refusal($$SELECT predict('live', ARRAY[1000]::bigint[])$$);
SET pg_mosaic.predict_memory = '4MB';
SELECT refusal($$SELECT predict('live', ARRAY[20000]::bigint[])$$);
SELECT refusal($$SELECT predict('live', ARRAY[1000000]::bigint[])$$);
-- the least
\set VERBOSITY sqlstate
SET pg_mosaic.predict_memory = '1023kB';
\set VERBOSITY default

-- superusers set it; others where they are granted that
RESET pg_mosaic.predict_memory;
CREATE ROLE regress_mosaic_plain;
SET ROLE regress_mosaic_plain;
SET pg_mosaic.predict_memory = '2GB';
SELECT current_setting('pg_mosaic.predict_memory');
RESET ROLE;
DROP ROLE regress_mosaic_plain;
DROP TABLE texts, whole, whole_array, grouped;
DROP EXTENSION pg_mosaic CASCADE;
DROP FUNCTION refusal;
