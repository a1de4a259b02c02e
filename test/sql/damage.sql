-- A store damaged on purpose: what is damaged is named, and can be dropped or replaced.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
SELECT blocks FROM import_model('dark', :'data' || '/models/fashion_dark.onnx');
SELECT blocks FROM import_model('text', :'data' || '/models/text_classifier.onnx');
CREATE TEMP TABLE expected AS SELECT predict('base', array_fill(0.5::real, '{784}')) AS base, predict('text', '{1,2,3}'::int[]) AS text;
CREATE FUNCTION same() RETURNS bool LANGUAGE sql AS
$$ SELECT base = predict('base', array_fill(0.5::real, '{784}')) AND text = predict('text', '{1,2,3}'::int[]) FROM expected $$;
CREATE VIEW problems AS SELECT problem, model, tensor, detail FROM check_store()
  WHERE problem NOT IN ('orphan block', 'wrong count');

-- a damaged map: blocks are left behind, and found
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE model_id = mosaic.model_id('dark') AND tensor_no = 0;
UPDATE mosaic.tensor SET map = overlay(map PLACING '\x00' FROM 1) WHERE model_id = mosaic.model_id('dark') AND tensor_no = 2;
SELECT * FROM problems;
SELECT predict('dark', array_fill(0.5::real, '{784}'));
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE model_id = mosaic.model_id('dark') AND tensor_no = 0;
UPDATE mosaic.tensor SET map = overlay(map PLACING '\x00' FROM 1) WHERE model_id = mosaic.model_id('dark') AND tensor_no = 2;
SELECT drop_model('dark');
SELECT count(*) FROM mosaic.model WHERE name = 'dark';
SELECT problem, count(*) > 0 AS some FROM check_store() GROUP BY 1 ORDER BY 1;
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
SELECT same();
ROLLBACK;
-- the same by replacing, with the graph damaged too
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE model_id = mosaic.model_id('base') AND tensor_no = 0;
UPDATE mosaic.model SET graph = '\x1234' WHERE name = 'base';
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx', replace => true);
SELECT same();
SELECT count(*) > 0 AS left_behind FROM check_store();
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
ROLLBACK;
SELECT * FROM check_store();

-- lost blocks and lost rows of block_meta
BEGIN;
CREATE TEMP TABLE lost ON COMMIT DROP AS SELECT b, row_number() OVER () AS n
  FROM (SELECT unnest(mosaic.map_blocks(map)) AS b FROM mosaic.tensor WHERE model_id = mosaic.model_id('dark') AND tensor_no = 0 LIMIT 5) t;
DELETE FROM mosaic.block WHERE block_id IN (SELECT b FROM lost WHERE n <= 3);
DELETE FROM mosaic.block_meta WHERE block_id IN (SELECT b FROM lost WHERE n = 5);
SELECT problem, count(*) FROM check_store() WHERE problem <> 'orphan near key' GROUP BY 1 ORDER BY 1;
SAVEPOINT s;
SELECT drop_model('dark');
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
SELECT same();
ROLLBACK TO s;
ROLLBACK;
-- what keeps a model from being loaded is found, each alone; then nothing is deleted
BEGIN;
INSERT INTO mosaic.block SELECT 1000001, data FROM mosaic.block LIMIT 1;
SAVEPOINT s;
UPDATE mosaic.model SET graph = '\x00' WHERE name = 'text';
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.model SET graph = substr(graph, 1, length(graph) - 9) WHERE name = 'text';
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.model SET graph = '' WHERE name = 'text';
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET block_rows = 0 WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
SELECT problem, repaired FROM repair_store();
SELECT drop_model('text');
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
ROLLBACK TO s;
UPDATE mosaic.tensor SET block_rows = 1 << 20, block_cols = -7 WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET dims = dims[1:1] || 7::int8 WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET dims = array_fill(1::int8, '{9}') WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET dims = '{NULL}' WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET value = substr(value, 2) WHERE model_id = mosaic.model_id('base') AND tensor_no = (SELECT min(tensor_no) FROM mosaic.tensor WHERE model_id = mosaic.model_id('base') AND value IS NOT NULL);
SELECT * FROM problems;
ROLLBACK TO s;
UPDATE mosaic.tensor SET dtype = 99 WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT * FROM problems;
ROLLBACK TO s;
-- the last tensor is gone: no gap shows it, the graph does
DELETE FROM mosaic.tensor WHERE model_id = mosaic.model_id('base') AND tensor_no = (SELECT max(tensor_no) FROM mosaic.tensor WHERE model_id = mosaic.model_id('base'));
SELECT * FROM problems;
ROLLBACK TO s;
DELETE FROM mosaic.tensor WHERE model_id = mosaic.model_id('base');
SELECT * FROM problems;
SELECT problem, repaired FROM repair_store() WHERE problem = 'damaged model';
SELECT count(*) > 0 AS kept FROM mosaic.block WHERE block_id = 1000001;
ROLLBACK;

