-- Predictions over texts: what the inputs are filled with, classes, labels, vectors; alone and in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set vocab :data '/text/vocab.txt'
\set wordpiece :data '/text/wordpiece.json'
SELECT m.model, i.tensors FROM unnest('{states,embedding,classes,fixed,none}'::text[]) m (model),
  import_model(m.model, :'models' || '/text_' || m.model || '.onnx') i;
SELECT predict('states', 'no tokenizer yet');
SELECT embed('states', 'no tokenizer yet');
SELECT set_tokenizer(m, :'vocab') FROM unnest('{states,embedding,classes,fixed,none}'::text[]) m;

-- ids, mask, types; as tokenize() has them
SELECT tokenize('states', 'the model'), predict('states', 'the model');
SELECT predict('states', 'the model', 'a store');
SELECT predict('states', 'the model') = predict('states', E'The\tMODEL') AS same, predict('states', '') AS empty, predict('states', NULL::text) IS NULL AS null,
       predict('states', 'a', NULL) IS NULL AS second_null;
-- the same as by hand
SELECT to_jsonb(predict('states', 'the model')) = predict('states', jsonb_build_object('input_ids', ids, 'attention_mask', mask, 'token_type_ids', types)) -> 'last_hidden_state' -> 0 AS by_hand
  FROM (SELECT to_jsonb(ARRAY[t]) AS ids, to_jsonb(ARRAY[array_fill(1, ARRAY[cardinality(t)])]) AS mask, to_jsonb(ARRAY[array_fill(0, ARRAY[cardinality(t)])]) AS types
          FROM (SELECT tokenize('states', 'the model') AS t) x) y;
-- a fixed length: padded, cut, positions
SELECT predict('fixed', 'the model');
SELECT predict('fixed', 'the model of a store of the models of a store');

-- vectors
SELECT embed('states', 'the model'), embed('embedding', 'the model');
SELECT set_pooling('states', p), p AS pooling, embed('states', 'the model') AS before FROM unnest('{mean,cls,max,last}'::text[]) p;
SELECT embed('states', 'the model') AS last;
SELECT set_pooling('states', 'cls');
SELECT embed('states', 'the model') AS cls;
SELECT set_pooling('states', 'max'), set_pooling('fixed', 'mean');
SELECT embed('states', 'the model') AS max, embed('fixed', 'the model') AS mean_without_padding;
SELECT set_pooling('states', normalized => true), set_pooling('embedding', normalized => true);
SELECT sum(x * x)::numeric(7, 6) AS length FROM unnest(embed('states', 'the model')) x;
SELECT sum(x * x)::numeric(7, 6) AS length FROM unnest(embed('embedding', 'the model')) x;
SELECT name, pooling, normalized FROM mosaic.models ORDER BY name;
SELECT set_pooling('states', NULL), set_pooling('embedding', NULL);

-- classes and labels
SELECT set_labels('classes', '{low,high}');
SELECT w, predict('classes', w), predict_class('classes', w), predict_label('classes', w) FROM unnest('{the model,stored stored stored}'::text[]) w;
SELECT predict_class('classes', 'the', 'model'), predict_label('classes', 'the', 'model');

-- cut: as the tokenizer says, or as the model does
SELECT cardinality(tokenize('states', repeat('a ', 100))) AS tokens, array_length(predict('states', repeat('a ', 100)), 1) AS rows;
SELECT set_tokenizer('states', :'wordpiece');
SELECT cardinality(tokenize('states', repeat('a ', 100))) AS tokens, array_length(predict('states', repeat('a ', 100)), 1) AS rows;
SELECT set_tokenizer('states', :'wordpiece', 5);
SELECT tokenize('states', repeat('a ', 100)), predict('states', repeat('a ', 100)), token_count('states', repeat('a ', 100)), cardinality(tokenize('states', repeat('a ', 100), truncate => false));
SELECT model, max_length FROM mosaic.tokenizers WHERE model = 'states';
SELECT predict('states', repeat('a ', 100), repeat('b ', 100));
-- or refused, where asked: by the function, and by the batch when SQL has reached the row
SELECT set_tokenizer('states', :'wordpiece', 5, truncate => false);
SELECT model, max_length, truncates FROM mosaic.tokenizers WHERE model IN ('states', 'fixed') ORDER BY model;
SELECT array_length(predict('states', 'a b c'), 1) AS rows, token_count('states', 'a b c d');
\set VERBOSITY sqlstate
SELECT predict('states', 'a b c d');
\set VERBOSITY default
SELECT predict('states', 'a b', 'c d');
SELECT i, array_length(predict('states', repeat('a ', i)), 1) AS rows FROM generate_series(1, 9) i LIMIT 3;
SELECT i, array_length(predict('states', repeat('a ', i)), 1) AS rows FROM generate_series(1, 9) i;
SELECT i, array_length(predict('states', repeat('a ', i)), 1) AS rows FROM generate_series(1, 9) i WHERE token_count('states', repeat('a ', i)) <= 5;
SELECT set_tokenizer('states', :'wordpiece', 5, NULL);
SELECT set_tokenizer('states', :'wordpiece', 5);
SELECT truncates FROM mosaic.tokenizers WHERE model = 'states';

