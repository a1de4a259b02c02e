-- predict_proba(): probabilities by label, alone and in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set exports :data '/../exports'
SELECT m.model, i.tensors FROM unnest('{class,text,logits,sigmoid,double,id}'::text[]) m (model),
  import_model(m.model, :'models' || '/answer_' || m.model || '.onnx') i;
CREATE TABLE three (id int, x real[]);
INSERT INTO three VALUES (1, '{0,2,1}'), (2, '{5,2,1}'), (3, '{Infinity,2,7}'), (4, '{1,NaN,7}'), (5, '{3,3,3}');

-- a softmax of the model's own, beside the class, and one of its logits: the same
CREATE FUNCTION rounded(p jsonb) RETURNS text LANGUAGE sql AS $$SELECT string_agg(key || '=' || CASE value WHEN 'NaN' THEN value ELSE round(value::numeric, 4)::text END, ' ') FROM jsonb_each_text(p)$$;
SELECT id, rounded(predict_proba('class', x)), rounded(predict_proba('logits', x)) FROM three WHERE id <> 3 ORDER BY id;
SELECT predict_proba('logits', '{Infinity,2,7}'::real[]), predict_proba('logits', '{-Infinity,0,0}'::real[]), predict_proba('logits', '{1000,1000,-1000}'::real[]);
-- one probability is that of class 1 of two
SELECT predict_proba('sigmoid', '{0}'::real[]), rounded(predict_proba('sigmoid', -2)), predict_proba('sigmoid', 'NaN'::float8);
-- columns, other arrays, NULL
SELECT predict_proba('logits', 3, 3, 3), predict_proba('logits', '{3,3,3}'::int[]), predict_proba('logits', '{3,3,3}'::bigint[]),
       predict_proba('logits', '{3,3,3}'::smallint[]), predict_proba('logits', '{3,3,3}'::numeric[]), predict_proba('logits', '{3,3,3}'::float8[]),
       predict_proba('logits', '{t,t,t}'::bool[]);
SELECT predict_proba('logits', 3, NULL, 3), predict_proba('logits', NULL::real[]), predict_proba(NULL, '{1,2,3}'::real[]);

-- labels: of the model
SELECT set_labels(m, '{ant,bee,cat}') FROM unnest('{logits,class}'::text[]) m;
SELECT set_labels('sigmoid', ARRAY['no', 'yes, "Ja"']);
SELECT predict_proba('logits', 3, 3, 3), predict_proba('class', 3, 3, 3), predict_proba('sigmoid', 0);
SELECT set_labels('class', '{ant,bee}');
SELECT predict_proba('class', 3, 3, 3);
SELECT set_labels('class', '{ant,bee,ant}');
SELECT predict_proba('class', 3, 3, 3);
SELECT predict_class('class', 0, 1, 0), predict_label('class', 0, 1, 0);
SELECT set_labels('class', NULL);

-- labels of the graph: scikit-learn's and XGBoost's converters write them
SELECT m.model, i.tensors FROM unnest('{sklearn_random_forest,xgboost_classifier,sklearn_svc}'::text[]) m (model),
  import_model(m.model, :'exports' || '/' || m.model || '/model.onnx') i;
CREATE TABLE wine AS SELECT i AS id, ARRAY[11 + i % 4, 1 + i % 3, 2, 15 + i % 11, 80 + i % 40, i % 4, i % 5, 0.1, 1, i % 13, 1, 2 + i % 2, 300 + 10 * (i % 130)]::real[] AS x
  FROM generate_series(1, 300) i;
SELECT id, rounded(predict_proba('sklearn_random_forest', x)), predict_label('sklearn_random_forest', x), predict_class('sklearn_random_forest', x) FROM wine ORDER BY id LIMIT 3;
SELECT id, predict_proba('sklearn_svc', x) ?& '{0,1,2}' AS numbers, (SELECT abs(sum(value::float8) - 1) < 1e-6 FROM jsonb_each_text(predict_proba('sklearn_svc', x))) AS one
  FROM wine ORDER BY id LIMIT 1;
