-- Other outputs than the first: by name, all of them as jsonb; alone and in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT m.model, i.tensors FROM unnest('{two_inputs,row_exact,row_columns,iris,answer_class,answer_text,answer_int64,answer_bool,answer_double,answer_logits,text_embedding,fashion_base}'::text[]) m (model),
  import_model(m.model, :'models' || '/' || m.model || '.onnx') i;
CREATE FUNCTION near(a real[], b jsonb) RETURNS bool LANGUAGE sql AS $$SELECT a = ARRAY(SELECT e::text::real FROM jsonb_array_elements(b) e)$$;

-- by name, of arrays, batches, rows
SELECT predict('answer_class', x, output => 'output_probability') = predict('answer_class', x, 'output_probability') AS same, predict('answer_class', x, 'output_label') AS label,
       round((predict('answer_class', x, 'output_probability'))[2]::numeric, 3) AS p FROM unnest(ARRAY['{1,2,3}'::text]) t, LATERAL (SELECT t::real[] AS x) x;
SELECT predict('answer_class', '{{1,2,3},{3,2,1}}'::int[], 'output_label');
SELECT near(predict('two_inputs', r, 'hidden'), predict_outputs('two_inputs', r) -> 'hidden') AS hidden, array_dims(predict('two_inputs', r, 'hidden')) FROM (SELECT 12 AS item, '{0.25,-1,1}'::real[] AS context) r;
SELECT predict('answer_class', '{1,2,3}'::real[], 'output');
SELECT predict('answer_class', ROW(1, 2, 3), output => 'x');
SELECT predict('answer_text', '{1,2,3}'::real[], output => 'output_label');
SELECT predict('answer_class', '{1,2,3}'::real[], NULL), predict('answer_class', NULL::real[], 'output_label'), predict_outputs('answer_class', NULL::real[]), predict_outputs('answer_class', 1, NULL, 3);

-- all of them, exactly
SELECT predict_outputs('answer_text', 1, 2, 0) -> 'output_label' AS text, predict_outputs('answer_int64', '{16777217,-9223372036854775808}'::bigint[]) AS ints, predict_outputs('answer_double', 4, 1.5) AS doubles,
       predict_outputs('answer_bool', '{-1,0,1}'::real[]) AS bools, predict_outputs('answer_logits', '{NaN,Infinity,-Infinity}'::real[]) AS named, predict_outputs('answer_double', 1e-300, 0.1);
SELECT predict_outputs('row_exact', r) FROM (VALUES (9007199254740993, '{0.1,1e300}'::float8[], ARRAY['a "b"', 'Ü', '']), (-1, '{NaN,-0}', '{x}')) r (i, d, s);
SELECT predict_outputs('iris', '{{1,2,3,4}}'::real[]);
SELECT predict_outputs('answer_class', '{{1,2,3},{4,5,6}}'::real[]);
-- a text
SELECT set_tokenizer('text_embedding', :'data' || '/text/vocab.txt');
SELECT predict_outputs('text_embedding', 'the sea'::text);
SELECT jsonb_array_length(predict_outputs('text_embedding', 'the sea'::text, 'a ship'::text) -> 'token_embeddings');

-- what is written directly is what jsonb makes of its text: order of keys, offsets, alignment, equality
CREATE TABLE image AS SELECT i AS id, array_agg((i * j % 255 / 255.0)::real ORDER BY j) AS x FROM generate_series(1, 300) i, generate_series(1, 784) j GROUP BY i;
CREATE TABLE made AS SELECT id, predict_outputs('fashion_base', x) AS j, predict('fashion_base', x) AS a FROM image;
SELECT count(*) AS rows, count(*) FILTER (WHERE j = j::text::jsonb AND hash_record(ROW(j)) = hash_record(ROW(j::text::jsonb)) AND pg_column_size(j) = pg_column_size(j::text::jsonb)) AS same,
       count(*) FILTER (WHERE near(a, j -> 'logits')) AS equal FROM made;
SELECT j = j::text::jsonb AND j @> j::text::jsonb AS same, jsonb_array_length(j -> 'logits') AS rows, j #> '{logits,99,9}' = to_jsonb(a.x[100][10]) AS last
  FROM (SELECT predict('fashion_base', jsonb_build_object('pixels', (SELECT jsonb_agg(to_jsonb(x) ORDER BY id) FROM image WHERE id <= 100))) AS j) j,
       (SELECT predict('fashion_base', (SELECT array_agg(x ORDER BY id) FROM image WHERE id <= 100)) AS x) a;
