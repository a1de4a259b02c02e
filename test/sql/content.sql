-- Predictions of a content: ids, generated columns, indexes; what is gone is an error, never another answer.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT m.model, i.tensors FROM unnest('{iris,fashion_base,fashion_dark,text_states}'::text[]) m (model), import_model(m.model, :'models' || '/' || m.model || '.onnx') i;
SELECT i.tensors FROM import_model('again', :'models' || '/iris.onnx') i;
SELECT i.tensors FROM import_model('half', :'models' || '/fashion_base.onnx', dtype => 'bf16') i;

-- of what a model is: the same under another name; another one for other weights, types, labels, tokenizers, inputs
SELECT content_id('iris') AS iris, content_id('fashion_base') AS fashion \gset
SELECT content_id('iris') = :'iris' AS stays, content_id('again') = :'iris' AS same, content_id('fashion_dark') <> :'fashion' AS weights, content_id('half') <> :'fashion' AS type;
SELECT set_labels('again', '{a,b,c}');
SELECT content IS NULL AS none FROM mosaic.model WHERE name = 'again';
SELECT content_id('again') AS labelled \gset
SELECT :'labelled' <> :'iris' AS other;
SELECT set_labels('again', '{a,b,d}');
SELECT content_id('again') NOT IN (:'labelled', :'iris') AS other;
SELECT set_labels('again', NULL);
SELECT content_id('again') = :'iris' AS back;
SELECT set_inputs('again', nulls => '{"features": 0}');
SELECT content_id('again') AS mapped \gset
SELECT :'mapped' <> :'iris' AS other;
SELECT content_id('text_states') AS none \gset
SELECT set_tokenizer('text_states', :'data' || '/text/vocab.txt');
SELECT content_id('text_states') AS mean \gset
SELECT set_pooling('text_states', 'max');
SELECT content_id('text_states') NOT IN (:'none', :'mean') AND :'none' <> :'mean' AS other;
SELECT set_pooling('text_states', NULL);
SELECT content_id('text_states') = :'mean' AS back;
SELECT rename_model('fashion_dark', 'dark');
SELECT content_id('dark') = content AS stays FROM mosaic.model WHERE name = 'dark';
-- weights made for it, so that their block has the hash of another: the id is no hash of hashes, nobody answers in another's place
CREATE FUNCTION forged(a text, b text) RETURNS bytea LANGUAGE sql AS $$
  SELECT decode('08073a8d200a110a01770a016912017922064761746865721201672acc1f083f081010014201774ac01f' || repeat('00', 56) || '7c01812c' || a ||
                repeat('00', 184) || 'cb79e64e' || b || repeat('00', 3776) || '5a100a0169120b0a09080712050a0312016e62140a0179120f0a0d080112090a0312016e0a02081042040a00100d', 'hex') $$;
SELECT i.tensors FROM import_model('one', forged('0000803f', '00000040')) i;
SELECT i.blocks_shared FROM import_model('two', forged('00000040', '0000803f')) i;
SELECT count(*) AS blocks, count(DISTINCT hash) AS hashes FROM mosaic.block_meta b WHERE geometry = (SELECT geometry FROM mosaic.block_meta GROUP BY hash, geometry HAVING count(*) > 1);
SELECT predict('one', '{0}'::int[]) = predict('two', '{0}'::int[]) AS answers, content_id('one') = content_id('two') AS ids;
SELECT drop_model('one'), drop_model('two');
DROP FUNCTION forged(text, text);

-- the answers are those by name, in all forms, batched as well
CREATE TABLE t AS SELECT i AS id, ARRAY[4 + i % 4 + 0.1, 2 + i % 3, 1 + i % 6, i % 3 * 0.9]::real[] AS x FROM generate_series(1, 1000) i;
SELECT count(*) AS rows, count(*) FILTER (WHERE predict(:'iris'::uuid, x) = predict('iris', x)) AS numbers, count(*) FILTER (WHERE predict_class(content => :'iris', features => x) = predict_class('iris', x)) AS classes,
       count(*) FILTER (WHERE predict_proba(:'iris'::uuid, x) = predict_proba('iris', x)) AS probabilities FROM t;
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2), predict_class(:'iris'::uuid, ROW(5.1, 3.5, 1.4, 0.2)), predict_class(:'mapped'::uuid, ROW(5.1, NULL::real, 1.4, 0.2)),
       embed(:'mean'::uuid, 'the sea'::text) = embed('text_states', 'the sea'::text) AS vector, predict(:'iris'::uuid, '{{1,2,3,4},{5,6,7,8}}'::real[]) = predict('iris', '{{1,2,3,4},{5,6,7,8}}'::real[]) AS batch;
