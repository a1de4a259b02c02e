-- check_store() finds what was damaged on purpose, repair_store() repairs what can be.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT * FROM check_store();
SELECT blocks FROM import_model('noise', :'data' || '/models/fashion_noise.onnx');
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
SELECT blocks FROM import_model('dark', :'data' || '/models/fashion_dark.onnx');
SELECT blocks FROM import_model('text', :'data' || '/models/text_classifier.onnx');
SELECT * FROM check_store();
SELECT * FROM repair_store();

CREATE TEMP TABLE expected AS
  SELECT m, predict(m, array_fill(0.5::real, '{784}')) AS p FROM unnest('{base,dark}'::text[]) m
  UNION ALL SELECT 'text', predict('text', '{1,2,3}'::int[]);
CREATE FUNCTION pg_temp.same() RETURNS bool LANGUAGE sql AS
$$ SELECT bool_and(p = CASE m WHEN 'text' THEN predict(m, '{1,2,3}'::int[]) ELSE predict(m, array_fill(0.5::real, '{784}')) END)
   FROM expected $$;
-- the nth block of a tensor
CREATE FUNCTION pg_temp.nth(model text, tensor int, n int) RETURNS int LANGUAGE sql AS
$$ SELECT (mosaic.map_blocks(map))[n] FROM mosaic.tensor t JOIN mosaic.model m USING (model_id)
   WHERE m.name = model AND tensor_no = tensor $$;

-- counts, orphans of both kinds, a lost row of block_meta, a wrong geometry: all repairable at once
UPDATE mosaic.block_meta SET models = 7 WHERE block_id = pg_temp.nth('dark', 2, 1);
INSERT INTO mosaic.block SELECT 1000001, data FROM mosaic.block WHERE block_id = pg_temp.nth('base', 0, 1);
INSERT INTO mosaic.block SELECT 1000002, data FROM mosaic.block WHERE block_id = pg_temp.nth('base', 0, 1);
INSERT INTO mosaic.block_meta SELECT 1000002, 1, geometry, hash, domain FROM mosaic.block_meta WHERE block_id = pg_temp.nth('base', 0, 1);
INSERT INTO mosaic.block_meta SELECT 1000003, 1, geometry, hash, domain FROM mosaic.block_meta WHERE block_id = pg_temp.nth('base', 0, 2);
DELETE FROM mosaic.block_meta WHERE block_id = pg_temp.nth('base', 0, 3);
UPDATE mosaic.block_meta SET geometry = geometry + (1::int8 << 16) WHERE block_id = pg_temp.nth('text', 0, 2);
SELECT problem, model, tensor, detail FROM check_store();
-- a dry run says the same of each, changes nothing and locks nothing
BEGIN READ ONLY;
SELECT count(*), bool_and(repaired) FROM repair_store(dry_run => true);
ROLLBACK;
CREATE TEMP TABLE planned AS SELECT * FROM repair_store(dry_run => true);
TABLE planned EXCEPT SELECT * FROM repair_store();
SELECT count(*) FROM planned;
SELECT * FROM check_store();
SELECT pg_temp.same();

-- a block stored twice: the maps come to name the first
INSERT INTO mosaic.block SELECT 1000004, data FROM mosaic.block WHERE block_id = pg_temp.nth('base', 0, 5);
INSERT INTO mosaic.block_meta SELECT 1000004, 1, geometry, hash, domain FROM mosaic.block_meta WHERE block_id = pg_temp.nth('base', 0, 5);
UPDATE mosaic.tensor SET map = overlay(map PLACING decode('44420f00', 'hex') FROM 12 + 4 * 4 + 1)
  WHERE tensor_no = 0 AND model_id = mosaic.model_id('dark');
UPDATE mosaic.block_meta SET models = 1 WHERE block_id = pg_temp.nth('base', 0, 5);
UPDATE mosaic.model SET checksum = mosaic.model_checksum(model_id) WHERE name = 'dark';
\c -
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.nth(model text, tensor int, n int) RETURNS int LANGUAGE sql AS
$$ SELECT (mosaic.map_blocks(map))[n] FROM mosaic.tensor t JOIN mosaic.model m USING (model_id)
   WHERE m.name = model AND tensor_no = tensor $$;
SELECT pg_temp.nth('dark', 0, 5), predict('dark', array_fill(0.5::real, '{784}')) AS before \gset
SELECT problem, block_id, detail = 'equal to block ' || pg_temp.nth('base', 0, 5) AS named FROM check_store();
SELECT problem, repaired FROM repair_store();
SELECT * FROM check_store();
SELECT predict('dark', array_fill(0.5::real, '{784}')) = :'before'::real[] AS same, pg_temp.nth('dark', 0, 5) = pg_temp.nth('base', 0, 5) AS shared;
SELECT count(*) FROM mosaic.block WHERE block_id = 1000004;

