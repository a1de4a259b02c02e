-- Import from every source, exact sharing, replace, rename, drop.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set base :data/models/fashion_base.onnx
\set iris :data/models/iris.onnx

-- from a server file: a first import stores all its blocks, a second none
SELECT model, tensors, blocks, blocks_shared, weight_bytes, new_bytes > weight_bytes AS stored, seconds > 0 AS timed
  FROM import_model('base', :'base');
SELECT model, tensors, blocks, blocks_shared, weight_bytes, new_bytes
  FROM import_model('again', :'base');
SELECT models, block_references, blocks, ratio, format_version, block_height FROM mosaic.storage;

-- from bytes, and from a large object; also from a stored, compressed value
CREATE TABLE files (name text, content bytea);
INSERT INTO files VALUES ('base', pg_read_binary_file(:'base')), ('iris', pg_read_binary_file(:'iris'));
SELECT blocks = blocks_shared AS all_shared, new_bytes FROM import_model('bytes', (SELECT content FROM files WHERE name = 'base'));
SELECT lo_from_bytea(0, content) AS lo FROM files WHERE name = 'base' \gset
SELECT blocks = blocks_shared AS all_shared, new_bytes FROM import_model('lo', large_object => :lo);
SELECT lo_unlink(:lo);

-- blocks are shared whatever tensors are called and in which order they come: the first layer of
-- fashion_dark is that of fashion_base, and only the last layer of fashion_shoes is its own
\set dark :data/models/fashion_dark.onnx
\set shoes :data/models/fashion_shoes.onnx
\set noise :data/models/fashion_noise.onnx
SELECT blocks - blocks_shared AS own FROM import_model('dark', :'dark');
SELECT blocks - blocks_shared AS own FROM import_model('shoes', :'shoes');
SELECT blocks - blocks_shared AS own FROM import_model('noise', :'noise');
SELECT name, blocks, shared_blocks FROM mosaic.models ORDER BY name;

-- counts of users agree with the maps, and every block is there once
CREATE VIEW count_faults AS
SELECT block_id, m.models, count(DISTINCT t.model_id) AS maps
  FROM mosaic.block_meta m
  LEFT JOIN (SELECT model_id, unnest(mosaic.map_blocks(map)) AS block_id FROM mosaic.tensor) t USING (block_id)
  GROUP BY 1, 2 HAVING m.models <> count(DISTINCT t.model_id);
CREATE VIEW orphans AS
SELECT block_id FROM mosaic.block b FULL JOIN mosaic.block_meta m USING (block_id)
  WHERE b.block_id IS NULL OR m.block_id IS NULL OR octet_length(b.data) + 32 <> mosaic.geometry_bytes(m.geometry);
SELECT * FROM count_faults;
SELECT * FROM orphans;
SELECT count(*) - count(DISTINCT (hash, geometry)) AS duplicates FROM mosaic.block_meta;

-- an existing name
\set VERBOSITY sqlstate
SELECT import_model('base', :'base');
\set VERBOSITY default
SELECT import_model('base', :'base');
-- replace: the old version's own blocks go, a shared one stays
SELECT model_id AS old_id FROM mosaic.models WHERE name = 'noise' \gset
SELECT blocks - blocks_shared AS own FROM import_model('noise', :'iris', replace => true);
SELECT model_id > :old_id AS new_version, outputs FROM mosaic.models WHERE name = 'noise';
SELECT * FROM count_faults;
SELECT * FROM orphans;
-- replaced by itself: nothing new
SELECT blocks = blocks_shared AS all_shared, new_bytes FROM import_model('base', :'base', replace => true);
-- replace where there is nothing to replace
SELECT blocks = blocks_shared AS all_shared FROM import_model('fresh', :'base', replace => true);

-- rename
SELECT rename_model('fresh', 'renamed');
SELECT predict_class('renamed', array_fill(0.5::real, '{784}')) = predict_class('base', array_fill(0.5::real, '{784}')) AS same;
SELECT rename_model('renamed', 'base');
SELECT rename_model('renamed', 'renamed');
SELECT rename_model('nobody', 'somebody');
SELECT rename_model('renamed', '');
SELECT rename_model('renamed', NULL);

-- an import that is rolled back leaves nothing
SELECT count(*) AS blocks FROM mosaic.block \gset before_
BEGIN;
SELECT blocks - blocks_shared > 0 AS stored FROM import_model('noise2', :'noise');
SELECT predict_class('noise2', array_fill(0.5::real, '{784}')) IS NOT NULL AS predicts_in_its_transaction;
SAVEPOINT s;
SELECT drop_model('noise2');
SELECT predict_class('noise2', array_fill(0.5::real, '{784}'));
ROLLBACK TO s;
SELECT predict_class('noise2', array_fill(0.5::real, '{784}')) IS NOT NULL AS back_after_rollback;
ROLLBACK;
SELECT count(*) - :before_blocks AS left_behind FROM mosaic.block;

-- two imports and a drop in one transaction
BEGIN;
SELECT blocks_shared < blocks AS first FROM import_model('n1', :'noise');
SELECT blocks_shared = blocks AS second FROM import_model('n2', :'noise');
SELECT drop_model('n1');
COMMIT;
SELECT * FROM count_faults;
SELECT predict_class('n2', array_fill(0.5::real, '{784}')) IS NOT NULL AS n2_predicts;

-- REPEATABLE READ: what others committed after our snapshot may be shared all the same, and predicts
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 AS snapshot FROM mosaic.models;
SELECT blocks = blocks_shared AS all_shared FROM import_model('rr', :'base');
SELECT predict_class('rr', array_fill(0.5::real, '{784}')) = predict_class('base', array_fill(0.5::real, '{784}')) AS same;
COMMIT;

-- drop: all gone
SELECT drop_model(name) FROM (SELECT name FROM mosaic.models ORDER BY name) m;
SELECT count(*) AS blocks, (SELECT count(*) FROM mosaic.block_meta) AS metas, (SELECT count(*) FROM mosaic.tensor) AS tensors FROM mosaic.block;
SELECT drop_model('base');
SELECT drop_model(NULL);

-- the space of dropped blocks is used again after a vacuum
VACUUM mosaic.block;
SELECT pg_relation_size('mosaic.block') AS size \gset before_
SELECT blocks FROM import_model('base', :'base');
SELECT pg_relation_size('mosaic.block') <= greatest(:before_size, 8192 * 140) AS no_growth;
DROP VIEW count_faults, orphans;

-- the block height: by the first import, or by init_store() before it
SELECT init_store(63);
SELECT init_store(126);
\echo :LAST_ERROR_SQLSTATE
SELECT init_store(64);
\echo :LAST_ERROR_SQLSTATE
DROP EXTENSION pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
SELECT init_store(31);
SELECT block_height FROM mosaic.storage;
SELECT blocks FROM import_model('base', :'base');
SELECT max(mosaic.geometry_bytes(geometry)) FROM mosaic.block_meta;
DROP TABLE files;
DROP EXTENSION pg_mosaic CASCADE;
