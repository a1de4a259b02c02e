-- What import_model() refuses: SQLSTATE and message; nothing is stored, nobody dies.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA

-- SQLSTATE, message, detail and hint of a refusal; paths are shortened
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN regexp_replace(concat_ws(E'\n  ', SQLSTATE || ' ' || message, 'DETAIL: ' || nullif(detail, ''), 'HINT: ' || nullif(hint, '')),
                        '"[^"]*/test/data/', '"', 'g');
END $$;
\pset format unaligned
\pset tuples_only on

-- names
SELECT refusal($$SELECT import_model(NULL, ''::bytea)$$);
SELECT refusal($$SELECT import_model('m', NULL::text)$$);
SELECT refusal($$SELECT import_model('m', NULL::bytea)$$);
SELECT refusal($$SELECT import_model('', ''::bytea)$$);
SELECT refusal($$SELECT import_model(repeat('x', 256), ''::bytea)$$);
SELECT refusal($$SELECT import_model(repeat('x', 255), ''::bytea)$$);

-- files
SELECT refusal(format('SELECT import_model(%L, %L)', 'm', :'data' || '/models/absent.onnx'));
SELECT refusal(format('SELECT import_model(%L, %L)', 'm', :'data' || '/models'));
SELECT refusal($$SELECT import_model('m', '/dev/zero')$$);
SELECT refusal($$SELECT import_model('m', large_object => 1::oid)$$);

-- not a model
SELECT refusal($$SELECT import_model('m', '\x00'::bytea)$$);
SELECT refusal($$SELECT import_model('m', 'hello, world, this is no model'::bytea)$$);
SELECT refusal(format('SELECT import_model(%L, %L)', 'm', :'data' || '/iris.csv'));

-- operators that we do not have: all of them in one error
SELECT refusal(format('SELECT import_model(%L, %L)', 'm', :'data' || '/models/unsupported.onnx'));

-- shapes that contradict each other: 22023, the node and both shapes
CREATE TEMP TABLE ways AS SELECT unnest('{add,concat,conv,expand,gemm,matmul,normalization,prelu,reshape}'::text[]) AS way;
SELECT refusal(format('SELECT import_model(%L, %L)', 'm', :'data' || '/cases/shapes_' || way || '.onnx')) FROM ways ORDER BY way;
SELECT count(*) FROM mosaic.models WHERE name = 'm';

-- external data needs a file beside the model
SELECT refusal(format('SELECT import_model(%L, pg_read_binary_file(%L))', 'm', :'data' || '/models/iris_external.onnx'));
SELECT blocks FROM import_model('external', :'data' || '/models/iris_external.onnx');

-- truncated at any byte: always an error, never a crash (every byte of iris, some of a large model)
CREATE TEMP TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/iris.onnx') AS iris,
                              pg_read_binary_file(:'data' || '/models/fashion_base.onnx') AS base;
SELECT left(refusal(format('SELECT import_model(''m'', substr(iris, 1, %s)) FROM f', n)), 5) AS code, count(*)
  FROM f, generate_series(0, octet_length(iris) - 1) n GROUP BY 1 ORDER BY 1;
SELECT left(refusal(format('SELECT import_model(''m'', substr(base, 1, %s)) FROM f', n)), 5) AS code, count(*)
  FROM f, generate_series(1, octet_length(base) - 1, 50021) n GROUP BY 1 ORDER BY 1;
-- one byte damaged: refused, or imported (weights have no redundancy), but nobody dies
SELECT count(*) > 0 AS survived
  FROM f, generate_series(0, octet_length(iris) - 1) n,
       LATERAL (SELECT refusal(format('SELECT import_model(''m'', set_byte(iris, %s, 255), replace => true) FROM f', n))) r;
SELECT count(*) FROM mosaic.models WHERE name <> 'm';
SELECT count(drop_model(name)) >= 1 FROM mosaic.models;

-- nothing of all that is left
SELECT count(*) FROM mosaic.block;
SELECT count(*) FROM mosaic.block_meta;
SELECT count(*) FROM mosaic.tensor;
\pset tuples_only off
\pset format aligned

-- cancel: nothing is left
SET statement_timeout = '1ms';
SELECT import_model('m', :'data' || '/models/fashion_base.onnx');
RESET statement_timeout;
SELECT count(*) AS models FROM mosaic.model;

-- a standby and a read-only transaction do not import
BEGIN READ ONLY;
SELECT import_model('m', :'data' || '/models/fashion_base.onnx');
ROLLBACK;
DROP FUNCTION refusal;
DROP TABLE f;

-- names outside ASCII (an input, of the same length) go where the database is encoded as they are, and no further
SELECT replace(encode(pg_read_binary_file(:'data' || '/models/iris.onnx'), 'hex'), encode('features', 'hex'), encode('feat\303\274es'::bytea, 'hex')) AS model \gset
SELECT blocks > 0 AS imported FROM import_model('umlaut', decode(:'model', 'hex'));
SELECT predict('umlaut', jsonb_build_object(U&'feat\00FCes', '[5.1, 3.5, 1.4, 0.2]'::jsonb)) IS NOT NULL AS predicted;
SELECT predict('umlaut', jsonb_build_object(repeat('x', 1000), 1)) \g /dev/null
SELECT predict(repeat('x', 1000), '{1}'::real[]);
CREATE DATABASE mosaic_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
SELECT current_database() AS home \gset
\c mosaic_latin1
CREATE EXTENSION pg_mosaic;
SELECT import_model('umlaut', decode(:'model', 'hex'));
SELECT blocks > 0 AS imported FROM import_model('iris', :'data' || '/models/iris.onnx');
-- nor is a dimension found by one
SELECT import_model('axis', :'data' || '/models/iris.onnx', batch_axis => U&'gr\00FC\00DFe') \g /dev/null
\echo :LAST_ERROR_SQLSTATE
\c :home
DROP DATABASE mosaic_latin1;
DROP EXTENSION pg_mosaic CASCADE;