-- in batches: by length, the same bits
CREATE TABLE texts AS SELECT i AS id, (SELECT string_agg((ARRAY['the','model','of','a','store','blocks','is','Blöcke'])[1 + (i * 7 + j * j) % 8], ' ') FROM generate_series(1, i % 13) j) AS t
  FROM generate_series(1, 500) i;
EXPLAIN (COSTS OFF) SELECT embed('embedding', t), predict_label('classes', t) FROM texts;
CREATE TABLE batched AS SELECT id, embed('embedding', t) AS e, predict('states', t, 'blocks') AS p, predict_class('classes', t) AS c, predict_label('classes', t, t) AS l, embed('fixed', t) AS f FROM texts;
SET pg_mosaic.batch = off;
CREATE TABLE singly AS SELECT id, embed('embedding', t) AS e, predict('states', t, 'blocks') AS p, predict_class('classes', t) AS c, predict_label('classes', t, t) AS l, embed('fixed', t) AS f FROM texts;
RESET pg_mosaic.batch;
SELECT count(*), count(e), count(p), count(l) FROM batched;
SELECT count(*) AS differ FROM (TABLE batched EXCEPT ALL TABLE singly) x;
CREATE FUNCTION batches(query text, OUT batches int, OUT rows int, OUT tokens int) LANGUAGE plpgsql AS $$
DECLARE plan jsonb; node jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO plan;
  node := jsonb_path_query_first(plan, '$.**?(@."Custom Plan Provider" == "Predict")');
  batches := node ->> 'Batches';
  rows := round((node ->> 'Rows per Batch')::numeric * batches);
  tokens := node ->> 'Tokens';
END $$;
SELECT b.*, (SELECT sum(token_count('embedding', t)) FROM texts) AS expected FROM batches($$SELECT embed('embedding', t) FROM texts$$) b;
-- a text that cannot be is an error when it is reached
UPDATE texts SET t = repeat('a', 16 * 1024 * 1024 + 1) WHERE id = 400;
SELECT count(embed('embedding', t)) FROM (SELECT t FROM texts ORDER BY id LIMIT 399) x;
\set VERBOSITY sqlstate
SELECT count(embed('embedding', t)) FROM texts;

-- refusals
SELECT predict('none', 'text');
SELECT embed('none', 'text');
SELECT predict('nobody', 'text');
SELECT embed('classes', 'text') IS NOT NULL AS logits;
SELECT set_pooling('states', 'median');
SELECT set_pooling('nobody');
SELECT set_tokenizer('states', :'vocab', 0);
\set VERBOSITY default
SELECT predict('none', 'text');
SELECT predict('classes', '{1,2,3}');
SELECT i.tensors FROM import_model('iris', :'models' || '/iris.onnx') i;
SELECT predict('iris', '{1,2,3,4}');
-- features of a model of texts are as ever
SELECT predict('classes', '{499,500}'::int[]), predict_label('classes', ARRAY[600, 700]);
CREATE ROLE regress_predict_text;
SET ROLE regress_predict_text;
\set VERBOSITY sqlstate
SELECT embed('states', 'text');
SELECT set_pooling('states');
RESET ROLE;
\set VERBOSITY default
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE texts, batched, singly;
DROP FUNCTION batches;
DROP ROLE regress_predict_text;
