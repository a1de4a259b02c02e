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
    (SELECT md5(string_agg(k::text, ',' ORDER BY block_id)) FROM mosaic.near_key k),
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

-- the index: a row for each block that may have near duplicates, which goes with it
SELECT contents() = :'before' AS as_before;
CREATE TABLE keys AS SELECT * FROM mosaic.near_key;
SELECT count(*) > 0 AS keys, count(DISTINCT key1) > 0.9 * count(*) AS distinct FROM keys;
-- lost and wrong rows are found, and made again as they were
DELETE FROM mosaic.near_key WHERE block_id % 3 = 0;
INSERT INTO mosaic.near_key SELECT 1000001, key1, key2, key3 FROM mosaic.near_key LIMIT 1;
SELECT problem, count(*) = CASE problem WHEN 'orphan near key' THEN 1 ELSE (SELECT count(*) FROM keys WHERE block_id % 3 = 0) END AS all
FROM check_store() GROUP BY 1 ORDER BY 1;
SELECT problem, bool_and(repaired) FROM repair_store() GROUP BY 1 ORDER BY 1;
SELECT * FROM check_store();
SELECT count(*) AS different FROM (SELECT * FROM keys EXCEPT SELECT * FROM mosaic.near_key) k;
-- a row that is missing or wrong only hides or proposes: what is proposed is compared
BEGIN;
UPDATE mosaic.near_key SET key1 = 7, key2 = 7, key3 = 7;
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
DROP EXTENSION pg_mosaic;
CREATE EXTENSION pg_mosaic;
SELECT init_store(63, 4);
SELECT init_store(63, 3, 0);
SELECT init_store(63, 3, 8, 'NaN');
SELECT init_store(63, 3, NULL);
SELECT init_store(NULL);
SELECT init_store(31);
SELECT block_height, near_tables, near_hashes, near_width FROM mosaic.store;
DROP EXTENSION pg_mosaic;
CREATE EXTENSION pg_mosaic;
SELECT init_store(126, near_tables => 1, near_hashes => 4, near_width => 0.1);
SELECT blocks FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT count(key1) > 0 AS one, count(key2) + count(key3) AS others FROM mosaic.near_key;
SELECT merged > 0 AS merged FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'near', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.05);
SELECT * FROM check_store();

DROP TABLE pictures, original, keys;
DROP FUNCTION contents, largest_difference;
DROP EXTENSION pg_mosaic;
