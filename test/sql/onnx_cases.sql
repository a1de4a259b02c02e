-- Models that once were refused, or answered wrongly without a word: each gives what ONNX Runtime 1.30 gives (test/data/cases).
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set ON_ERROR_STOP on
-- the same dimensions, and numbers within some ulps of float32; integers beyond these are exact
CREATE FUNCTION same(a jsonb, b jsonb) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF jsonb_typeof(a) IS DISTINCT FROM jsonb_typeof(b) THEN RETURN false; END IF;
  CASE jsonb_typeof(a)
    WHEN 'object' THEN
      RETURN (SELECT coalesce(bool_and(same(a -> k, b -> k)), true)
                FROM (SELECT jsonb_object_keys(a) UNION SELECT jsonb_object_keys(b)) keys(k));
    WHEN 'array' THEN
      RETURN jsonb_array_length(a) = jsonb_array_length(b) AND
             (SELECT coalesce(bool_and(same(a -> i, b -> i)), true) FROM generate_series(0, jsonb_array_length(a) - 1) i);
    WHEN 'number' THEN RETURN abs(a::numeric - b::numeric) <= 4e-6;
    ELSE RETURN a = b;
  END CASE;
END $$;
SELECT same('[1, 2]', '[1, 2.000001]') AS yes, same('[1, 2]', '[[1, 2]]') AS no, same('{"a": 1}', '{"a": 1, "b": 1}') AS no,
       same('[1]', '[1, 1]') AS no, same('[]', '[[]]') AS no, same('1', '1.00001') AS no;
CREATE FUNCTION outcome(folder text, model text, input jsonb, expected jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer jsonb;
BEGIN
  PERFORM import_model(model, folder || model || '.onnx');
  answer := predict(model, input);
  RETURN CASE WHEN same(answer, expected) THEN 'ok' ELSE format('%s instead of %s', answer, expected) END;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE cases AS SELECT key AS model, value -> 'input' AS input, value -> 'expected' AS expected
  FROM jsonb_each(pg_read_file(:'data' || '/cases/expected.json')::jsonb);
-- every file is a case, or named otherwise
SELECT file FROM pg_ls_dir(:'data' || '/cases') file
 WHERE file !~ '^(shapes_.*|many_live|concat40)\.onnx$' AND file <> 'expected.json'
   AND NOT EXISTS (SELECT FROM cases WHERE model || '.onnx' = file);
SELECT model, outcome(:'data' || '/cases/', model, input, expected) FROM cases ORDER BY model COLLATE "C";
-- numbers of uint64 that int64 does not have, both ways; what it has not is refused
SELECT predict('uint64_big', '{"x": [[9223372036854775807], [9223372036854775808], [18446744073709551615], [0], [-0]]}'::jsonb);
SELECT predict_outputs('uint64_big', '{18446744073709551615}'::numeric[]) AS numeric,
       predict_outputs('uint64_big', '{1.8446744073709550e19}'::float8[]) AS float8, predict_outputs('uint64_big', '{9223372036854775807}'::bigint[]) AS bigint;
SELECT predict('uint64_big', '{9223372036854775808}'::numeric[]) AS is_real;
CREATE FUNCTION refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SELECT ' || call;
  RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT refusal($$predict('uint64_big', '{18446744073709551615}'::numeric[])$$);
SELECT refusal($$predict_outputs('uint64_big', '{18446744073709551616}'::numeric[])$$);
SELECT refusal($$predict_outputs('uint64_big', '{-1}'::numeric[])$$);
SELECT refusal($$predict_outputs('uint64_big', '{1.5}'::numeric[])$$);
SELECT refusal($$predict_outputs('uint64_big', '{1.8446744073709552e19}'::float8[])$$);
SELECT refusal($$predict('uint64_big', '{"x": [[18446744073709551616]]}'::jsonb)$$);
SELECT refusal($$predict('uint64_big', '{"x": [[-1]]}'::jsonb)$$);
-- rows that are predicted together are what each is alone, as SQL has it
CREATE TABLE rows AS SELECT i, ARRAY[9223372036854775800::numeric + i] AS x FROM generate_series(1, 20) i;
SELECT bool_and(predict_outputs('uint64_big', x) -> 'y' = to_jsonb(x)) AS same FROM rows;
-- reversed and mixed layouts as arrays, not JSON: dimensions as ONNX has them
SELECT predict('transpose_out', '{{1,2,3},{4,5,6.5}}'::real[]), predict('seq_first', '{{1,2,3},{4,5,6.5}}'::real[]),
       predict('shape_out', '{{1,2,3},{4,5,6.5}}'::real[]), predict('batch_second_output', '{{1,2,3},{4,5,6.5}}'::real[]);
DROP TABLE rows, cases;
DROP FUNCTION outcome, same, refusal;
DROP EXTENSION pg_mosaic CASCADE;