-- absurd numbers and ids: a row for a gap, however large, and a bound on what is said of one tensor
BEGIN;
SET LOCAL statement_timeout = '60s';
UPDATE mosaic.tensor SET tensor_no = 2147483647 WHERE model_id = mosaic.model_id('base') AND tensor_no = 2;
SELECT problem, model, tensor, detail FROM check_store();
SELECT problem, model, detail, repaired FROM repair_store();
ROLLBACK;
BEGIN;
UPDATE mosaic.tensor SET tensor_no = -5 WHERE model_id = mosaic.model_id('base') AND tensor_no = 2;
SELECT problem, model, tensor, detail FROM check_store();
ROLLBACK;
BEGIN;
UPDATE mosaic.tensor SET map = '\x4d4d41500100000088130000'::bytea || (SELECT string_agg(int4send(i), '') FROM generate_series(1, 5000) i)
  WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT problem, model, tensor, count(*), max(detail) FILTER (WHERE block_id IS NULL) AS more FROM check_store() WHERE model = 'text' GROUP BY 1, 2, 3;
ROLLBACK;

-- importing again stores what was lost anew
CREATE TEMP TABLE lost AS SELECT unnest(mosaic.map_blocks(map)) AS b FROM mosaic.tensor WHERE model_id = mosaic.model_id('dark') AND tensor_no = 0 LIMIT 3;
DELETE FROM mosaic.block WHERE block_id IN (SELECT b FROM lost);
VACUUM mosaic.block;
\c -
SET client_min_messages = warning;
\getenv data MOSAIC_TEST_DATA
SELECT predict('dark', array_fill(0.5::real, '{784}'));
\echo :LAST_ERROR_SQLSTATE
SELECT blocks - blocks_shared AS anew FROM import_model('dark', :'data' || '/models/fashion_dark.onnx', replace => true);
SELECT array_length(predict('dark', array_fill(0.5::real, '{784}')), 1);
SELECT blocks - blocks_shared AS anew FROM import_model('base', :'data' || '/models/fashion_base.onnx', replace => true);
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
CREATE TEMP TABLE expected AS SELECT predict('base', array_fill(0.5::real, '{784}')) AS base, predict('text', '{1,2,3}'::int[]) AS text;

-- values stored out of line whose chunks are lost
CREATE EXTENSION pg_surgery;
ALTER TABLE mosaic.tensor SET (toast_tuple_target = 128);
SELECT blocks FROM import_model('far', :'data' || '/models/fashion_shoes.onnx');
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'mosaic.tensor'::regclass \gset
DO $$ DECLARE t text = (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'mosaic.tensor'::regclass); tids tid[];
BEGIN
  EXECUTE 'SELECT array_agg(ctid) FROM ' || t INTO tids;
  PERFORM heap_force_kill(t::regclass, tids);
END $$;
SELECT * FROM problems;
\set VERBOSITY terse
SELECT drop_model('far');
\set VERBOSITY default
SELECT bool_and(repaired) FROM repair_store();
SELECT * FROM check_store();
SELECT same();

