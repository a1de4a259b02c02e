-- A store with what a release can store: float32 and bfloat16, shared, merged and packed blocks, domains, grants, gaps in ids.
-- psql -v models=FOLDER; the digest is of all predictions.
\set QUIET on
CREATE EXTENSION pg_mosaic;
CREATE ROLE alice;
CREATE ROLE bob;
GRANT pg_read_server_files TO alice;
DO $$ BEGIN EXECUTE (SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO alice', oid::regprocedure), ';')
  FROM pg_proc WHERE proname IN ('import_model', 'grant_model', 'rename_model')); END $$;
SELECT name, (import_model(name, :'models' || '/' || file || '.onnx', dtype => dtype)).tensors
  FROM (VALUES ('iris', 'iris', 'f32'), ('encoder_opset17', 'encoder_opset17', 'f32'), ('gone', 'text_classifier', 'f32'),
               ('text_classifier', 'text_classifier', 'f32'), ('encoder_half', 'encoder_opset17', 'bf16'), ('two_inputs', 'two_inputs', 'f32')) AS m (name, file, dtype);
SELECT drop_model('gone');
-- near duplicates, of weights less their last bits: with bounded weights, then measured
CREATE FUNCTION shortened(path text, first int, last int) RETURNS bytea LANGUAGE sql AS $$
  SELECT string_agg(CASE WHEN i BETWEEN first AND last AND (i - first) % 4 = 0 THEN '\x00' ELSE substr(file, i, 1) END, '' ORDER BY i)
  FROM pg_read_binary_file(path) file, generate_series(1, length(file)) i
$$;
SELECT merged > 0 FROM import_model('bounded', shortened(:'models' || '/text_classifier.onnx', 1003, 100000), dedup => 'near', max_weight_error => 0.01);
SELECT blocks > 0 FROM import_model('measured', shortened(:'models' || '/text_classifier.onnx', 1003, 20000));
SELECT merged > 0 FROM dedup_model('measured', 'SELECT array_agg(i * j % 2000 ORDER BY j) FROM generate_series(1, 9) i, generate_series(1, 9) j GROUP BY i', 'max_abs_error', 0.5);
DROP FUNCTION shortened;
SET ROLE alice;
SELECT tensors FROM import_model('alices', :'models' || '/iris_float16.onnx');
SELECT tensors FROM import_model('teams', :'models' || '/iris_opset9.onnx', domain => 'team');
SELECT grant_model('alices', 'bob');
RESET ROLE;
SELECT blocks, pages_before, pages_after FROM pack_models();