-- places are a hint: lost or wrong, predictions stay; repair writes them anew
UPDATE mosaic.tensor SET places = NULL WHERE model_id = mosaic.model_id('base') AND tensor_no = 0;
UPDATE mosaic.tensor SET places = decode(repeat('000000000100', 40), 'hex') WHERE model_id = mosaic.model_id('dark') AND tensor_no = 2;
SELECT * FROM check_store();
SELECT * FROM mosaic.places ORDER BY model;
SELECT * FROM repair_store();
SELECT sum(moved) FROM mosaic.places;
SELECT drop_model('noise');
VACUUM FULL mosaic.block;
SELECT predict('dark', array_fill(0.5::real, '{784}')) = :'before'::real[] AS same;
SELECT * FROM check_store();
SELECT sum(moved) > 300 AS moved FROM mosaic.places;
SELECT * FROM repair_store();
SELECT sum(moved) FROM mosaic.places;

-- models whose rows were lost, as where a role is missing at a restore: nothing of theirs is deleted, unless that is wanted
CREATE TABLE saved_models AS TABLE mosaic.model;
CREATE TABLE saved_domains AS TABLE mosaic.domain;
DELETE FROM mosaic.model;
DELETE FROM mosaic.domain;
SELECT problem, count(*) FROM check_store() GROUP BY 1;
SELECT problem, repaired, count(*) FROM repair_store(dry_run => true) GROUP BY 1, 2;
SET client_min_messages = warning;
SELECT problem, repaired, count(*) FROM repair_store() GROUP BY 1, 2;
INSERT INTO mosaic.domain TABLE saved_domains;
-- one model is back, the others share blocks with it: their counts stay
INSERT INTO mosaic.model SELECT * FROM saved_models WHERE name = 'base';
SELECT problem, repaired, count(*) FROM repair_store() GROUP BY 1, 2;
INSERT INTO mosaic.model SELECT * FROM saved_models WHERE name <> 'base';
SELECT * FROM check_store();
SELECT predict('dark', array_fill(0.5::real, '{784}')) = :'before'::real[] AS same;
-- no tensors either
BEGIN;
DELETE FROM mosaic.model;
DELETE FROM mosaic.tensor;
SELECT problem, repaired, count(*) > 300 AS many FROM repair_store() GROUP BY 1, 2;
SELECT problem, repaired, count(*) > 300 AS many FROM repair_store(delete_orphans => true) GROUP BY 1, 2;
SELECT count(*) FROM mosaic.block;
ROLLBACK;
-- a model that is gone for good
INSERT INTO mosaic.tensor SELECT 999, tensor_no, name, dtype, dims, layout, stored_dtype, transposed, matrix_rows, matrix_cols,
  block_rows, block_cols, value, map, places FROM mosaic.tensor WHERE model_id = mosaic.model_id('text');
SELECT problem, model, min(tensor), min(detail) FROM check_store() GROUP BY 1, 2 ORDER BY 1;
CREATE TEMP TABLE planned2 AS SELECT * FROM repair_store(dry_run => true, delete_orphans => true);
TABLE planned2 EXCEPT SELECT * FROM repair_store(delete_orphans => true);
SELECT problem, repaired, count(*) FROM planned2 GROUP BY 1, 2 ORDER BY 1;
SELECT * FROM check_store();
DROP TABLE saved_models, saved_domains;

-- a sharing domain that is gone
BEGIN;
DELETE FROM mosaic.domain;
SELECT problem, model, regexp_replace(detail, '\d+', 'n') AS detail FROM check_store() ORDER BY model;
SELECT DISTINCT problem, repaired FROM repair_store();
SELECT predict('dark', array_fill(0.5::real, '{784}')) = :'before'::real[] AS same;
ROLLBACK;

-- sequences that are behind, as after logical replication
SELECT setval('mosaic.block_id_seq', 5), setval('mosaic.model_id_seq', 1), setval('mosaic.domain_id_seq', 1, false);
SELECT problem, detail ~ '^mosaic.(block|model|domain)_id_seq gave [0-9]+ last, but [0-9]+ is in use$' AS says FROM check_store();
SELECT problem, repaired FROM repair_store(dry_run => true);
SELECT problem, repaired FROM repair_store();
SELECT * FROM check_store();
\getenv data MOSAIC_TEST_DATA
SELECT blocks > 0 AS imported FROM import_model('after', :'data' || '/models/fashion_shoes.onnx', domain => 'other');
SELECT drop_model('after');