CREATE FUNCTION plan(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (' || options || ') ' || query LOOP
    RETURN NEXT regexp_replace(line, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'ID', 'g');
  END LOOP;
END $$;
SELECT plan(format('SELECT predict_class(%L::uuid, x) FROM t', :'iris'));

-- generated columns, indexes, constraints
CREATE TABLE flower (id int PRIMARY KEY, x real[]);
SELECT format('ALTER TABLE flower ADD class int GENERATED ALWAYS AS (predict_class(%L::uuid, x)) STORED', :'iris') \gexec
INSERT INTO flower SELECT id, x FROM t;
SELECT count(*) FROM flower WHERE class <> predict_class('iris', x);
UPDATE flower SET x = '{5.1,3.5,1.4,0.2}' WHERE id = 1 RETURNING id, class;
SELECT format('CREATE INDEX flower_label ON flower (predict_class(%L::uuid, x)) WHERE predict_class(%L::uuid, x) > 1', :'iris', :'iris') \gexec
ANALYZE flower;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT plan(format('SELECT id FROM flower WHERE predict_class(%L::uuid, x) = 2', :'iris'));
SELECT count(*) = (SELECT count(*) FROM flower WHERE class = 2) AS same FROM flower WHERE predict_class(:'iris'::uuid, x) = 2;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT format('ALTER TABLE flower ADD CHECK (predict_class(%L::uuid, x) < 3)', :'iris') \gexec
INSERT INTO flower VALUES (2001, '{1,2}');
-- by name none of this may be: what a name means changes
ALTER TABLE flower ADD other int GENERATED ALWAYS AS (predict_class('iris', x)) STORED;
CREATE INDEX ON flower (predict_class('iris', x));

-- postgres_fdw lets a server that has the extension answer
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS (extensions 'pg_mosaic');
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
CREATE FOREIGN TABLE remote (id int, x real[]) SERVER elsewhere;
SELECT plan(format('SELECT id FROM remote WHERE predict_class(%L::uuid, x) = 2', :'iris'), 'COSTS OFF, VERBOSE');
DROP EXTENSION postgres_fdw CASCADE;

-- what is gone is an error; the same elsewhere answers
SELECT drop_model('iris');
\set VERBOSITY terse
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2) IS NULL;
SELECT set_inputs('again');
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2);
SELECT content_id('again') = :'iris' AS again;
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2);
INSERT INTO flower VALUES (2002, '{5.1,3.5,1.4,0.2}') RETURNING class;
PREPARE p AS SELECT predict_class($1::uuid, 5.1, 3.5, 1.4, 0.2);
EXECUTE p (:'iris');
SELECT set_labels('again', '{a,b,c}');
EXECUTE p (:'iris');
SELECT predict_class('00000000-0000-0000-0000-000000000000'::uuid, '{1,2,3,4}'::real[]) FROM t LIMIT 1;
-- a kept version is one still
SELECT set_labels('again', NULL);
SELECT content_id('again') = :'iris' AS same;
SELECT i.tensors FROM import_model('again', :'models' || '/iris_float64.onnx', keep => 1) i;
SELECT content_id('again') <> :'iris' AS other;
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2), version FROM mosaic.versions WHERE content = :'iris';
-- a merge of near duplicates makes other weights
SELECT merged > 0 AS merged FROM dedup_model('dark', max_weight_error => 100, min_similarity => 0.01);
SELECT content IS NULL AS none FROM mosaic.model WHERE name = 'dark';
-- rights
CREATE ROLE regress_content;
GRANT EXECUTE ON FUNCTION content_id(text) TO regress_content;
SET ROLE regress_content;
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2);
SELECT content_id('again');
RESET ROLE;
SELECT grant_model('again', 'regress_content');
SET ROLE regress_content;
SELECT predict_class(:'iris'::uuid, 5.1, 3.5, 1.4, 0.2);
RESET ROLE;
SELECT content_id('nobody');
SELECT content_id(NULL);
SELECT * FROM check_store();

-- the same in another database
SELECT current_database() AS db \gset
-- its text is the name of no model
\set VERBOSITY default
SELECT predict_class(:'fashion', '{1}'::real[]);
\set VERBOSITY terse
CREATE DATABASE regress_content_db;
\c regress_content_db
CREATE EXTENSION pg_mosaic;
SELECT i.tensors FROM import_model('first', :'models' || '/fashion_dark.onnx') i;
SELECT i.tensors FROM import_model('f', :'models' || '/fashion_base.onnx') i;
SELECT content_id('f') = :'fashion' AS same;
\c :db
DROP DATABASE regress_content_db;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE t, flower;
DROP FUNCTION plan(text, text);
DROP ROLE regress_content;
