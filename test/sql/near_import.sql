-- import_model(…, dedup => 'near'): stored with near duplicates at once, within a bound; and the index that finds them.
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
SELECT blocks, merged, bytes_freed, metric_before, metric_after, evaluations FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT blocks FROM import_model('exact', :'models' || '/fashion_noise.onnx', domain => 'apart');
CREATE TABLE original AS SELECT i, predict('exact', x) AS outputs, predict_class('exact', x) AS class FROM pictures;
SELECT stored_bytes AS stored FROM mosaic.storage \gset
CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', (SELECT md5(string_agg(b::text, ',' ORDER BY block_id)) FROM mosaic.block_meta b),
    (SELECT md5(string_agg(e::text, ',' ORDER BY e)) FROM mosaic.near_key, unnest(entries) e),
    (SELECT string_agg(name, ',' ORDER BY name) FROM mosaic.model))
$$;
SELECT contents() AS before \gset

-- in one call, within the bound; the row says what happened
SELECT * FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near',
  validation => 'SELECT x, class FROM pictures JOIN original USING (i)', metric => 'accuracy', max_drop => 0.05) \gset n_
SELECT :n_merged > 0 AS merged, :n_merged < :n_blocks AS not_all, :n_bytes_freed < :n_new_bytes AS freed, :n_metric_before AS before,
       :n_metric_after >= 0.95 AS kept, :n_evaluations >= 2 AS evaluated, :n_blocks_shared AS shared;
SELECT stored_bytes - :stored = :n_new_bytes - :n_bytes_freed AS as_said FROM mosaic.storage;
SELECT abs(avg((predict_class('noise', x) = class)::int) - :n_metric_after) < 1e-9 AS as_promised FROM pictures JOIN original USING (i);
SELECT * FROM check_store();
SELECT count(*) FROM mosaic.models WHERE name = 'noise';

-- by name again: refused, as ever; replaced: no worse than the file, not than what is stored
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement');
SELECT merged > 0 AS merged, metric_before, metric_after >= 0.95 AS kept
FROM import_model('noise', :'models' || '/fashion_noise.onnx', replace => true, dedup => 'near',
  validation => 'SELECT x, class FROM pictures JOIN original USING (i)', max_drop => 0.05);
SELECT * FROM check_store();
SELECT drop_model('noise');
SELECT contents() = :'before' AS as_before;

-- what is not near stays exact: another domain, a bound of nothing
SELECT merged, bytes_freed, metric_before, metric_after, evaluations
FROM import_model('noise', :'models' || '/fashion_noise.onnx', domain => 'third', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement');
SELECT count(*) AS changed FROM pictures JOIN original USING (i) WHERE predict('noise', x) <> outputs;
SELECT drop_model('noise');
SELECT merged, bytes_freed, metric_before, metric_after
FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'max_abs_error', max_drop => 0);
SELECT count(*) AS changed FROM pictures JOIN original USING (i) WHERE predict('noise', x) <> outputs;
SELECT drop_model('noise');

-- rolled back, or failed at whatever point, nothing is left
BEGIN;
SELECT merged > 0 AS merged FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.05);
SELECT count(*) FILTER (WHERE predict('noise', x) <> outputs) > 0 AS changed FROM pictures JOIN original USING (i);
ROLLBACK;
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x, 1 / (i - 60) FROM pictures');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x[1:10], 1 FROM pictures');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x, 10 FROM pictures');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'DELETE FROM pictures RETURNING x, 1');
SELECT import_model('noise', :'models' || '/iris.onnx', dedup => 'near', validation => 'SELECT x, 1 FROM pictures');
SELECT contents() = :'before' AS as_before;
SELECT * FROM check_store();

-- arguments
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'most');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => NULL);
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', validation => 'SELECT x FROM pictures');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', max_weight_error => 0.1);
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', max_weight_error => -1);
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', max_weight_error => 'NaN');
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', max_weight_error => 0.1, metric => NULL);
SELECT import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x, 1 FROM pictures', metric => 'f1');
SELECT dedup_model('exact');
SELECT plan_dedup('exact', NULL, max_weight_error => 0.1);

