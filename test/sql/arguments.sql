-- Every function of the extension with NULL, 0 and the edges of each type as each of its arguments: an error that tells
-- what is wrong or an answer, never a crash and never an internal error.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT set_config('test.models', :'models', false) AS models \gset
SELECT blocks FROM import_model('m', :'models' || '/iris.onnx');
SELECT blocks FROM import_model('other', :'models' || '/iris_opset9.onnx');
SELECT set_config('test.vocab', :'data' || '/text/vocab.txt', false) AS vocab \gset
SELECT blocks, set_tokenizer('t', :'vocab') FROM import_model('t', :'models' || '/text_states.onnx');
CREATE TABLE irises AS SELECT ARRAY[i % 7, i % 5, i % 3, i % 2]::real[] AS x FROM generate_series(1, 8) i;
SELECT lo_from_bytea(0, pg_read_binary_file(:'models' || '/iris.onnx')) AS object \gset
SELECT set_config('test.object', :'object', false) AS object \gset
-- So that there is what a run of the same query is compared with.
SELECT metric_after FROM dedup_model('m', 'SELECT x FROM irises', 'agreement');
SELECT dedup_model('m', 'SELECT x FROM irises', metric_function => 0);
SELECT plan_dedup('m', 'SELECT x FROM irises', metric_function => 0);
SELECT import_model('m', :'models' || '/iris.onnx', true, dedup => 'near', validation => 'SELECT x FROM irises', metric_function => 0);
SELECT import_model('m', :'models' || '/iris.onnx', true, dtype => 'bf16', validation => 'SELECT x FROM irises', metric_function => 0);

