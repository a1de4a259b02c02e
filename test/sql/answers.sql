-- What a first output becomes: numbers, classes, labels; alone and in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT m.model, i.tensors FROM unnest('{class,text,logits,sigmoid,double,int64,id,bool}'::text[]) m (model),
  import_model(m.model, :'models' || '/answer_' || m.model || '.onnx') i;
CREATE TABLE three (id int, x real[]);
INSERT INTO three VALUES (1, '{0,2,1}'), (2, '{5,2,1}'), (3, '{0,2,7}'), (4, '{1,NaN,7}'), (5, '{3,3,1}');
CREATE TABLE one (id int, x real[]);
INSERT INTO one VALUES (1, '{-3}'), (2, '{0}'), (3, '{0.1}'), (4, '{NaN}');

-- classes: of several numbers, of a single probability, given as such
SELECT predict_class('logits', x), predict_class('class', x) FROM three ORDER BY id;
SELECT x, (predict('sigmoid', x))[1] >= 0.5 AS half, predict_class('sigmoid', x) FROM one ORDER BY id;
SELECT predict_class('id', '{3,7}'::int[]), predict_class('id', '{-3,-7}'::int[]), predict_class('bool', '{-1,0,1}'::real[]);

-- labels: none, given, the model's own
\set VERBOSITY sqlstate
SELECT predict_label('logits', x) FROM three;
SELECT predict_class('text', x) FROM three;
\set VERBOSITY default
SELECT predict_label('text', x), predict_label('class', x) FROM three ORDER BY id;
SELECT set_labels(m, '{ant,bee,cat}') FROM unnest('{logits,class}'::text[]) m;
SELECT set_labels('text', ARRAY['dog', 'Kätzchen', 'a "bird"']), set_labels('sigmoid', '{no,yes}'), set_labels('id', '{zero,one}');
SELECT predict_label('logits', x), predict_label('class', x), predict_class('text', x), predict_label('text', x) FROM three ORDER BY id;
SELECT predict_label('sigmoid', x) FROM one ORDER BY id;
SELECT predict_label('logits', 1, 2, 3), predict_class('logits', 3, 2, 1), predict_label('logits', 1, NULL, 3), predict_label('logits', NULL::real[]),
       predict_label('id', 0, 1);
SELECT predict_label('logits', '{1,2,3}'::int[]), predict_label('logits', '{1,2,3}'::smallint[]), predict_label('logits', '{1,2,3}'::bigint[]),
       predict_label('logits', '{1,2,3}'::numeric[]), predict_label('logits', '{f,t,f}'::bool[]);
SELECT predict_label('id', '{2,1}'::int[]);
SELECT predict_label('logits', '{{1,2,3},{4,5,6}}'::real[]);
-- the same in batches: the plan moves them, also within expressions; a row that cannot be answered is an error of its own
CREATE TABLE many AS SELECT i AS id, ARRAY[i % 3, i % 5, i % 7]::real[] AS x, ARRAY[i % 2, 0] AS pair FROM generate_series(1, 1000) i;
EXPLAIN (COSTS OFF) SELECT predict_label('logits', x) AS label, count(*) FROM many GROUP BY label;
SELECT predict_label('logits', x) AS label, count(*) FROM many GROUP BY label ORDER BY label;
SELECT count(*) FROM many WHERE upper(predict_label('class', x)) = 'BEE' AND predict_label('text', x) LIKE 'K%';
SELECT md5(string_agg(concat_ws(',', predict_label('logits', x), predict_label('class', x), predict_label('text', x), predict_class('text', x), predict_class('class', x)), ' ' ORDER BY id)) AS batched FROM many \gset
SET pg_mosaic.batch = off;
SELECT md5(string_agg(concat_ws(',', predict_label('logits', x), predict_label('class', x), predict_label('text', x), predict_class('text', x), predict_class('class', x)), ' ' ORDER BY id)) = :'batched' AS same FROM many;
RESET pg_mosaic.batch;
SELECT id, predict_label('id', pair) FROM many ORDER BY id LIMIT 3;
UPDATE many SET pair = '{5,0}' WHERE id = 500;
SELECT count(predict_label('id', pair)) FROM many;
SELECT count(predict_label('id', pair)) FROM many WHERE id <> 500;