-- not repairable: damaged and lost payloads stay reported, and the others stay usable
BEGIN;
CREATE TEMP TABLE t AS SELECT pg_temp.nth('base', 2, 1) AS a, pg_temp.nth('base', 2, 2) AS b, pg_temp.nth('text', 0, 1) AS c;
CREATE TEMP TABLE damaged AS SELECT block_id, overlay(data PLACING '\xff' FROM 100) AS data FROM mosaic.block, t WHERE block_id = a;
DELETE FROM mosaic.block USING t WHERE block_id IN (a, b, c);
INSERT INTO mosaic.block SELECT block_id, data FROM damaged;
INSERT INTO mosaic.block SELECT c, decode(repeat('00', 256), 'hex') FROM t;
SELECT problem, model, tensor, detail FROM check_store();
SELECT problem, model, tensor, repaired FROM repair_store();
SELECT problem, model, tensor FROM check_store();
ROLLBACK;
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT problem, model, tensor, detail FROM check_store() WHERE problem <> 'orphan block';
SELECT problem, model, tensor, repaired FROM repair_store() WHERE problem <> 'orphan block';
SELECT count(*) AS not_deleted FROM check_store() WHERE problem = 'orphan block';
ROLLBACK;
BEGIN;
DELETE FROM mosaic.tensor WHERE model_id = mosaic.model_id('base') AND tensor_no = 2;
SELECT problem, model, tensor, detail FROM check_store() WHERE problem LIKE '%tensor';
SELECT problem, repaired FROM repair_store() WHERE problem LIKE '%tensor';
-- importing it again repairs
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx', replace => true);
SELECT DISTINCT problem FROM check_store();
SELECT DISTINCT problem, repaired FROM repair_store();
SELECT * FROM check_store();
ROLLBACK;
SELECT * FROM check_store();

-- aliases that mean what is not there, as where rows came in part; nobody but their owner can say what they should mean
SELECT set_alias('prod', 'base'), set_alias('split', 'base@1', 'dark', 0.5);
SELECT * FROM check_store();
BEGIN;
UPDATE mosaic.alias SET model = 'gone' WHERE name = 'prod';
UPDATE mosaic.alias SET version = 7, canary_version = 8 WHERE name = 'split';
INSERT INTO mosaic.alias SELECT 'text', owner, readers, 'text', NULL, NULL, NULL, NULL FROM mosaic.alias WHERE name = 'split';
INSERT INTO mosaic.alias SELECT 'lonely', owner, readers, 'text', NULL, NULL, NULL, 0.5 FROM mosaic.alias WHERE name = 'split';
INSERT INTO mosaic.alias SELECT 'shareless', owner, readers, 'text', NULL, 'base', NULL, NULL FROM mosaic.alias WHERE name = 'split';
ALTER TABLE mosaic.alias DROP CONSTRAINT alias_share_check;
INSERT INTO mosaic.alias SELECT 'much', owner, readers, 'text', NULL, 'base', NULL, 1.5 FROM mosaic.alias WHERE name = 'split';
INSERT INTO mosaic.alias SELECT 'nan', owner, readers, 'text', NULL, 'base', NULL, 'NaN' FROM mosaic.alias WHERE name = 'split';
SELECT problem, model, detail FROM check_store() ORDER BY detail COLLATE "C";
SELECT DISTINCT problem, repaired FROM repair_store();
SELECT set_alias('prod', 'base'), drop_alias(name) FROM mosaic.alias WHERE name NOT IN ('prod', 'text');
DELETE FROM mosaic.alias WHERE name = 'text';
SELECT * FROM check_store();
ROLLBACK;
-- a role that is gone
BEGIN;
ALTER TABLE mosaic.alias DISABLE TRIGGER hold_roles;
UPDATE mosaic.alias SET owner = (SELECT max(oid::int8) + 1 FROM pg_roles)::oid::regrole WHERE name = 'prod';
SELECT problem, model, detail FROM check_store();
SELECT reassign_models(NULL, current_user::regrole);
SELECT * FROM check_store();
ROLLBACK;
SELECT drop_alias('prod'), drop_alias('split');

-- read-only, and not for everyone
BEGIN READ ONLY;
SELECT * FROM check_store();
SELECT * FROM repair_store();
ROLLBACK;
CREATE ROLE mosaic_nobody;
SET ROLE mosaic_nobody;
SELECT * FROM check_store();
SELECT * FROM repair_store();
RESET ROLE;
DROP ROLE mosaic_nobody;
DROP EXTENSION pg_mosaic CASCADE;