SELECT predict_outputs('row_columns', ROW(1, 2, true, 3, 'Berlin'));

-- batches
EXPLAIN (COSTS OFF) SELECT predict('answer_class', x[1:3], 'output_probability'), predict_outputs('answer_text', x[1:3]) FROM image;
EXPLAIN (COSTS OFF) SELECT predict('answer_class', x[1:3], x::text) FROM image;
SELECT md5(string_agg(concat_ws(' ', predict('answer_class', x[1:3], 'output_probability'), predict('answer_class', x[1:3], 'output_label'), predict_outputs('answer_text', x[1:3]), predict_outputs('answer_class', ROW(x[5], x[6], id))), ',' ORDER BY id)) AS batched FROM image \gset
SET pg_mosaic.batch = off;
SELECT md5(string_agg(concat_ws(' ', predict('answer_class', x[1:3], 'output_probability'), predict('answer_class', x[1:3], 'output_label'), predict_outputs('answer_text', x[1:3]), predict_outputs('answer_class', ROW(x[5], x[6], id))), ',' ORDER BY id)) = :'batched' AS same FROM image;
RESET pg_mosaic.batch;
SELECT predict(CASE WHEN id = 5 THEN 'answer_logits' ELSE 'answer_class' END, x[1:3], 'output_label') FROM image ORDER BY id LIMIT 4;
SELECT predict(CASE WHEN id = 5 THEN 'answer_logits' ELSE 'answer_class' END, x[1:3], 'output_label') FROM image ORDER BY id;
SELECT predict_proba(CASE WHEN id = 5 THEN 'answer_int64' ELSE 'answer_class' END, x[1:CASE WHEN id = 5 THEN 2 ELSE 3 END]) IS NULL FROM image ORDER BY id LIMIT 4;

-- JSON objects in batches: items, batches of one and of several, inputs that are numbers, arrays, texts; by the text of json as well
CREATE TABLE object AS SELECT id, jsonb_build_object('item', id % 7, 'context', x[1:3]) AS item, jsonb_build_object('item', ARRAY[id % 7], 'context', ARRAY[x[1:3]]) AS ones,
       jsonb_build_object('item', ARRAY[id % 7, 3], 'context', ARRAY[x[1:3], x[5:7]]) AS two, jsonb_build_object('item', ARRAY[id % 7], 'context', x[1:3]) AS mixed,
       jsonb_build_object('i', id * 9007199254740993, 'd', ARRAY[x[3], 1e-3], 's', ARRAY['text ' || id, 'Ü']) AS exact FROM image;
EXPLAIN (COSTS OFF) SELECT predict('two_inputs', item), predict('two_inputs', item::json) FROM object;
CREATE TABLE objects AS SELECT id, predict('two_inputs', item) AS item, predict('two_inputs', ones) AS ones, predict('two_inputs', two) AS two, predict('two_inputs', mixed) AS mixed,
       predict('row_exact', exact) AS exact, predict('two_inputs', CASE id % 3 WHEN 0 THEN item WHEN 1 THEN ones ELSE two END) AS any, predict('two_inputs', item::json) AS json FROM object;
SET pg_mosaic.batch = off;
SELECT count(*), count(*) FILTER (WHERE o.item = predict('two_inputs', i.item)) AS item, count(*) FILTER (WHERE o.ones = predict('two_inputs', i.ones)) AS ones, count(*) FILTER (WHERE o.two = predict('two_inputs', i.two)) AS two,
       count(*) FILTER (WHERE o.mixed = predict('two_inputs', i.mixed)) AS mixed, count(*) FILTER (WHERE o.exact = predict('row_exact', i.exact)) AS exact,
       count(*) FILTER (WHERE o.any = predict('two_inputs', CASE o.id % 3 WHEN 0 THEN i.item WHEN 1 THEN i.ones ELSE i.two END)) AS any, count(*) FILTER (WHERE o.json = o.item) AS json,
       count(*) FILTER (WHERE o.ones = jsonb_build_object('hidden', jsonb_build_array(o.item -> 'hidden'), 'score', jsonb_build_array(o.item -> 'score'))) AS with_axis FROM objects o JOIN object i USING (id);
