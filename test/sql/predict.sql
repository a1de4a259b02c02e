-- Prediction: all forms, all models against PyTorch's outputs, errors.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE TABLE names (name text PRIMARY KEY);
INSERT INTO names VALUES ('encoder_opset11'), ('encoder_opset13'), ('encoder_opset17'), ('fashion_base'), ('fashion_dark'),
  ('fashion_noise'), ('fashion_shoes'), ('iris'), ('iris_bfloat16'), ('iris_constant_nodes'), ('iris_external'),
  ('iris_fixed_batch'), ('iris_float16'), ('iris_float64'), ('iris_opset9'), ('iris_typed_fields'),
  ('text_classifier'), ('two_inputs');
SELECT name, i.tensors > 0 AS tensors FROM names, import_model(name, :'data' || '/models/' || name || '.onnx') i ORDER BY name;

-- The expected files hold flat data and dims; JSON wants nested arrays.
CREATE FUNCTION nested(data jsonb, dims int[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE step int; result jsonb := '[]';
BEGIN
  IF cardinality(dims) <= 1 THEN RETURN data; END IF;
  step := jsonb_array_length(data) / dims[1];
  SELECT jsonb_agg(nested((SELECT jsonb_agg(e ORDER BY k) FROM jsonb_array_elements(data) WITH ORDINALITY x(e, k)
                           WHERE k > i * step AND k <= (i + 1) * step), dims[2:]) ORDER BY i)
    INTO result FROM generate_series(0, dims[1] - 1) i;
  RETURN result;
END $$;
CREATE FUNCTION int_dims(tensor jsonb) RETURNS int[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(d::int ORDER BY k) FROM jsonb_array_elements_text(tensor -> 'dims') WITH ORDINALITY x(d, k) $$;
CREATE FUNCTION flat(value jsonb) RETURNS float8[] LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(v::text::float8 ORDER BY k) FROM jsonb_path_query(value, 'strict $.**{0 to 4} ? (@.type() == "number")') WITH ORDINALITY x(v, k) $$;
CREATE TABLE expected AS
SELECT name, c.no AS test_case, o.key AS output, flat(o.value -> 'data') AS wanted,
       (SELECT jsonb_object_agg(i.key, nested(i.value -> 'data', int_dims(i.value))) FROM jsonb_each(c.value -> 'inputs') i) AS inputs
  FROM names,
       jsonb_array_elements(pg_read_file(:'data' || '/expected/' || name || '.json')::jsonb -> 'cases') WITH ORDINALITY c(value, no),
       jsonb_each(c.value -> 'outputs') o;

-- within 1e-5 of PyTorch, relative to the largest output
SELECT name, output, count(*) AS cases, bool_and(cardinality(got) = cardinality(wanted)) AS shape,
       bool_and((SELECT max(abs(g - w)) <= 1e-5 * max(abs(w)) FROM unnest(got, wanted) u(g, w))) AS agrees
  FROM expected, LATERAL (SELECT flat(predict(name, inputs) -> output) AS got) p
  GROUP BY 1, 2 ORDER BY 1, 2;

-- one item, a batch, columns: the same bits
CREATE TABLE iris (id int, a float8, b float8, c float8, d float8);
INSERT INTO iris VALUES (1, 5.1, 3.5, 1.4, 0.2), (2, 6.7, 3.0, 5.2, 2.3), (3, 5.9, 3.0, 4.2, 1.5), (4, NULL, 3, 4, 1);
SELECT id, predict('iris', a, b, c, d) = predict('iris', ARRAY[a, b, c, d]::real[]) AS same_as_array,
       predict_class('iris', a, b, c, d), predict_class('iris', VARIADIC ARRAY[a, b, c, d]) FROM iris WHERE id < 4 ORDER BY id;
SELECT id, predict('iris', a, b, c, d) IS NULL AS unknown FROM iris ORDER BY id;
SELECT predict('iris', array_agg(ARRAY[a, b, c, d]::real[] ORDER BY id)) =
       array_agg(predict('iris', ARRAY[a, b, c, d]::real[]) ORDER BY id) AS batch_is_rows FROM iris WHERE id < 4;
SELECT array_dims(predict('iris', ARRAY[[5.1, 3.5, 1.4, 0.2]]::real[])), array_dims(predict('iris', ARRAY[5.1, 3.5, 1.4, 0.2]::real[]));
-- a model whose batch dimension is fixed to 1 takes batches too
SELECT predict('iris_fixed_batch', array_agg(ARRAY[a, b, c, d]::real[] ORDER BY id)) =
       predict('iris', array_agg(ARRAY[a, b, c, d]::real[] ORDER BY id)) AS same FROM iris WHERE id < 4;
-- 300 items are more than are computed at once
CREATE TABLE many AS SELECT i, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[] AS x FROM generate_series(1, 300) i;
SELECT predict('iris', array_agg(x ORDER BY i)) = array_agg(predict('iris', x) ORDER BY i) AS same FROM many;
-- features as they may be stored: compressed or not, in the row or beside it
CREATE TABLE stored (how text, inline_z real[], beside_z real[], inline_plain real[], beside_plain real[]);
ALTER TABLE stored ALTER inline_z SET STORAGE main, ALTER beside_z SET STORAGE extended,
  ALTER inline_plain SET STORAGE plain, ALTER beside_plain SET STORAGE external;
ALTER TABLE stored SET (toast_tuple_target = 128);
-- one value repeated, a pattern, pixels with many zeros, and what hardly compresses
CREATE TABLE pixels AS SELECT how, array_agg(v ORDER BY i) AS x FROM generate_series(0, 783) i,
  LATERAL (VALUES ('one', 0.5), ('three', (i % 3) / 7.0), ('zeros', CASE WHEN i % 28 BETWEEN 6 AND 20 THEN (i * i % 256) / 255.0 ELSE 0 END),
                  ('noise', (hashint4(i) & 65535) / 65536.0)) p(how, v) GROUP BY how;
INSERT INTO stored SELECT how, x::real[], x::real[], NULL, x::real[] FROM pixels;
INSERT INTO stored SELECT how || ', plain', NULL, NULL, x::real[], NULL FROM pixels;
SELECT how, pg_column_size(inline_z) < 3100 AS inline_compressed, pg_column_size(beside_z) < 3100 AS beside_compressed,
       pg_column_size(beside_plain) >= 3100 AS beside_plain FROM stored WHERE inline_plain IS NULL ORDER BY how COLLATE "C";
SELECT s.how, count(*) FILTER (WHERE predict('fashion_base', s.inline_z) = predict('fashion_base', p.inline_plain) AND
                                     predict('fashion_base', s.beside_z) = predict('fashion_base', p.inline_plain) AND
                                     predict('fashion_base', s.beside_plain) = predict('fashion_base', p.inline_plain)) AS same
  FROM stored s JOIN stored p ON p.how = s.how || ', plain' GROUP BY s.how ORDER BY s.how COLLATE "C";
BEGIN;
SET LOCAL pg_mosaic.batch = off;
SELECT s.how, predict('fashion_base', s.inline_z) = predict('fashion_base', p.inline_plain) AND
              predict_class('fashion_base', s.beside_z) = predict_class('fashion_base', p.inline_plain) AS same_by_function
  FROM stored s JOIN stored p ON p.how = s.how || ', plain' ORDER BY s.how COLLATE "C";
COMMIT;
DROP TABLE stored, pixels;
-- other element types
SELECT predict('iris', ARRAY[5, 3, 1, 0]) = predict('iris', ARRAY[5, 3, 1, 0]::real[]) AS int4,
       predict('iris', ARRAY[5, 3, 1, 0]::int2[]) = predict('iris', ARRAY[5, 3, 1, 0]::real[]) AS int2,
       predict('iris', ARRAY[5, 3, 1, 0]::bigint[]) = predict('iris', ARRAY[5, 3, 1, 0]::real[]) AS int8,
       predict('iris', ARRAY[5.5, 3, 1, 0]::float8[]) = predict('iris', ARRAY[5.5, 3, 1, 0]::real[]) AS float8,
       predict('iris', ARRAY[5.5, 3, 1, 0]) = predict('iris', ARRAY[5.5, 3, 1, 0]::real[]) AS numeric;
-- token ids of any length; the item of a batch has the same bits as the item alone
SELECT n, array_dims(predict('text_classifier', (SELECT array_agg(i % 2000) FROM generate_series(1, n) i))) FROM unnest('{1, 2, 31, 1000}'::int[]) n;
SELECT predict('text_classifier', ARRAY[[1, 2, 3], [1999, 0, 7]]) =
       ARRAY[predict('text_classifier', ARRAY[1, 2, 3]), predict('text_classifier', ARRAY[1999, 0, 7])] AS same;
SELECT predict('encoder_opset17', ARRAY[[1, 2, 3], [9, 0, 7]]) =
       ARRAY[predict('encoder_opset17', ARRAY[1, 2, 3]), predict('encoder_opset17', ARRAY[9, 0, 7])] AS same;
SELECT predict_class('text_classifier', ARRAY[1, 2, 3]::bigint[]) IN (0, 1) AS class;
-- several inputs by name: an item, and a batch
SELECT jsonb_object_keys(predict('two_inputs', '{"item": 3, "context": [1, 2, 3]}'::jsonb));
SELECT predict('two_inputs', '{"item": [3, 4], "context": [[1, 2, 3], [4, 5, 6]]}'::jsonb) -> 'score' =
       jsonb_build_array(predict('two_inputs', '{"item": 3, "context": [1, 2, 3]}'::jsonb) -> 'score',
                         predict('two_inputs', '{"item": 4, "context": [4, 5, 6]}'::jsonb) -> 'score') AS same;

-- NULL in, NULL out
SELECT predict(NULL, ARRAY[1]::real[]) IS NULL AND predict('iris', NULL::real[]) IS NULL AND predict('iris', NULL::jsonb) IS NULL
   AND predict_class('iris', NULL::real[]) IS NULL AND predict('iris', 1, NULL, 3, 4) IS NULL AS null_out;

-- errors
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
SELECT refusal(s) FROM unnest(ARRAY[
  $$SELECT predict('nobody', ARRAY[1]::real[])$$,
  $$SELECT predict('iris', ARRAY[1, 2, 3]::real[])$$,
  $$SELECT predict('iris', '{}'::real[])$$,
  $$SELECT predict('iris', ARRAY[[1, 2, 3], [4, 5, 6]]::real[])$$,
  $$SELECT predict('iris', 1, 2, 3)$$,
  $$SELECT predict('iris', ARRAY[1, NULL, 3, 4]::real[])$$,
  $$SELECT predict('iris', ARRAY['a', 'b', 'c', 'd'])$$,
  $$SELECT predict_class('iris', ARRAY[[1, 2, 3, 4], [1, 2, 3, 4]]::real[])$$,
  $$SELECT predict('text_classifier', ARRAY[1.5])$$,
  $$SELECT predict('text_classifier', ARRAY[2000])$$,
  $$SELECT predict('text_classifier', ARRAY[-2001])$$,
  $$SELECT predict('text_classifier', ARRAY[1e30::float8])$$,
  $$SELECT predict('iris', 1e300, 1, 1, 1)$$,
  $$SELECT predict('iris', ARRAY[1e300, 1, 1, 1]::float8[])$$,
  $$SELECT predict('iris', ARRAY[1e39, 1, 1, 1])$$,
  $$SELECT predict('iris', '{"features": [1e39, 1, 1, 1]}'::jsonb)$$,
  $$SELECT predict('encoder_opset13', array_fill(1, ARRAY[1000]))$$,
  $$SELECT predict('two_inputs', ARRAY[1]::real[])$$,
  $$SELECT predict('two_inputs', '[1]'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1, "context": [1, 2, 3], "extra": 1}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": "x", "context": [1, 2, 3]}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1.5, "context": [1, 2, 3]}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1, "context": [[1, 2], [3]]}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1, "context": [1, [2], 3]}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1, "context": {"a": 1}}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": 1, "context": []}'::jsonb)$$,
  $$SELECT predict('two_inputs', '{"item": [1, 2, 3], "context": [[1, 2, 3], [4, 5, 6]]}'::jsonb)$$
]) s;
\pset tuples_only off
\pset format aligned
-- an output whose first dimension does not count items is returned whole: Expand(x [b, 4], [3, 1, 4])
SELECT tensors FROM import_model('expand', decode('08083a6b0a110a01780a01731201792206457870616e641201672a21080310074201734a180300000000000000010000000000000004000000000000005a140a0178120f0a0d080112090a031201620a020804621a0a017912150a130801120f0a031201610a031201620a0312016342040a00100d', 'hex'));
SELECT array_dims(predict('expand', ARRAY[1, 2, 3, 4]::real[])), array_dims(predict('expand', a, 2, 3, 4)) FROM generate_series(1, 2) a;
SELECT predict('expand', ARRAY[[1, 2, 3, 4], [5, 6, 7, 8]]::real[]);
SELECT predict('expand', '{"x": [1, 2, 3, 4]}'::jsonb);
-- a model that takes and gives float16: Neg(x [b, 2]); 0.1 is rounded to it, 1e5 does not fit
SELECT tensors FROM import_model('half', decode('080812003a3c0a0b0a017812017922034e65671201675a140a0178120f0a0d080a12090a031201620a02080262140a0179120f0a0d080a12090a031201620a02080242040a00100d', 'hex'));
SELECT predict('half', ARRAY[1.5, 0.1]::real[]), predict('half', 1.5, 2), predict('half', ARRAY[1, -2]),
       predict('half', ARRAY[[1, 2], [3, 4]]), predict_class('half', 1, -2), predict('half', '{"x": [1.5, 65504]}'::jsonb);
SELECT predict('half', i, 0.5) FROM generate_series(1, 2) i;
SELECT predict('half', ARRAY[1, 1e5]::real[]);
-- a store written by a newer version is refused, not guessed at
SELECT tensors FROM import_model('unseen', :'data' || '/models/iris.onnx');
BEGIN;
UPDATE mosaic.store SET format_version = 3;
SELECT refusal(s) FROM unnest(ARRAY[
  $$SELECT predict_class('unseen', 5.1, 3.5, 1.4, 0.2)$$,
  $$SELECT drop_model('iris')$$,
  format('SELECT import_model(%L, %L)', 'new', :'data' || '/models/iris.onnx')]) s;
ROLLBACK;
-- after an error the same statement level works on
SELECT predict_class('iris', 5.1, 3.5, 1.4, 0.2);

-- a model column: several models in one query
SELECT m, count(DISTINCT predict_class(m, a, b, c, d)) > 0 AS ok FROM iris, unnest('{iris,iris_float16,iris_float64}'::text[]) m WHERE id < 4 GROUP BY m ORDER BY m;
-- more models in one expression than are kept ready
SELECT count(i.model) FROM generate_series(1, 20) v, LATERAL import_model('v' || v, :'data' || '/models/iris.onnx') i;
SELECT count(DISTINCT predict('v' || (i % 20 + 1), 5.1, 3.5, 1.4, 0.2)) FROM generate_series(1, 100) i;

-- statement's snapshot, also in PL/pgSQL, whose expressions outlive statements
DO $$
DECLARE first real[]; last real[];
BEGIN
  FOR i IN 1..3 LOOP
    last := predict('v1', 5.1, 3.5, 1.4, 0.2);
    IF i = 1 THEN
      first := last;
      PERFORM rename_model('v1', 'old');
      PERFORM rename_model('iris_bfloat16', 'v1');
    END IF;
  END LOOP;
  RAISE WARNING 'follows the rename: %', first <> last;
END $$;
-- cursors, LIMIT, savepoints, WITH HOLD; an error in the middle
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT predict_class('fashion_base', array_fill((i % 9 / 9.0)::real, '{784}')) FROM generate_series(1, 50) i;
DECLARE c CURSOR FOR SELECT predict_class('fashion_base', array_fill((i % 9 / 9.0)::real, '{784}')) FROM generate_series(1, 50) i;
FETCH 2 FROM c;
SAVEPOINT s;
FETCH 2 FROM c;
SELECT 1 / 0;
ROLLBACK TO s;
SELECT predict_class('iris', 5.1, 3.5, 1.4, 0.2);
SELECT drop_model('fashion_base');
FETCH 2 FROM c;
ROLLBACK TO s;
FETCH 2 FROM held;
COMMIT;
FETCH 2 FROM held;
CLOSE held;
-- no share of the pool is left with anybody
SELECT count(*) AS slots_held FROM pg_locks WHERE locktype = 'advisory';
DROP TABLE names, expected, iris, many;
DROP FUNCTION nested, int_dims, flat, refusal;
DROP EXTENSION pg_mosaic CASCADE;
