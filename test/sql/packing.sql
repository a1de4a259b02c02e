-- Packing: fewer pages, the same predictions, progress, privileges, space given back.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
-- an empty store
SELECT * FROM pack_models();
SELECT * FROM mosaic.pages;

-- an import lies in the order of reading: its pages are one run, its places ascend
SELECT blocks FROM import_model('noise', :'data' || '/models/fashion_noise.onnx');
SELECT * FROM mosaic.model_pages;
CREATE FUNCTION pg_temp.out_of_order(model text) RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FILTER (WHERE place < before)
   FROM (SELECT b.ctid AS place, lag(b.ctid) OVER (ORDER BY t.tensor_no, i.n) AS before
         FROM mosaic.tensor t CROSS JOIN unnest(mosaic.map_blocks(t.map)) WITH ORDINALITY i (id, n)
         JOIN mosaic.block b ON b.block_id = i.id WHERE t.model_id = mosaic.model_id(model)) o $$;
SELECT pg_temp.out_of_order('noise');

-- holes: what is left of one model lies among the blocks of others
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
SELECT blocks FROM import_model('dark', :'data' || '/models/fashion_dark.onnx');
SELECT blocks FROM import_model('shoes', :'data' || '/models/fashion_shoes.onnx');
SELECT blocks FROM import_model('text', :'data' || '/models/text_classifier.onnx');
SELECT drop_model('noise');
VACUUM mosaic.block;
SELECT blocks FROM import_model('encoder', :'data' || '/models/encoder_opset17.onnx');
CREATE TEMP TABLE expected AS
  SELECT m, predict(m, array_fill(0.5::real, '{784}')) AS p FROM unnest('{base,dark,shoes}'::text[]) m
  UNION ALL SELECT 'text', predict('text', '{1,2,3}'::int[]) UNION ALL SELECT 'encoder', predict('encoder', '{1,2,3}'::int[]);
CREATE FUNCTION pg_temp.same() RETURNS bool LANGUAGE sql AS
$$ SELECT bool_and(p = CASE WHEN m IN ('text', 'encoder') THEN predict(m, '{1,2,3}'::int[]) ELSE predict(m, array_fill(0.5::real, '{784}')) END)
   FROM expected $$;
SELECT models, blocks, pages >= pages_minimum AS bound, fill BETWEEN 0 AND 1 AS fill FROM mosaic.pages ORDER BY models;

-- a dry run says what a packing then does, and changes nothing
SELECT md5(string_agg(block_id || ctid::text, ',' ORDER BY block_id)) AS before FROM mosaic.block \gset
CREATE TEMP TABLE dry AS SELECT * FROM pack_models(dry_run => true);
SELECT :'before' = md5(string_agg(block_id || ctid::text, ',' ORDER BY block_id)) AS untouched FROM mosaic.block;
CREATE TEMP TABLE real AS SELECT * FROM pack_models();
SELECT count(*) AS differs FROM (TABLE dry EXCEPT TABLE real) d;
SELECT pages_after < pages_before AS fewer, pages_after <= pages_minimum * 1.02 + 1 AS bound, blocks_moved > 0 AS moved FROM real WHERE model IS NULL;
-- small models, many sizes of blocks: a page or two more than the bound
SELECT model, pages_after <= pages_minimum * 1.02 + 3 AS minimum FROM real WHERE model IS NOT NULL ORDER BY 1;
SELECT r.model, r.pages_after = p.pages AS pages, r.runs_after = p.runs AS runs FROM real r JOIN mosaic.model_pages p USING (model) ORDER BY 1;
SELECT pg_temp.same();
SELECT * FROM check_store();

-- again: nothing to do
SELECT blocks_moved FROM pack_models(give_back => false) WHERE model IS NULL;
SELECT blocks_moved FROM pack_models('reads', give_back => false) WHERE model IS NULL;

-- rolled back: as if nothing had been
SELECT drop_model('shoes');
SELECT drop_model('dark');
SELECT md5(string_agg(block_id || ctid::text, ',' ORDER BY block_id)) AS before FROM mosaic.block \gset
BEGIN;
SELECT blocks_moved > 0 AS moved FROM pack_models('reads') WHERE model IS NULL;
DELETE FROM expected WHERE m IN ('shoes', 'dark');
SELECT pg_temp.same();
ROLLBACK;
DELETE FROM expected WHERE m IN ('shoes', 'dark');
SELECT :'before' = md5(string_agg(block_id || ctid::text, ',' ORDER BY block_id)) AS untouched FROM mosaic.block;
SELECT pg_temp.same();
SELECT * FROM check_store();

-- space goes back to the operating system: pack, vacuum, pack, vacuum
SELECT drop_model('base');
DELETE FROM expected WHERE m = 'base';
VACUUM mosaic.block;
SELECT count(*) > 0 AS ran FROM pack_models();
VACUUM mosaic.block;
SELECT count(*) > 0 AS ran FROM pack_models();
VACUUM mosaic.block;
SELECT pages_after AS packed FROM pack_models(dry_run => true) WHERE model IS NULL \gset
SELECT pg_relation_size('mosaic.block') / 8192 <= :packed + 1 AS given_back;
SELECT pg_temp.same();
SELECT * FROM check_store();

-- a subtransaction, and an import after it, in one transaction
BEGIN;
SELECT blocks FROM import_model('iris', :'data' || '/models/iris.onnx');
SAVEPOINT s;
SELECT count(*) > 0 AS ran FROM pack_models('reads');
ROLLBACK TO s;
SELECT count(*) > 0 AS ran FROM pack_models('reads');
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
COMMIT;
SELECT * FROM check_store();
SELECT pg_temp.same();

-- VACUUM FULL and CLUSTER move blocks too; packing remembers the new places
VACUUM FULL mosaic.block;
CLUSTER mosaic.block USING block_pkey;
SELECT pg_temp.same();
SELECT count(*) > 0 AS ran FROM pack_models();
SELECT * FROM check_store();
SELECT pg_temp.same();

-- progress: nothing is left over (test/specs/pack_all.spec sees it under way)
SELECT count(*) FROM mosaic.progress;

-- errors and privileges
SELECT * FROM pack_models('speed');
SELECT * FROM pack_models(NULL);
SELECT * FROM pack_models(dry_run => NULL);
BEGIN READ ONLY;
SELECT count(*) > 0 AS dry FROM pack_models(dry_run => true);
SELECT * FROM pack_models();
ROLLBACK;
CREATE ROLE mosaic_nobody;
SET ROLE mosaic_nobody;
SELECT * FROM pack_models();
SELECT * FROM mosaic.pages;
SELECT * FROM mosaic.model_pages;
SELECT * FROM mosaic.progress;
RESET ROLE;
GRANT pg_monitor TO mosaic_nobody;
SET ROLE mosaic_nobody;
SELECT count(*) > 0 AS pages FROM mosaic.pages;
SELECT count(*) > 0 AS model_pages FROM mosaic.model_pages;
RESET ROLE;
DROP ROLE mosaic_nobody;

-- what is damaged is not packed
DELETE FROM mosaic.block_meta WHERE block_id = (SELECT min(block_id) FROM mosaic.block_meta);
SELECT * FROM pack_models();
SELECT * FROM repair_store() WHERE NOT repaired;
SELECT count(*) > 0 AS ran FROM pack_models();
DROP EXTENSION pg_mosaic CASCADE;