RESET pg_mosaic.batch;
SELECT o.item, o.ones, o.exact FROM objects o WHERE id = 2;
SELECT count(*), sum(rows) > 600 AS batched FROM mosaic.stat_models WHERE model = 'two_inputs' AND rows > calls / 2;
-- what is wrong with a row is said when SQL has reached it
SELECT predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1}' ELSE item END) -> 'score' IS NOT NULL AS there FROM object ORDER BY id LIMIT 4;
SELECT predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1}' ELSE item END) -> 'score' IS NOT NULL AS there FROM object ORDER BY id;
SELECT count(predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1, "context": [1, 2, 3], "x": 1}' ELSE item END)) FROM object;
SELECT count(predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1e400, "context": [1, 2, 3]}' ELSE item END)) FROM object;
SELECT count(predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1, "context": [1, 2, 1e39]}' ELSE item END)) FROM object;
SELECT count(predict('two_inputs', CASE WHEN id = 5 THEN '{"item": 1, "context": [1, 2, "three"]}' ELSE item END)) FROM object;
SELECT count(predict('row_exact', CASE WHEN id = 5 THEN '{"i": 1.00000000000000000001, "d": [1, 2], "s": ["a", "b"]}' ELSE exact END)) FROM object;
-- whole numbers of numeric keep all digits; what is not whole is no integer, however near
SELECT predict_outputs('answer_int64', '{9007199254740993, -9223372036854775808}'::numeric[]) AS exact;
SELECT predict_outputs('answer_int64', ARRAY[1.00000000000000000001, 2]);

-- numbers of jsonb become doubles as the server makes them, and back: of all sizes and lengths, near ties too
SELECT setseed(0.5);
CREATE TABLE number AS SELECT (CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END * round((random()::numeric * 10::numeric ^ (i % 35)) * (1 + random()::numeric / 10::numeric ^ (i % 17)), i % 20)) * 10::numeric ^ (i % 61 - 30) AS n FROM generate_series(1, 20000) i
  UNION ALL SELECT n FROM unnest('{0,0.0000,-0.0,9007199254740991,9007199254740992,9007199254740993,-9007199254740993,0.9007199254740993,1e22,1e23,1e24,1e-22,1e-23,1e307,1e308,1e-307,4.9e-324,2.2250738585072011e-308,0.1,0.30000000000000004,1e20,1e21,123456789012345678}'::numeric[]) n;
SELECT count(*), count(*) FILTER (WHERE (d ->> 0)::float8 = n::float8) AS same, count(*) FILTER (WHERE d -> 0 = to_jsonb(n::float8) AND pg_column_size(d -> 0) = pg_column_size(to_jsonb(n::float8))) AS as_the_server_writes_it
  FROM (SELECT n, predict('row_exact', jsonb_build_object('i', 1, 'd', ARRAY[n, 1], 's', ARRAY['a', 'b'])) -> 'd_given' AS d FROM number) x;

-- jsonb takes strings and what jsonb has no numbers for
SELECT predict('row_exact', '{"i": 1, "d": ["NaN", "-Infinity"], "s": ["ü", "b"]}'::jsonb);
SELECT predict('row_exact', '{"i": "NaN", "d": [1, 2], "s": ["a"]}'::jsonb);
SELECT predict('row_exact', '{"i": 1, "d": [1, "two"], "s": ["a"]}'::jsonb);
SELECT predict('row_exact', '{"i": 1, "d": [1, null], "s": ["a"]}'::jsonb);
SELECT predict('row_exact', '{"i": 1, "d": [1, 2], "s": [1]}'::jsonb);
-- more than jsonb can hold is refused before any of it is made
SELECT i.tensors FROM import_model('answer_wide', :'models' || '/answer_wide.onnx') i;
SELECT predict_outputs('answer_wide', '{1,30000}'::bigint[]) = jsonb_build_object('y', array_fill(1, '{30000}'::int[])) AS same;
SELECT predict('answer_wide', '{"x": [1, 23000000]}'::jsonb);
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE image, made, object, objects, number;
DROP FUNCTION near(real[], jsonb);
