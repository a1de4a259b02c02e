-- import_model(..., dtype => 'bf16'): half the bytes, the same machinery, a bounded error.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT blocks FROM import_model('full', :'models' || '/fashion_base.onnx');
SELECT blocks < 150 AS fewer, weight_bytes FROM import_model('base', :'models' || '/fashion_base.onnx', dtype => 'bf16');
SELECT blocks > 0 AS imported FROM import_model('text', :'models' || '/text_classifier.onnx', dtype => 'bf16');
SELECT blocks > 0 AS imported FROM import_model('full text', :'models' || '/text_classifier.onnx', dtype => 'f32');
SELECT name, parameters, weight_dtype FROM mosaic.models ORDER BY name;
SELECT model, name, dtype, dims, layout, stored_dtype, block_rows, blocks FROM mosaic.tensors WHERE model IN ('base', 'text') ORDER BY model, tensor_no;
SELECT round(f.total_bytes::numeric / b.total_bytes, 2) AS smaller FROM mosaic.models f, mosaic.models b WHERE f.name = 'full' AND b.name = 'base';

-- equal blocks are found among blocks of bfloat16; with float32 only vectors are shared
SELECT blocks = blocks_shared AS all_shared, new_bytes FROM import_model('again', :'models' || '/fashion_base.onnx', dtype => 'bf16');
SELECT blocks_shared * 2 > blocks AS first_layer FROM import_model('dark', :'models' || '/fashion_dark.onnx', dtype => 'bf16');
SELECT count(*) AS mixed FROM mosaic.block_meta bm
  WHERE geometry & 255 = 16 AND block_id IN (
    SELECT unnest(mosaic.map_blocks(map)) FROM mosaic.tensor WHERE model_id = mosaic.model_id('full'));

-- near the model of float32, but not equal; the same bits alone, in a batch and by rows of columns
CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0
                             * CASE WHEN j % (i % 7 + 2) = 0 THEN 1 ELSE 0.1 END)::real ORDER BY j)
           FROM generate_series(1, 784) j) AS x
FROM generate_series(1, 60) i;
CREATE FUNCTION difference(a real[], b real[]) RETURNS real LANGUAGE sql IMMUTABLE AS
$$ SELECT max(abs(u.a - u.b)) FROM unnest(a, b) u(a, b) $$;
SELECT max(difference(predict('base', x), predict('full', x))) BETWEEN 1e-7 AND 0.05 AS near_but_not_equal,
       avg((predict_class('base', x) = predict_class('full', x))::int) >= 0.95 AS classes
  FROM pictures;
SELECT predict('base', array_agg(x ORDER BY i)) = array_agg(predict('base', x) ORDER BY i) AS batch_is_rows FROM pictures;
SELECT difference(predict('text', '{1,2,3}'::int[]), predict('full text', '{1,2,3}'::int[])) < 0.02 AS gathered;
CREATE TABLE before AS SELECT i, predict('base', x) AS base, predict('dark', x) AS dark FROM pictures;

-- EXPLAIN shows what is read
CREATE FUNCTION explain(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query;
END $$;
SELECT trim(line) AS line FROM explain($$SELECT predict('base', x) FROM pictures$$) line WHERE line ~ 'Weights';
SELECT trim(line) AS line FROM explain($$SELECT predict('full', x) FROM pictures$$) line WHERE line ~ 'Weights';

-- packed, checked, damaged and repaired, deduplicated
SELECT count(*) > 0 AS packed FROM pack_models();
SELECT count(*) AS changed FROM pictures JOIN before USING (i) WHERE predict('base', x) <> base OR predict('dark', x) <> dark;
SELECT * FROM check_store();
UPDATE mosaic.block_meta SET models = 9 WHERE block_id = (SELECT (mosaic.map_blocks(map))[1] FROM mosaic.tensor
  WHERE model_id = mosaic.model_id('base') AND stored_dtype = 16 ORDER BY tensor_no LIMIT 1);
UPDATE mosaic.block_meta SET geometry = geometry - 15 WHERE block_id = (SELECT (mosaic.map_blocks(map))[2] FROM mosaic.tensor
  WHERE model_id = mosaic.model_id('base') AND stored_dtype = 16 ORDER BY tensor_no LIMIT 1);
SELECT DISTINCT problem FROM check_store() ORDER BY 1;
SELECT DISTINCT problem, repaired FROM repair_store() ORDER BY 1;
SELECT * FROM check_store();
SELECT count(*) AS changed FROM pictures JOIN before USING (i) WHERE predict('base', x) <> base OR predict('dark', x) <> dark;
SELECT blocks > 0 AS imported FROM import_model('noise', :'models' || '/fashion_noise.onnx', dtype => 'bf16');
SELECT candidates > 100 AS candidates, merged > 0 AS merged, metric_after >= 0.9 AS kept
  FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.1);
SELECT * FROM check_store();