CREATE TABLE cancer AS SELECT i AS id, array_agg((1 + (i * j) % 17)::real ORDER BY j) AS x FROM generate_series(1, 300) i, generate_series(1, 30) j GROUP BY i;
SELECT predict_proba('xgboost_classifier', x) ?& '{0,1}' AS numbers FROM cancer ORDER BY id LIMIT 1;
-- they are what the output holds, exactly; labels that the model was given name the numbers
SELECT count(*) AS rows, count(*) FILTER (WHERE jsonb_build_array(p -> 'red', p -> 'white', p -> 'rosé') = j -> 'probabilities') AS same,
       count(*) FILTER (WHERE predict_class('sklearn_random_forest', x) = array_position('{red,white,rosé}', predict_label('sklearn_random_forest', x)) - 1) AS classes
  FROM (SELECT x, predict_proba('sklearn_random_forest', x) AS p, predict('sklearn_random_forest', jsonb_build_object('X', x)) AS j FROM wine) s;
SELECT set_labels('xgboost_classifier', '{malignant,benign}'), set_labels('sklearn_random_forest', '{a,b,c}');
SELECT count(*) AS rows, count(*) FILTER (WHERE jsonb_build_array(p -> 'malignant', p -> 'benign') = j -> 'probabilities') AS same
  FROM (SELECT x, predict_proba('xgboost_classifier', x) AS p, predict('xgboost_classifier', jsonb_build_object('X', x)) AS j FROM cancer) s;
SELECT predict_proba('sklearn_random_forest', x) ?& '{red,white,rosé}' AS own FROM wine LIMIT 1;
SELECT set_labels('sklearn_svc', '{a,b}');
SELECT predict_proba('sklearn_svc', x) FROM wine LIMIT 1;

-- batches: the same, and what cannot be answered is an error of its own row
EXPLAIN (COSTS OFF) SELECT predict_proba('logits', x) FROM wine;
SELECT set_labels('sklearn_svc', NULL);
SELECT md5(string_agg(concat_ws(',', predict_proba('sklearn_random_forest', x), predict_proba('sklearn_svc', x)), ' ' ORDER BY id)) AS batched FROM wine \gset
SET pg_mosaic.batch = off;
SELECT md5(string_agg(concat_ws(',', predict_proba('sklearn_random_forest', x), predict_proba('sklearn_svc', x)), ' ' ORDER BY id)) = :'batched' AS same FROM wine;
RESET pg_mosaic.batch;
SELECT label, round(sum(p::numeric), 2) AS expected FROM wine, LATERAL (SELECT * FROM jsonb_each_text(predict_proba('sklearn_random_forest', x)) e (label, p)) e GROUP BY label ORDER BY label;

-- a single number that is none, a model without scores, an item of several
SELECT predict_proba('id', '{3,7}'::int[]);
SELECT i.tensors FROM import_model('score', :'exports' || '/xgboost_regressor/model.onnx') i;
SELECT predict_proba('score', ARRAY[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
SELECT predict_proba('logits', '{{1,2,3},{4,5,6}}'::real[]);
SELECT predict_proba('nobody', '{1}'::real[]);
-- a text
SELECT i.tensors FROM import_model('words', :'models' || '/text_classes.onnx', labels => '{low,high}') i;
SELECT set_tokenizer('words', :'data' || '/text/vocab.txt');
SELECT predict_label('words', 'the sea'::text), predict_proba('words', 'the sea'::text) ?& '{low,high}' AS labels,
       predict_proba('words', 'the sea'::text, 'a ship'::text) IS NOT NULL AS pair;
SELECT i.tensors FROM import_model('states', :'models' || '/text_states.onnx') i;
SELECT set_tokenizer('states', :'data' || '/text/vocab.txt');
SELECT predict_proba('states', 'the sea'::text);
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE three, wine, cancer;
DROP FUNCTION rounded(jsonb);