-- labels whose bytes say more than there is: a count, a length, another type
CREATE TABLE bent (n int, labels bytea);
INSERT INTO bent VALUES (1, '\x010000000000000019000000ffffff7f0100000018000000'), (2, '\x0100000000000000190000000a00000001000000fcffffff'),
  (3, '\x0100000000000000170000000a0000000100000018000000'), (4, '\x06'), (5, '\x0100000000000000190000000a00000001000000'),
  (6, '\x0100000000000000190000000a0000000100000001');
SET allow_system_table_mods = on;
UPDATE pg_attribute SET atttypid = 'text[]'::regtype WHERE attrelid = 'bent'::regclass AND attname = 'labels';
RESET allow_system_table_mods;
\set VERBOSITY sqlstate
SELECT 'BEGIN', format('UPDATE mosaic.model SET labels = (SELECT labels FROM bent WHERE n = %s) WHERE name = ''base''', n),
       'SELECT predict_label(''base'', array_fill(0.5::real, ''{784}''))', 'ROLLBACK' FROM bent ORDER BY n \gexec
\set VERBOSITY default
DROP TABLE bent;

-- what views read of a model, and no checksum covers: readers, labels, description; whoever may not use it sees nothing of it
SELECT blocks FROM import_model('secret', :'data' || '/models/iris.onnx');
CREATE ROLE regress_damage_nobody;
CREATE TABLE bent (what text, readers bytea, labels bytea, description bytea);
INSERT INTO bent VALUES ('dimensions of readers', '\x060000000000000019000000', NULL, NULL),
  ('length of readers', '\x010000000000000019000000ffffff7f01000000', NULL, NULL),
  ('length of labels', NULL, '\x010000000000000019000000ffffff7f0100000018000000', NULL),
  ('a label', NULL, '\x0100000000000000190000000100000001000000fcffffff', NULL),
  ('a label of one byte', NULL, '\x0100000000000000190000000300000001000000030000003362626262626262626262626262626262626262626262626225626274657874626262626262626262626262626262626262000014000000780000001400000079000000', NULL),
  ('behind the labels', NULL, '\x010000000000000019000000010000000100000014000000780000000000000000000000', NULL),
  ('number of keys', NULL, NULL, '\xffffff2f01000000'), ('end of a key', NULL, NULL, '\x01000020ffffff0f000000406f'),
  ('kind of a value', NULL, NULL, '\x0100002001000000000000706f'), ('a number', NULL, NULL, '\x0100002001000000080000106f000000ffffff7f'),
  ('no container', NULL, NULL, '\x01000000');
SET allow_system_table_mods = on;
UPDATE pg_attribute SET atttypid = ('{readers,mosaic.role[],labels,text[],description,jsonb}'::text[])[array_position('{readers,mosaic.role[],labels,text[],description,jsonb}'::text[], attname::text) + 1]::regtype
  WHERE attrelid = 'bent'::regclass AND attname IN ('readers', 'labels', 'description');
RESET allow_system_table_mods;
SELECT $$BEGIN$$, $$ALTER TABLE mosaic.model DISABLE TRIGGER hold_roles$$,
  format($$UPDATE mosaic.model m SET readers = coalesce(b.readers, m.readers), labels = b.labels, description = coalesce(b.description, m.description)
    FROM bent b WHERE b.what = %L AND m.name = 'secret'$$, what),
  format($$SELECT %L AS changed, p.* FROM problems p$$, what), 'SAVEPOINT s', 'SELECT to_jsonb(m) FROM mosaic.models m', 'ROLLBACK TO s', 'SELECT to_jsonb(v) FROM mosaic.versions v', 'ROLLBACK TO s',
  $$SELECT model_info('secret')$$, 'ROLLBACK TO s', 'SELECT mosaic.report()', 'ROLLBACK TO s', 'ANALYZE mosaic.model', format('SELECT name FROM mosaic.models WHERE model_id = %s', mosaic.model_id('text')), 'ROLLBACK TO s', $$SELECT model_info('text') ->> 'name' AS name$$, 'ROLLBACK TO s',
  'SET LOCAL ROLE regress_damage_nobody', 'SELECT to_jsonb(m) FROM mosaic.models m', 'ROLLBACK' FROM bent ORDER BY ctid \gexec