-- without a query: a bound on every weight, and a warning that this is all
\set VERBOSITY default
SELECT merged > 0 AS merged, metric_before, metric_after, evaluations
FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', max_weight_error => 0.02);
\set VERBOSITY terse
SELECT * FROM check_store();
-- the largest difference of any weight of some merged blocks, counted here (float32)
CREATE FUNCTION largest_difference(a text, b text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE largest float8 := 0; p record; n int;
BEGIN
  FOR p IN SELECT x.data AS x, y.data AS y
    FROM mosaic.tensor s JOIN mosaic.tensor t USING (tensor_no)
    CROSS JOIN LATERAL ROWS FROM (unnest(mosaic.map_blocks(s.map)), unnest(mosaic.map_blocks(t.map))) AS m (i, j)
    JOIN mosaic.block x ON x.block_id = i JOIN mosaic.block y ON y.block_id = j
    WHERE s.model_id = mosaic.model_id(a) AND t.model_id = mosaic.model_id(b) AND x.data <> y.data ORDER BY i LIMIT 12 LOOP
    FOR n IN 0 .. octet_length(p.x) / 4 - 1 LOOP
      IF substr(p.x, 4 * n + 1, 4) <> substr(p.y, 4 * n + 1, 4) THEN
        largest := greatest(largest, abs(pg_temp.float(p.x, 4 * n) - pg_temp.float(p.y, 4 * n)));
      END IF;
    END LOOP;
  END LOOP;
  RETURN largest;
END $$;
CREATE FUNCTION pg_temp.float(b bytea, at int) RETURNS float8 LANGUAGE sql AS $$
  SELECT CASE WHEN e = 0 AND f = 0 THEN 0 ELSE sign * (CASE WHEN e = 0 THEN f / 8388608.0 * 2 ELSE 1 + f / 8388608.0 END)::float8 * 2::float8 ^ (e - 127) END
  FROM (SELECT CASE WHEN get_byte(b, at + 3) >= 128 THEN -1 ELSE 1 END AS sign,
               (get_byte(b, at + 3) % 128) * 2 + get_byte(b, at + 2) / 128 AS e,
               (get_byte(b, at + 2) % 128) * 65536 + get_byte(b, at + 1) * 256 + get_byte(b, at) AS f) x
$$;
SELECT largest_difference('exact', 'noise') BETWEEN 1e-6 AND 0.02 AS within;
SELECT drop_model('noise');
SELECT merged FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', max_weight_error => 0);
SELECT count(*) AS changed FROM pictures JOIN original USING (i) WHERE predict('noise', x) <> outputs;
SELECT merged > 0 AS merged, metric_before, metric_after, evaluations FROM dedup_model('noise', max_weight_error => 0.02);
-- both bounds hold together
SELECT drop_model('noise');
SELECT merged > 0 AS merged, metric_after >= 0.95 AS kept
FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement',
  max_drop => 0.05, max_weight_error => 0.02);
SELECT largest_difference('exact', 'noise') <= 0.02 AS within;
SELECT drop_model('noise');

-- the index: entries for each block that may have near duplicates, which go with it
SELECT contents() = :'before' AS as_before;
CREATE VIEW entries AS SELECT first, e AS entry, e >> 32 AS key, (e & x'ffffffff'::int8)::int AS block_id FROM mosaic.near_key, unnest(entries) e;
CREATE TABLE keys AS SELECT key, block_id FROM entries;
SELECT count(*) > 0 AS keys, count(DISTINCT key) > 0.9 * count(*) AS distinct, count(*) - count(DISTINCT (key, block_id)) AS twice FROM keys;
-- a tree: rows of up to 64 entries, ascending, each in the row where it is looked for
SELECT count(*) > 5 AS rows, max(cardinality(entries)) <= 64 AS small, avg(cardinality(entries)) > 24 AS filled FROM mosaic.near_key;
SELECT count(*) AS misplaced FROM (SELECT first, lead(first) OVER (ORDER BY first) AS next, entries FROM mosaic.near_key) k, unnest(entries) e
WHERE e < first OR e >= next;
SELECT count(*) AS unordered FROM mosaic.near_key WHERE entries <> ARRAY(SELECT e FROM unnest(entries) e ORDER BY e);
-- lost and wrong entries are found, and made again as they were
UPDATE mosaic.near_key SET entries = ARRAY(SELECT e FROM unnest(entries) e WHERE (e & x'ffffffff'::int8) % 3 <> 0);
UPDATE mosaic.near_key SET entries = entries || ((entries[cardinality(entries)] >> 32 << 32) + 1000001) WHERE first = (SELECT min(first) FROM mosaic.near_key);
UPDATE mosaic.near_key SET entries = entries || ((entries[cardinality(entries)] >> 32 << 32) + 1000001) WHERE first = (SELECT max(first) FROM mosaic.near_key);
SELECT problem, count(*) = CASE problem WHEN 'orphan near key' THEN 1 ELSE (SELECT count(DISTINCT block_id) FROM keys WHERE block_id % 3 = 0) END AS all
FROM check_store() GROUP BY 1 ORDER BY 1;
SELECT problem, bool_and(repaired) FROM repair_store() GROUP BY 1 ORDER BY 1;
SELECT * FROM check_store();
SELECT count(*) AS different FROM ((TABLE keys EXCEPT SELECT key, block_id FROM entries) UNION ALL (SELECT key, block_id FROM entries EXCEPT TABLE keys)) k;
-- rows that are none of ours hold nothing, all is made again
UPDATE mosaic.near_key SET entries = CASE WHEN first < 0 THEN '{}' ELSE '{{1,2},{3,NULL}}'::int8[] END;
SELECT problem, bool_and(repaired) FROM repair_store() GROUP BY 1 ORDER BY 1;
SELECT count(*) AS different FROM ((TABLE keys EXCEPT SELECT key, block_id FROM entries) UNION ALL (SELECT key, block_id FROM entries EXCEPT TABLE keys)) k;
-- an entry that is missing or wrong only hides or proposes: what is proposed is compared
BEGIN;
DELETE FROM mosaic.near_key;
INSERT INTO mosaic.near_key SELECT min(e), array_agg(e ORDER BY e) FROM (SELECT (7::int8 << 32) + block_id AS e FROM mosaic.block_meta) k GROUP BY e / 50;
SELECT merged <= candidates AS sound, metric_after >= 0.95 AS kept FROM dedup_model('exact', 'SELECT x FROM pictures', 'agreement', 0.05);
SELECT blocks FROM import_model('noise', :'models' || '/fashion_noise.onnx');
SELECT candidates FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
ROLLBACK;
-- a plan writes nothing, not even where it might
BEGIN READ ONLY;
SELECT evaluation, merged, kept FROM plan_dedup('exact', 'SELECT x FROM pictures', 'agreement');
SELECT dedup_model('exact', 'SELECT x FROM pictures', 'agreement');
ROLLBACK;