-- from one type to the other, and back
SELECT weight_bytes FROM import_model('base', :'models' || '/fashion_base.onnx', replace => true);
SELECT blocks = blocks_shared AS all_shared FROM import_model('base', :'models' || '/fashion_base.onnx', replace => true, dtype => 'bf16');
SELECT count(*) AS changed FROM pictures JOIN before USING (i) WHERE predict('base', x) <> base;
SELECT count(drop_model(name)) AS dropped FROM mosaic.models;
SELECT count(*) FROM mosaic.block;

-- judged against the model in float32, by rows of the user's: labels here are what float32 says
SELECT blocks > 0 AS imported FROM import_model('full', :'models' || '/fashion_base.onnx');
CREATE TABLE rows AS SELECT i, x, predict_class('full', x) AS label FROM pictures;
SELECT weight_bytes, merged, metric_before, metric_after >= 0.95 AS kept, evaluations
  FROM import_model('half', :'models' || '/fashion_base.onnx', dtype => 'bf16', validation => 'SELECT x, label FROM rows', max_drop => 0.05);
SELECT name, weight_dtype FROM mosaic.models ORDER BY name;
SELECT metric_before, metric_after BETWEEN 1e-6 AND 0.05 AS kept, evaluations
  FROM import_model('half', :'models' || '/fashion_base.onnx', replace => true, dtype => 'bf16', validation => 'SELECT x FROM rows',
                    metric => 'max_abs_error', max_drop => 0.05);
-- a metric of one's own; the file as bytes
CREATE FUNCTION confidence(outputs real[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT max(o)::float8 FROM unnest(outputs) o $$;
SELECT abs(metric_before - metric_after) BETWEEN 1e-9 AND 0.1 AS near_but_not_equal, evaluations
  FROM import_model('half', pg_read_binary_file(:'models' || '/fashion_base.onnx'), replace => true, dtype => 'bf16',
                    validation => 'SELECT x FROM rows', metric_function => 'confidence', max_drop => 0.1);
SELECT avg(confidence(predict('full', x))) = metric_before AS of_float32, avg(confidence(predict('half', x))) = metric_after AS as_stored
  FROM rows, import_model('once more', :'models' || '/fashion_base.onnx', dtype => 'bf16', validation => 'SELECT x FROM rows',
                          metric_function => 'confidence', max_drop => 0.1) GROUP BY metric_before, metric_after;
-- beyond the bound nothing is stored, and what was there stays
CREATE TABLE stored AS SELECT name, weight_dtype, total_bytes FROM mosaic.models;
\set VERBOSITY sqlstate
SELECT import_model('bad', :'models' || '/fashion_base.onnx', dtype => 'bf16', validation => 'SELECT x FROM rows', metric => 'max_abs_error', max_drop => 0);
SELECT import_model('full', :'models' || '/fashion_base.onnx', replace => true, dtype => 'bf16', validation => 'SELECT x FROM rows', metric => 'max_abs_error', max_drop => 0);
SELECT import_model('bad', :'models' || '/fashion_base.onnx', dtype => 'bf16', dedup => 'near', validation => 'SELECT x FROM rows', metric => 'max_abs_error', max_drop => 0, max_evaluations => 1);
SELECT import_model('bad', :'models' || '/fashion_base.onnx', dtype => 'bf16', validation => 'SELECT x FROM nowhere');
SELECT import_model('bad', :'models' || '/fashion_base.onnx', dtype => 'bf16', max_weight_error => 0.1);
SELECT import_model('bad', :'models' || '/fashion_base.onnx', validation => 'SELECT x FROM rows');
\set VERBOSITY default
SELECT set_config('test.models', :'models', false) IS NULL AS hidden;
DO $$ BEGIN
  PERFORM import_model('bad', current_setting('test.models') || '/fashion_base.onnx', dtype => 'bf16', validation => 'SELECT x FROM rows', metric => 'max_abs_error', max_drop => 0);
EXCEPTION WHEN check_violation THEN
  RAISE WARNING '%', regexp_replace(sqlerrm, 'is 0.0[0-9]+', 'is (a small number)');
END $$;
SELECT count(*) FROM (TABLE stored EXCEPT SELECT name, weight_dtype, total_bytes FROM mosaic.models) changed;
-- with near duplicates: both are held against float32
SELECT metric_before, metric_after >= 0.9 AS kept, merged > 0 AS merged, evaluations > 2 AS evaluations
  FROM import_model('noise', :'models' || '/fashion_noise.onnx', dtype => 'bf16', dedup => 'near', validation => 'SELECT x FROM rows',
                    metric => 'agreement', max_drop => 0.1);
SELECT * FROM check_store();
SELECT count(drop_model(name)) AS dropped FROM mosaic.models;
SELECT count(*) FROM mosaic.block;
DROP TABLE rows, stored;
DROP FUNCTION confidence;

-- no other type
\set VERBOSITY sqlstate
SELECT import_model('m', :'models' || '/iris.onnx', dtype => 'int8');
\set VERBOSITY default
SELECT import_model('m', :'models' || '/iris.onnx', dtype => 'int8');
DROP FUNCTION explain, difference;
DROP TABLE pictures, before;
DROP EXTENSION pg_mosaic CASCADE;