-- numbers exactly, or not at all
SELECT predict('bool', '{-1,0,1}'::real[]), predict('int64', '{16777216,-16777216}'::bigint[]), predict('double', 3, -3);
SELECT predict('int64', '{16777217,0}'::bigint[]);
SELECT predict('int64', '{0,9223372036854775807}'::bigint[]);
SELECT predict('int64', '{-9223372036854775808,0}'::bigint[]);
SELECT predict('double', 3, 4);
SELECT predict('double', 'Infinity'::float8, 'NaN');
SELECT predict('double', '{{1,2},{3,4}}'::float8[]);
SELECT predict('text', x) FROM three;
SELECT predict('id', '{3,7}'::bigint[]), predict_class('id', '{2147483647,0}'::bigint[]);
SELECT predict_class('id', '{2147483648,0}'::bigint[]);
SELECT predict_label('id', '{2147483648,0}'::bigint[]);
-- within batches the rows before it are still answered
CREATE TABLE wide AS SELECT i AS id, ARRAY[i, 0]::float8[] AS x FROM generate_series(1, 5) i;
SELECT predict('double', x) FROM wide ORDER BY id LIMIT 3;
SELECT predict('double', x) FROM wide;
-- jsonb has all of them
SELECT predict('text', '{"x": [[1, 2, 0], [0, 0, 5]]}'::jsonb) -> 'output_label' AS text,
       predict('int64', '{"x": [16777217, -9223372036854775808]}'::jsonb) AS ints, predict('double', '{"x": [4, 1]}'::jsonb) AS doubles,
       predict('bool', '{"x": [-1, 0, 1]}'::jsonb) AS bools;

-- labels with the model, and with a version that replaces it
SELECT i.tensors FROM import_model('named', :'models' || '/iris.onnx', labels => '{setosa,versicolor,virginica}') i;
SELECT predict_label('named', 5.1, 3.5, 1.4, 0.2), labels FROM mosaic.models WHERE name = 'named';
SELECT i.tensors FROM import_model('named', :'models' || '/iris_float64.onnx', replace => true) i;
SELECT count(*) AS deduplicated FROM dedup_model('named', max_weight_error => 0.0001);
SELECT predict_label('named', 5.1, 3.5, 1.4, 0.2), model_info('named') -> 'labels' AS labels;
SELECT i.tensors FROM import_model('named', :'models' || '/iris.onnx', dtype => 'bf16', replace => true, labels => '{a,b,c}',
  validation => $$SELECT '{5.1,3.5,1.4,0.2}'::real[]$$, metric => 'agreement') i;
SELECT predict_label('named', 5.1, 3.5, 1.4, 0.2);
SELECT i.tensors FROM import_model('named', :'models' || '/answer_sigmoid.onnx', replace => true) i;
SELECT labels FROM mosaic.models WHERE name = 'named';
-- a session that knows them sees new ones, and an old snapshot the old ones
PREPARE p AS SELECT predict_label('logits', 1, 2, 3);
EXECUTE p;
BEGIN;
SELECT set_labels('logits', '{x,y,z}');
EXECUTE p;
ROLLBACK;
EXECUTE p;
SELECT set_labels('logits', NULL), set_labels('id', NULL);
SELECT labels IS NULL AS none FROM mosaic.models WHERE name = 'logits';
SELECT predict_label('id', '{2,1}'::int[]);
EXECUTE p;

-- refusals
SELECT set_labels('logits', '{a,b}');
SELECT set_labels('sigmoid', '{a,b,c}');
SELECT i.tensors FROM import_model('never', :'models' || '/iris.onnx', labels => '{a,b}') i;
SELECT count(*) FROM mosaic.models WHERE name = 'never';
\set VERBOSITY sqlstate
SELECT set_labels('logits', '{}');
SELECT set_labels('logits', '{a,NULL,c}');
SELECT set_labels('logits', '{{a,b,c}}');
SELECT set_labels('nobody', '{a,b,c}');
SELECT set_labels(NULL, '{a,b,c}');
CREATE ROLE regress_answers;
GRANT EXECUTE ON FUNCTION set_labels(text, text[]) TO regress_answers;
SET ROLE regress_answers;
SELECT set_labels('logits', '{a,b,c}');
SELECT predict_label('logits', 1, 2, 3);
RESET ROLE;
\set VERBOSITY default
SELECT * FROM check_store();
-- labels are texts of the database: a class is found also where it is not encoded as the model's strings are
CREATE DATABASE mosaic_answers_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
SELECT current_database() AS home \gset
\c mosaic_answers_latin1
CREATE EXTENSION pg_mosaic;
SELECT i.tensors FROM import_model('text', :'models' || '/answer_text.onnx', labels => ARRAY['dog', U&'K\00E4tzchen', 'a "bird"']) i;
CREATE TABLE three AS SELECT i AS id, ARRAY[i % 3 = 0, i % 3 = 1, i % 3 = 2]::int[]::real[] AS x FROM generate_series(0, 299) i;
SELECT array_agg(DISTINCT predict_class('text', x)) AS batched, array_agg(DISTINCT predict_label('text', x) = U&'K\00E4tzchen') AS cats FROM three;
SET pg_mosaic.batch = off;
SELECT array_agg(DISTINCT predict_class('text', x)) AS alone FROM three;
\c :home
DROP DATABASE mosaic_answers_latin1;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE three, one, many, wide;
DROP ROLE regress_answers;