-- its settings are fixed with the store
SELECT init_store();
SELECT init_store(63, 2);
SELECT init_store(near_width => 0.1);
DROP VIEW entries;
DROP EXTENSION pg_mosaic;
CREATE EXTENSION pg_mosaic;
SELECT init_store(63, 9);
SELECT init_store(63, 3, 0);
SELECT init_store(63, 3, 8, 'NaN');
SELECT init_store(63, 3, NULL);
SELECT init_store(63, NULL);
SELECT init_store(NULL);
SELECT init_store(31);
SELECT block_height, near_tables, near_hashes, near_width FROM mosaic.store;
DROP EXTENSION pg_mosaic;
CREATE EXTENSION pg_mosaic;
CREATE VIEW entries AS SELECT (e & x'ffffffff'::int8)::int AS block_id FROM mosaic.near_key, unnest(entries) e;
SELECT init_store(126, near_tables => 1, near_hashes => 4, near_width => 0.1);
SELECT blocks FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT max(n) AS keys FROM (SELECT count(*) AS n FROM entries GROUP BY block_id) k;
SELECT merged > 0 AS merged FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.05);
SELECT * FROM check_store();
SELECT drop_model(name) FROM mosaic.models ORDER BY name;
SELECT count(*) AS left FROM mosaic.near_key;

-- its size, at each height: at most 5 % of the blocks', as models come and go, without vacuum
CREATE FUNCTION index_share() RETURNS numeric LANGUAGE sql AS $$
  SELECT round(100.0 * pg_total_relation_size('mosaic.near_key') / sum(mosaic.geometry_bytes(geometry)), 1) FROM mosaic.block_meta
$$;
DROP VIEW entries;
SELECT set_config('test.models', :'models', false) AS models \gset
CREATE PROCEDURE import_all(height int, OUT blocks int8, OUT imported numeric, OUT replaced numeric, OUT misplaced int8) LANGUAGE plpgsql AS $$
DECLARE
  n text;
  d int;
BEGIN
  DROP EXTENSION IF EXISTS pg_mosaic;
  CREATE EXTENSION pg_mosaic;
  PERFORM init_store(height);
  FOR d IN 1 .. 6 LOOP
    FOREACH n IN ARRAY '{base,noise}'::text[] LOOP
      PERFORM import_model(n || d, current_setting('test.models') || '/fashion_' || n || '.onnx', domain => 'd' || d);
      COMMIT;
    END LOOP;
  END LOOP;
  imported := index_share();
  FOR d IN 1 .. 6 LOOP
    PERFORM drop_model('noise' || d);
    COMMIT;
    PERFORM import_model('noise' || d, current_setting('test.models') || '/fashion_noise.onnx', domain => 'd' || d);
    COMMIT;
  END LOOP;
  replaced := index_share();
  SELECT count(*) FROM mosaic.block_meta INTO blocks;
  SELECT count(*) FROM (SELECT first, lead(first) OVER (ORDER BY first) AS next, entries FROM mosaic.near_key) k, unnest(entries) e
  WHERE e < first OR e >= next INTO misplaced;
END $$;
SET client_min_messages = warning;
CALL import_all(126, NULL, NULL, NULL, NULL) \gset a_
CALL import_all(63, NULL, NULL, NULL, NULL) \gset b_
CALL import_all(31, NULL, NULL, NULL, NULL) \gset c_
SELECT :a_blocks AS blocks, :a_imported <= 2.5 AS imported, :a_replaced <= 2.5 AS replaced, :a_misplaced AS misplaced;
SELECT :b_blocks AS blocks, :b_imported <= 3.5 AS imported, :b_replaced <= 3.5 AS replaced, :b_misplaced AS misplaced;
SELECT :c_blocks AS blocks, :c_imported <= 5 AS imported, :c_replaced <= 5 AS replaced, :c_misplaced AS misplaced;
RESET client_min_messages;

DROP TABLE pictures, original, keys;
DROP PROCEDURE import_all;
DROP FUNCTION contents, largest_difference, index_share;
DROP EXTENSION pg_mosaic;