-- the same of what belongs to others
BEGIN;
UPDATE mosaic.tensor SET dims = '{{1,2},{3,4}}' WHERE model_id = mosaic.model_id('secret') AND tensor_no = 0;
SELECT * FROM problems;
\set VERBOSITY sqlstate
SELECT count(dims::text) FROM mosaic.tensors;
\set VERBOSITY default
ROLLBACK;
BEGIN;
SELECT set_alias('also', 'secret');
ALTER TABLE mosaic.alias DISABLE TRIGGER hold_roles;
UPDATE mosaic.alias SET readers = b.readers FROM bent b WHERE what = 'dimensions of readers';
SELECT * FROM problems;
SELECT to_jsonb(a) FROM mosaic.aliases a;
ROLLBACK;
BEGIN;
SELECT set_tokenizer('text', pg_read_binary_file(:'data' || '/text/wordpiece.json'));
UPDATE mosaic.tokenizer SET description = b.description FROM bent b WHERE what = 'end of a key';
SELECT * FROM problems;
SELECT to_jsonb(t) FROM mosaic.tokenizers t;
ROLLBACK;
BEGIN;
INSERT INTO mosaic.dedup_run SELECT m, m, NULL, NULL, NULL, '{1}', '{1}', '{1}', '{{t},{f}}' FROM mosaic.model_id('secret') m;
INSERT INTO mosaic.dedup_decision SELECT m, '0.weight', '{1}', '{1}', '{1}', '{m}', '{NULL}' FROM mosaic.model_id('secret') m;
SELECT * FROM problems;
SAVEPOINT s;
SELECT to_jsonb(l) FROM mosaic.dedup_log l;
ROLLBACK TO s;
SELECT to_jsonb(r) FROM mosaic.dedup_runs r;
ROLLBACK;
-- readers out of line, of which pieces are lost: not there for others, an error that names the model for its owner
BEGIN;
ALTER TABLE mosaic.model ALTER readers SET STORAGE EXTERNAL, SET (toast_tuple_target = 128);
ALTER TABLE mosaic.model DISABLE TRIGGER hold_roles;
UPDATE mosaic.model SET readers = (SELECT array_agg('regress_damage_nobody'::regrole::mosaic.role) FROM generate_series(1, 300)) WHERE name = 'secret';
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'mosaic.model'::regclass \gset
SELECT array_agg(ctid) AS pieces FROM :toast WHERE chunk_id = (SELECT chunk_id FROM :toast GROUP BY 1 ORDER BY sum(length(chunk_data)) DESC LIMIT 1) \gset
SELECT heap_force_kill(:'toast'::regclass, :'pieces'::tid[]);
SELECT problem, model, regexp_replace(detail, '\d+ of its \d+', '...') AS detail FROM problems;
SAVEPOINT s;
\set VERBOSITY sqlstate
SELECT name FROM mosaic.models;
\set VERBOSITY default
ROLLBACK TO s;
SET LOCAL ROLE regress_damage_nobody;
SELECT name FROM mosaic.models;
ROLLBACK;
-- and only tables of the extension
SELECT mosaic.is_sound('pg_class'::regclass, '(0,1)');
\echo :LAST_ERROR_SQLSTATE
SELECT mosaic.is_sound('mosaic.block'::regclass, '(0,1)');
\echo :LAST_ERROR_SQLSTATE
SELECT mosaic.is_sound('mosaic.model'::regclass, '(0,200)');
\echo :LAST_ERROR_SQLSTATE
-- whoever asks: places that are none neither add a page nor look for a file
SELECT pg_relation_size('mosaic.model') AS size \gset
SET ROLE regress_damage_nobody;
SELECT mosaic.is_sound('mosaic.model'::regclass, '(4294967295,1)');
SELECT mosaic.is_sound('mosaic.model'::regclass, '(4000000,1)');
SELECT mosaic.is_sound('mosaic.model'::regclass, '(0,0)');
RESET ROLE;
SELECT pg_relation_size('mosaic.model') = :size AS unchanged;
DROP TABLE bent;
DROP ROLE regress_damage_nobody;

DROP VIEW problems;
DROP FUNCTION same();
DROP EXTENSION pg_surgery;
DROP EXTENSION pg_mosaic CASCADE;
