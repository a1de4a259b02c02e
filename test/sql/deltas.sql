-- import_model(dedup => 'lossless'): blocks near others are stored as differences, and nothing else changes.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
RESET client_min_messages;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'

CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0
                             * CASE WHEN j % (i % 7 + 2) = 0 THEN 1 ELSE 0.1 END)::real ORDER BY j)
           FROM generate_series(1, 784) j) AS x
FROM generate_series(1, 60) i;
-- Counts as check_store() has them, from the tables alone: models and deltas are users.
CREATE FUNCTION wrong_counts() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM mosaic.block_meta m
  WHERE models <> (SELECT count(DISTINCT t.model_id) FROM mosaic.tensor t WHERE m.block_id = ANY (mosaic.map_blocks(t.map)))
                  + (SELECT count(*) FROM mosaic.block_meta d WHERE d.base = m.block_id)
$$;
-- What is stored of a block, and what block_meta says of it.
CREATE VIEW stored AS
SELECT m.block_id, m.models, m.base, m.delta_bytes, octet_length(b.data) AS bytes, mosaic.geometry_bytes(m.geometry) - 32 AS whole
FROM mosaic.block_meta m JOIN mosaic.block b USING (block_id);

-- A fine-tune of "base": of the weights of its first two layers, where they lie in the file, lower bits are others.
CREATE FUNCTION tuned(content bytea, first int, n int, at int, bits int) RETURNS bytea LANGUAGE sql AS $$
  SELECT substr(content, 1, first) ||
         string_agg(set_byte(set_byte(f, at - 1, h & 255), at, get_byte(f, at) # (h >> 8 & bits)), '' ORDER BY i) ||
         substr(content, first + 4 * n + 1)
  FROM (SELECT i, hashint4(i + first) AS h, substr(content, first + 4 * i + 1, 4) AS f FROM generate_series(0, n - 1) i) w
$$;
CREATE TABLE files AS SELECT tuned(tuned(f, 503, 200704, 1, 15), 804388, 32768, 1, 15) AS tuned
FROM pg_read_binary_file(:'models' || '/fashion_base.onnx') f;

-- The exact store, to compare with.
SELECT model, blocks FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT blocks, blocks_shared, new_bytes AS exact_bytes FROM import_model('tuned', (SELECT tuned FROM files)) \gset
SELECT new_bytes AS noise_bytes FROM import_model('noise', :'models' || '/fashion_noise.onnx') \gset
SELECT format_version FROM mosaic.storage;
CREATE TABLE exact AS SELECT i, predict('tuned', x) AS tuned, predict('noise', x) AS noise, predict('base', x) AS base FROM pictures;
CREATE TABLE exported AS SELECT md5(export_model('tuned')) AS tuned;
SELECT drop_model('tuned'), drop_model('noise');

SELECT blocks = :blocks AS all_blocks, blocks_shared = :blocks_shared AS as_shared, new_bytes < 0.45 * :exact_bytes AS less
FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless');
SELECT format_version FROM mosaic.storage;
-- Of a model that was trained on, only what stayed near is a difference.
SELECT new_bytes < 0.98 * :noise_bytes AS less FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'lossless');
SELECT count(*) FILTER (WHERE base IS NOT NULL) > 250 AS deltas,
       count(*) FILTER (WHERE base IS NOT NULL AND delta_bytes IS DISTINCT FROM bytes) AS wrong_bytes,
       count(*) FILTER (WHERE base IS NULL AND (whole <> bytes OR delta_bytes IS NOT NULL)) AS wrong_whole,
       -- three deltas to a page of height 63, where two whole blocks go
       count(*) FILTER (WHERE base IS NOT NULL AND whole = 4032 AND bytes > 2656) AS too_large,
       count(*) FILTER (WHERE base IN (SELECT block_id FROM mosaic.block_meta WHERE base IS NOT NULL)) AS chains
FROM stored;
SELECT name, blocks, shared_blocks > 0 AS shared, delta_blocks > 0 AS deltas, exclusive_bytes < 0.98 * total_bytes AS less FROM mosaic.models ORDER BY name;
SELECT stored_bytes = (SELECT sum(bytes + 32) FROM stored) AS stored, logical_bytes > stored_bytes AS less FROM mosaic.storage;
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;

-- The same bits: alone, in batches, with all that is made kept or none of it, and packed.
CREATE FUNCTION same() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', count(*) FILTER (WHERE predict('tuned', x) IS DISTINCT FROM tuned), count(*) FILTER (WHERE predict('base', x) IS DISTINCT FROM base))
  FROM pictures JOIN exact USING (i)
$$;
SELECT same();
SELECT count(*) AS alone FROM pictures p JOIN exact e USING (i) WHERE (SELECT predict('tuned', p.x)) IS DISTINCT FROM e.tuned;
SET pg_mosaic.delta_memory = '64kB';
SELECT same();
-- What is kept need not leave room for whole blocks.
CREATE FUNCTION pages_of_one() RETURNS int LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE $q$EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT predict('tuned', x) FROM pictures WHERE i = 1$q$ INTO plan;
  RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::int + (plan->0->'Plan'->>'Shared Read Blocks')::int;
END $$;
SELECT sum(whole) AS made_bytes FROM stored
WHERE base IS NOT NULL AND block_id IN (SELECT unnest(mosaic.map_blocks(map)) FROM mosaic.tensor WHERE model_id = mosaic.model_id('tuned')) \gset
SELECT (:made_bytes + 16383) / 16384 * 16 AS kilobytes \gset
SET pg_mosaic.delta_memory = :kilobytes;
SELECT same();
SELECT pages_of_one() < 50 AS kept;
-- Of models that no query uses, no more than that is kept of all together.
SELECT count(predict('noise', x)) FROM pictures WHERE i = 1;
SELECT pages_of_one() >= 50 AS made_anew, pages_of_one() < 50 AS kept;
SET pg_mosaic.delta_memory = '32MB';
SELECT count(predict('noise', x)) FROM pictures WHERE i = 1;
SELECT pages_of_one() < 50 AS kept;
RESET pg_mosaic.delta_memory;
SELECT count(*) > 0 AS packed FROM pack_models();
SELECT same(), (SELECT count(*) FROM check_store()) AS problems;
SELECT md5(export_model('tuned')) = tuned AS same_file FROM exported;
-- A model reads the pages of its bases too.
SELECT blocks > :blocks AS with_bases FROM mosaic.model_pages WHERE model = 'tuned';

-- What is equal to a block that is stored as a difference is shared, by whatever import.
SELECT blocks_shared = blocks AS shared, new_bytes FROM import_model('again', (SELECT tuned FROM files));
SELECT blocks_shared = blocks AS shared, new_bytes FROM import_model('more', (SELECT tuned FROM files), dedup => 'lossless');
SELECT wrong_counts();
SELECT drop_model('again'), drop_model('more');
SELECT wrong_counts();

-- Bases live as long as they are needed: the model they came with may go, and come back.
SELECT drop_model('noise');
SELECT count(*) AS bases FROM stored WHERE block_id IN (SELECT base FROM stored) \gset
SELECT drop_model('base');
SELECT count(*) = :bases AS kept FROM stored WHERE block_id IN (SELECT base FROM stored);
SELECT count(*) AS unused FROM stored WHERE base IS NULL AND block_id NOT IN (SELECT base FROM stored WHERE base IS NOT NULL)
  AND block_id NOT IN (SELECT unnest(mosaic.map_blocks(map)) FROM mosaic.tensor);
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
SELECT count(*) FILTER (WHERE predict('tuned', x) IS DISTINCT FROM tuned) AS other FROM pictures JOIN exact USING (i);
SELECT blocks_shared >= :bases AS shared FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT wrong_counts();
SELECT drop_model('tuned'), drop_model('base');
SELECT (SELECT count(*) FROM mosaic.block) AS blocks, (SELECT count(*) FROM mosaic.block_meta) AS metas, (SELECT count(*) FROM mosaic.near_key) AS keys;

-- A version that replaces its only neighbour would keep that alive for nothing: it is stored whole.
SELECT model FROM import_model('tuned', :'models' || '/fashion_base.onnx');
SELECT new_bytes = :exact_bytes AS whole FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless', replace => true);
SELECT count(base) AS deltas FROM stored;
SELECT drop_model('tuned');
-- With another that has it, its blocks stay anyhow.
SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT model FROM import_model('tuned', :'models' || '/fashion_base.onnx');
SELECT new_bytes < 0.45 * :exact_bytes AS less FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless', replace => true);
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;

-- What others have is no base: blocks are shared, and are differences, within a sharing domain.
SELECT count(*) AS before FROM stored WHERE base IS NOT NULL \gset
SELECT blocks_shared, new_bytes > :exact_bytes AS whole FROM import_model('apart', (SELECT tuned FROM files), dedup => 'lossless', domain => 'another');
SELECT count(*) - :before AS deltas FROM stored WHERE base IS NOT NULL;
SELECT drop_model('apart');

-- Near merges of a model that has deltas: their blocks go, and with them their use of bases.
SELECT merged > 0 AS merged, bytes_freed > 0 AS freed FROM dedup_model('tuned', 'SELECT x FROM pictures', 'agreement', max_drop => 0.5);
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
SELECT delta_blocks FROM mosaic.models WHERE name = 'tuned';
SELECT drop_model('tuned');

-- bfloat16, judged first and then stored as differences; the same bits as without.
CREATE TABLE files16 AS SELECT tuned(f, 503, 200704, 2, 3) AS tuned16 FROM pg_read_binary_file(:'models' || '/fashion_base.onnx') f;
SELECT model FROM import_model('base16', :'models' || '/fashion_base.onnx', dtype => 'bf16');
SELECT new_bytes AS exact16_bytes FROM import_model('tuned16', (SELECT tuned16 FROM files16), dtype => 'bf16') \gset
CREATE TABLE exact16 AS SELECT i, predict('tuned16', x) AS noise FROM pictures;
SELECT drop_model('tuned16');
SELECT new_bytes < 0.8 * :exact16_bytes AS less FROM import_model('tuned16', (SELECT tuned16 FROM files16), dtype => 'bf16', dedup => 'lossless');
SELECT delta_blocks > 0 AS deltas FROM mosaic.models WHERE name = 'tuned16';
SELECT count(*) AS other FROM pictures JOIN exact16 USING (i) WHERE predict('tuned16', x) IS DISTINCT FROM noise;
SELECT delta_blocks AS deltas FROM mosaic.models WHERE name = 'tuned16' \gset
SELECT drop_model('tuned16');
SELECT evaluations > 0 AS judged, metric_after > 0.9 AS good
FROM import_model('tuned16', (SELECT tuned16 FROM files16), dtype => 'bf16', dedup => 'lossless', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.1);
SELECT delta_blocks = :deltas AS deltas FROM mosaic.models WHERE name = 'tuned16';
SELECT count(*) AS other FROM pictures JOIN exact16 USING (i) WHERE predict('tuned16', x) IS DISTINCT FROM noise;
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
SELECT drop_model('tuned16'), drop_model('base16');

-- Aborted, and undone by savepoints.
BEGIN;
SELECT new_bytes < 0.45 * :exact_bytes AS less FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless');
SAVEPOINT a;
SELECT drop_model('base');
SELECT count(*) FILTER (WHERE predict('tuned', x) IS DISTINCT FROM tuned) AS other FROM pictures JOIN exact USING (i);
SELECT drop_model('tuned');
ROLLBACK TO a;
SELECT wrong_counts();
SELECT same();
ROLLBACK;
SELECT wrong_counts(), (SELECT count(base) FROM stored) AS deltas, (SELECT count(*) FROM check_store()) AS problems;

-- Arguments.
\set VERBOSITY sqlstate
SELECT import_model('x', :'models' || '/fashion_base.onnx', dedup => 'lossy');
SELECT import_model('x', :'models' || '/fashion_base.onnx', dedup => 'lossless', max_weight_error => 0.1);
SELECT import_model('x', :'models' || '/fashion_base.onnx', dedup => 'lossless', validation => 'SELECT x FROM pictures');
\set VERBOSITY terse

-- Damage: a byte of a delta, a lost base, wrong words in block_meta. Nothing crashes, and everything is found.
SELECT model FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless');
SELECT same();
CREATE TABLE victims AS SELECT block_id, base, row_number() OVER (ORDER BY block_id) AS n FROM stored WHERE base IS NOT NULL;
CREATE TABLE sound AS SELECT * FROM mosaic.block;
-- Until vacuum has been there, a reader may find the block as it was.
BEGIN;
DELETE FROM mosaic.block WHERE block_id = (SELECT block_id FROM victims WHERE n = 3);
INSERT INTO mosaic.block SELECT block_id, set_byte(data, 70, get_byte(data, 70) # 4) FROM sound WHERE block_id = (SELECT block_id FROM victims WHERE n = 3);
COMMIT;
VACUUM (INDEX_CLEANUP on) mosaic.block;
-- another connection: this one has what it made
\c -
\set VERBOSITY sqlstate
SELECT count(predict('tuned', x)) FROM pictures;
SELECT predict('tuned', x) FROM pictures LIMIT 1;
-- what could not be made takes no memory
CREATE FUNCTION model_memory() RETURNS numeric LANGUAGE sql AS $$
  SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'pg_mosaic model'
$$;
SELECT model_memory() AS before \gset
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    BEGIN
      PERFORM predict('tuned', x) FROM pictures LIMIT 1;
    EXCEPTION WHEN data_corrupted THEN
      CONTINUE;
    END;
    RAISE 'it was made';
  END LOOP;
END $$;
SELECT model_memory() - :before < 300000 AS bounded;
\set VERBOSITY terse
SELECT problem, model, block_id = (SELECT block_id FROM victims WHERE n = 3) AS it FROM check_store();
SELECT problem, repaired FROM repair_store();
SELECT drop_model('tuned');
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
SELECT model FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless');
SELECT same();
-- a lost base
DROP TABLE victims;
CREATE TABLE victims AS SELECT block_id, base, row_number() OVER (ORDER BY block_id) AS n FROM stored WHERE base IS NOT NULL;
DELETE FROM mosaic.block WHERE block_id = (SELECT base FROM victims WHERE n = 5);
VACUUM (INDEX_CLEANUP on) mosaic.block;
-- another connection: this one has what it made
\c -
\set VERBOSITY sqlstate
SELECT count(predict('tuned', x)) FROM pictures;
\set VERBOSITY terse
SELECT problem, model, b.block_id = v.base AS base, b.block_id = v.block_id AS delta, replace(detail, v.block_id::text, 'N') AS detail
FROM check_store() b, victims v WHERE v.n = 5 ORDER BY 1, 2, 3;
SELECT problem, repaired FROM repair_store() ORDER BY 1;
-- what imports them again stores them anew
SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx', replace => true);
SELECT model FROM import_model('tuned', (SELECT tuned FROM files), dedup => 'lossless', replace => true);
SELECT same();
SELECT problem, repaired FROM repair_store() ORDER BY 1;
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
DROP TABLE victims;
CREATE TABLE victims AS SELECT block_id, base, row_number() OVER (ORDER BY block_id) AS n FROM stored WHERE base IS NOT NULL;
-- what can be repaired
BEGIN;
UPDATE mosaic.block_meta SET base = NULL, delta_bytes = NULL WHERE block_id = (SELECT block_id FROM victims WHERE n = 1);
UPDATE mosaic.block_meta SET base = base + 1 WHERE block_id = (SELECT block_id FROM victims WHERE n = 2);
UPDATE mosaic.block_meta SET models = 1 WHERE block_id = (SELECT base FROM victims WHERE n = 3);
DELETE FROM mosaic.block_meta WHERE block_id = (SELECT block_id FROM victims WHERE n = 4);
SELECT problem, count(*) FROM check_store() GROUP BY 1 ORDER BY 1;
SELECT same();
SELECT problem, repaired, count(*) FROM repair_store() GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) AS left FROM check_store();
SELECT wrong_counts();
SELECT same();
ROLLBACK;
-- deltas that are lost, or do not say their base any more: who drops their model counts by block_meta
BEGIN;
CREATE TABLE sound_deltas AS SELECT n, b.* FROM mosaic.block b JOIN victims v USING (block_id) WHERE n BETWEEN 6 AND 8;
DELETE FROM mosaic.block WHERE block_id IN (SELECT block_id FROM sound_deltas);
INSERT INTO mosaic.block SELECT block_id, set_byte(data, 10, 0) FROM sound_deltas WHERE n = 7;
INSERT INTO mosaic.block SELECT block_id, set_byte(data, 4, get_byte(data, 4) # 1) FROM sound_deltas WHERE n = 8;
UPDATE mosaic.block_meta SET geometry = 0 WHERE block_id = (SELECT block_id FROM victims WHERE n = 9);
SELECT n, problem, repaired FROM repair_store() LEFT JOIN victims USING (block_id) ORDER BY n, 2;
SELECT count(*) = 3 AS left FROM (SELECT DISTINCT block_id FROM check_store()) t;
SELECT drop_model('tuned');
SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
SELECT count(*) FILTER (WHERE predict('base', x) IS DISTINCT FROM base) AS other FROM pictures JOIN exact USING (i);
ROLLBACK;
-- an orphan delta does not keep its base
BEGIN;
DELETE FROM mosaic.tensor WHERE model_id = mosaic.model_id('tuned') AND map IS NOT NULL;
DELETE FROM mosaic.model WHERE name = 'tuned';
DELETE FROM mosaic.tensor WHERE model_id NOT IN (SELECT model_id FROM mosaic.model);
SELECT drop_model('base');
SELECT problem, repaired, count(*) > 0 AS some FROM repair_store(delete_orphans => true) GROUP BY 1, 2 ORDER BY 1;
SELECT problem, repaired, count(*) > 0 AS some FROM repair_store(delete_orphans => true) GROUP BY 1, 2 ORDER BY 1;
SELECT count(*) AS blocks FROM mosaic.block;
ROLLBACK;
SELECT same(), (SELECT count(*) FROM check_store()) AS problems;

SET client_min_messages = warning;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE exported, pictures, files, files16, exact, exact16, victims, sound;
DROP FUNCTION tuned, wrong_counts, same, model_memory, pages_of_one;