-- What an argument is where another one is tried.
CREATE FUNCTION valid(function regproc, argument text, type regtype) RETURNS text LANGUAGE sql AS $$
  SELECT CASE
    WHEN argument IN ('name', 'model') AND function::text LIKE '%import_model' THEN '''new'''
    WHEN argument = 'model' AND function::text IN ('embed', 'tokenize', 'token_count', 'detokenize') THEN '''t'''
    WHEN argument IN ('name', 'model') THEN '''m'''
    WHEN argument = 'new_name' THEN '''renamed'''
    WHEN argument = 'path' AND function::text = 'set_tokenizer' THEN quote_literal(current_setting('test.vocab'))
    WHEN argument = 'content' AND function::text = 'set_tokenizer' THEN format('pg_read_binary_file(%L)', current_setting('test.vocab'))
    WHEN argument = 'content' AND type = 'text'::regtype THEN '''a text''::text'
    WHEN argument = 'labels' THEN '''{a,b,c}''::text[]'
    WHEN argument = 'pooling' THEN '''cls'''
    WHEN argument = 'path' THEN quote_literal(current_setting('test.models') || '/iris.onnx')
    WHEN argument = 'content' THEN format('pg_read_binary_file(%L)', current_setting('test.models') || '/iris.onnx')
    WHEN argument = 'large_object' THEN current_setting('test.object') || '::oid'
    WHEN argument = 'dedup' THEN '''near'''
    WHEN argument = 'validation' THEN '''SELECT x FROM irises'''
    WHEN argument = 'metric' THEN '''agreement'''
    WHEN argument = 'metric_function' THEN 'NULL'
    WHEN argument = 'block_height' THEN '63'
    WHEN argument = 'near_tables' THEN '3'
    WHEN argument = 'near_hashes' THEN '8'
    WHEN argument = 'near_width' THEN '0.04'
    WHEN argument = 'dtype' AND type = 'text'::regtype THEN '''f32'''
    WHEN argument = 'aim' THEN '''storage'''
    WHEN argument = 'domain' THEN 'NULL'
    WHEN argument IN ('max_drop', 'tolerance', 'min_similarity', 'max_weight_error') THEN '0.5'
    WHEN argument = 'inputs' THEN '''{"features": [1, 2, 3, 4]}''::jsonb'
    WHEN argument = 'map' THEN '(SELECT map FROM mosaic.tensor WHERE map IS NOT NULL ORDER BY model_id, tensor_no LIMIT 1)'
    WHEN argument = 'geometry' THEN '(SELECT min(geometry) FROM mosaic.block_meta)'
    WHEN type = 'bool'::regtype THEN 'true'
    WHEN type = 'regrole'::regtype THEN '''pg_monitor''::regrole'
    WHEN type = 'regrole[]'::regtype THEN '''{pg_monitor}''::regrole[]'
    WHEN type = 'anyarray'::regtype THEN '''{1,2,3,4}''::float8[]'
    WHEN type::text LIKE '%[]' THEN format('''{1,2,3,4}''::%s', type)
    ELSE format('''1''::%s', type)
  END
$$;
-- What is tried.
CREATE FUNCTION tried(type regtype) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('NULL::%s', CASE type WHEN 'anyarray'::regtype THEN 'float8[]'::regtype ELSE type END)
  UNION ALL
  SELECT format('%L::%s', v, type) FROM unnest(CASE
    WHEN type IN ('oid'::regtype, 'regproc'::regtype, 'regrole'::regtype) THEN '{0,1,4294967295}'::text[]
    WHEN type = 'int2'::regtype THEN '{0,-1,-32768,32767}'
    WHEN type = 'int4'::regtype THEN '{0,-1,-2147483648,2147483647}'
    WHEN type = 'int8'::regtype THEN '{0,-1,-9223372036854775808,9223372036854775807}'
    WHEN type IN ('float4'::regtype, 'float8'::regtype) THEN '{0,-1,NaN,Infinity,-Infinity,1e-37}'
    WHEN type = 'bool'::regtype THEN '{true,false}'
    WHEN type = 'text'::regtype THEN ARRAY['', 'no such', repeat('x', 300), E'\u00e9\'";', 'SELECT 1', 'SELECT', '/']
    WHEN type = 'bytea'::regtype THEN '{"","\\x00","\\x08011200","\\xffffffffffffffffffffffffffffffff"}'
    WHEN type = 'jsonb'::regtype THEN '{"null","[]","{}","0","{\"features\":null}","{\"features\":[]}"}'
    WHEN type = 'regrole[]'::regtype THEN '{"{}","{NULL}","{0,4294967295}","{{0},{1}}"}'
    WHEN type = 'numeric[]'::regtype THEN '{"{}","{NULL}","{NaN,1,2,3}","{1e300,1,2,3}","{{{1}}}"}'
    WHEN type::text LIKE '%[]' THEN '{"{}","{NULL}","{{}}","{1,NULL,2,3}","{{{1}}}","[5:8]={1,2,3,4}"}'
    ELSE '{}'
  END) v
  UNION ALL
  SELECT v FROM unnest(CASE WHEN type = 'anyarray'::regtype THEN
    '{"''{}''::bool[]","''{a}''::text[]","''{NULL}''::date[]","ARRAY[ROW(1)]","ARRAY[''{1}''::float8[], ''{2}'']"}'::text[] ELSE '{}' END) v
$$;
CREATE TABLE outcomes (function regprocedure, call text, state text, message text);
CREATE PROCEDURE try_all() LANGUAGE plpgsql AS $$
DECLARE
  f record;
  call text;
  sqlstate_seen text;
  message text;
BEGIN
  FOR f IN
    SELECT p.oid::regprocedure AS function, p.oid::regproc AS name, i, v, p.provariadic <> 0 AS variadic,
           ARRAY(SELECT valid(p.oid::regproc, coalesce(p.proargnames[j], ''), p.proargtypes[j - 1]) FROM generate_series(1, p.pronargs) j) AS arguments
    FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic'),
      generate_series(1, p.pronargs) i, tried(p.proargtypes[i - 1]) v
    WHERE p.prokind = 'f' AND NOT 'internal'::regtype = ANY (p.proargtypes)
    ORDER BY p.oid::regprocedure::text, i, v LOOP
    f.arguments[f.i] := f.v;
    IF f.variadic THEN
      f.arguments[cardinality(f.arguments)] := 'VARIADIC ' || f.arguments[cardinality(f.arguments)];
    END IF;
    call := format('SELECT * FROM %s(%s)', f.name, array_to_string(f.arguments, ', '));
    BEGIN
      EXECUTE call;
      RAISE EXCEPTION USING errcode = '00000', message = 'an answer';
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS sqlstate_seen = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    END;
    INSERT INTO outcomes VALUES (f.function, call, sqlstate_seen, message);
  END LOOP;
END $$;
CALL try_all();
SELECT count(*) > 700 AS many, count(DISTINCT function) > 30 AS functions, count(*) FILTER (WHERE message = 'an answer') > 200 AS answers,
       count(*) FILTER (WHERE message <> 'an answer') > 300 AS errors FROM outcomes;
-- No function that takes an argument was left out.
SELECT p.oid::regprocedure AS untried FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic')
WHERE p.pronargs > 0 AND p.oid NOT IN (SELECT function FROM outcomes) ORDER BY 1;
-- A name of a file that is too long is an internal error to PostgreSQL, too.
SELECT call, message FROM outcomes WHERE state = 'XX000' AND message NOT LIKE '%: File name too long' ORDER BY 1;
SELECT * FROM check_store();
DROP PROCEDURE try_all;
DROP FUNCTION valid, tried;
DROP TABLE outcomes, irises;
SELECT lo_unlink(:object);
DROP EXTENSION pg_mosaic;
