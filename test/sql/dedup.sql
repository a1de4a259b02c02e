-- Near duplicates: dedup_model() and plan_dedup() keep what they promise, and refuse what does not fit.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
RESET client_min_messages;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'

-- A classifier and two fine-tunes of it (of "dark", what is not changed is equal); made-up pictures, for which only the outputs matter.
SELECT model, blocks FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT model, blocks FROM import_model('noise', :'models' || '/fashion_noise.onnx');
SELECT model, blocks FROM import_model('dark', :'models' || '/fashion_dark.onnx');
CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0
                             * CASE WHEN j % (i % 7 + 2) = 0 THEN 1 ELSE 0.1 END)::real ORDER BY j)
           FROM generate_series(1, 784) j) AS x
FROM generate_series(1, 60) i;
CREATE TABLE original AS
SELECT i, predict('noise', x) AS outputs, predict_class('noise', x) AS class FROM pictures;

CREATE FUNCTION wrong_counts() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM mosaic.block_meta m
  WHERE models <> (SELECT count(DISTINCT t.model_id) FROM mosaic.tensor t
                   WHERE m.block_id = ANY (mosaic.map_blocks(t.map)))
$$;
CREATE FUNCTION lost_blocks() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM mosaic.block FULL JOIN mosaic.block_meta USING (block_id)
  WHERE data IS NULL OR models IS NULL
$$;

-- A plan stores nothing. It begins with the model as it is, then tries everything at once.
SELECT stored_bytes AS stored FROM mosaic.storage \gset
SELECT evaluation, merged > 0 AS merged, bytes > 0 AS bytes, value = 1 AS same, kept
FROM plan_dedup('noise', 'SELECT x FROM pictures', 'agreement', 0.05) ORDER BY 1 LIMIT 2;
SELECT stored_bytes = :stored AS untouched FROM mosaic.storage;

-- Rolled back, nothing has happened. A metric with labels: the classes that the model gives now.
BEGIN;
SELECT merged > 0 AS merged, metric_before, metric_after >= 0.95 AS kept
FROM dedup_model('noise', 'SELECT x, class FROM pictures JOIN original USING (i)', 'accuracy', 0.05);
SELECT avg((predict_class('noise', x) = class)::int) >= 0.95 AS kept,
       count(*) FILTER (WHERE predict('noise', x) <> outputs) > 0 AS other_outputs
FROM pictures JOIN original USING (i);
ROLLBACK;
SELECT count(*) FILTER (WHERE predict('noise', x) <> outputs) AS changed FROM pictures JOIN original USING (i);
SELECT wrong_counts(), lost_blocks();

-- A bound of nothing: no output may differ at all.
SELECT mosaic.model_id('noise') AS version \gset
SELECT candidates > 100 AS candidates, merged, bytes_freed, metric_after
FROM dedup_model('noise', 'SELECT x FROM pictures', 'max_abs_error', 0);
SELECT mosaic.model_id('noise') = :version AS same_version;

-- The order of the rows does not matter; they are read once, so that all states are judged by the same.
SELECT count(*) AS different FROM (
  SELECT * FROM plan_dedup('noise', 'SELECT x FROM pictures ORDER BY i', 'agreement', 0.02)
  EXCEPT ALL SELECT * FROM plan_dedup('noise', 'SELECT x FROM pictures ORDER BY i DESC', 'agreement', 0.02)) p;
SELECT value FROM plan_dedup('noise', 'SELECT x FROM pictures WHERE random() < 0.5', 'max_abs_error', 0) LIMIT 1;

-- The number of evaluations can be bounded; what was accepted by then counts.
SELECT count(*) AS evaluations FROM plan_dedup('noise', 'SELECT x FROM pictures', 'agreement', 0.05, max_evaluations => 3);

-- The more is allowed, the more is merged.
SELECT bool_and(merged >= before) AS grows FROM (
  SELECT max(merged) FILTER (WHERE kept) AS merged, lag(max(merged) FILTER (WHERE kept), 1, 0::bigint) OVER (ORDER BY b) AS before
  FROM unnest(ARRAY[0.1, 0.5, 2, 10]) b, plan_dedup('noise', 'SELECT x FROM pictures', 'max_abs_error', b) GROUP BY b) x;

-- The bound is kept, as counted here; what is said to be freed is freed; users are counted right.
SELECT mosaic.model_id('noise') AS version \gset
SELECT * FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05) \gset d_
SELECT :d_merged > 0 AS merged, :d_merged <= :d_candidates AS of_candidates, :d_metric_before AS before,
       :d_metric_after >= 0.95 AS kept;
SELECT abs(avg((predict_class('noise', x) = class)::int) - :d_metric_after) < 1e-9 AS as_promised
FROM pictures JOIN original USING (i);
SELECT stored_bytes = :stored - :d_bytes_freed AS freed FROM mosaic.storage;
SELECT mosaic.model_id('noise') > :version AS new_version, wrong_counts(), lost_blocks();
SELECT * FROM check_store();

-- Again there is less to do, and the bound is on what the model is now.
SELECT merged >= 0 AS merged, metric_before, metric_after >= 0.95 AS kept
FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);

-- The partner's leaving changes nothing.
CREATE TABLE merged AS SELECT i, predict('noise', x) AS outputs FROM pictures;
SELECT drop_model('base');
SELECT count(*) AS changed FROM pictures JOIN merged m USING (i) WHERE predict('noise', x) <> m.outputs;
SELECT wrong_counts(), lost_blocks();

-- Blocks of another owner never stand in.
CREATE ROLE regress_dedup_other;
GRANT pg_read_server_files TO regress_dedup_other;
GRANT SELECT ON pictures TO regress_dedup_other;
GRANT EXECUTE ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text), drop_model(text) TO regress_dedup_other;
SET ROLE regress_dedup_other;
SELECT plan_dedup('theirs', 'SELECT x FROM pictures', 'agreement');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dedup_model TO regress_dedup_other;
SET ROLE regress_dedup_other;
SELECT model FROM import_model('theirs', :'models' || '/fashion_shoes.onnx');
SELECT candidates, merged FROM dedup_model('theirs', 'SELECT x FROM pictures', 'agreement', 1);
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement');
SELECT dedup_model('theirs', 'SELECT outputs FROM original', 'agreement');
SELECT drop_model('theirs');
RESET ROLE;
DROP OWNED BY regress_dedup_other;

-- What does not fit.
SELECT dedup_model('none', 'SELECT x FROM pictures', 'agreement');
SELECT dedup_model(NULL, 'SELECT x FROM pictures', 'agreement');
SELECT dedup_model('noise', NULL, 'agreement');
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'f1');
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', -0.1);
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 'NaN');
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', tolerance => 0);
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', min_similarity => 1.1);
SELECT dedup_model('noise', 'SELECT x FROM pictures');
SELECT dedup_model('noise', 'SELECT x, x FROM pictures');
SELECT dedup_model('noise', 'SELECT i, i FROM pictures');
SELECT dedup_model('noise', 'SELECT x, ''a''::text FROM pictures');
SELECT dedup_model('noise', 'SELECT x, 10 FROM pictures');
SELECT dedup_model('noise', 'SELECT x, 0.5 FROM pictures');
SELECT dedup_model('noise', 'SELECT x, NULL::int FROM pictures');
SELECT dedup_model('noise', 'SELECT NULL::real[], 1');
SELECT dedup_model('noise', 'SELECT ARRAY[1, NULL]::real[], 1');
SELECT dedup_model('noise', 'SELECT x[1:783], 1 FROM pictures');
SELECT dedup_model('noise', 'SELECT x, 1 FROM pictures WHERE false');
SELECT dedup_model('noise', 'SELECT x, 1 / 0 FROM pictures');
SELECT dedup_model('noise', 'SELECT x, 1 FROM nowhere');
SELECT dedup_model('noise', 'SELECT x FROM pictures; SELECT 1');
SELECT dedup_model('noise', 'CREATE TABLE t ()');
SELECT dedup_model('noise', 'DELETE FROM pictures RETURNING x, 1');
SELECT dedup_model('noise', 'SELECT x, 1 FROM pictures', 'auc');
SELECT dedup_model('noise', 'SELECT x, 1 FROM pictures', 'mae');
SELECT plan_dedup('noise', 'SELECT x, 1 FROM pictures', 'r2');
SELECT count(*) AS pictures FROM pictures;
SELECT wrong_counts(), lost_blocks();

DROP TABLE pictures, original, merged;
DROP FUNCTION wrong_counts, lost_blocks;
DROP ROLE regress_dedup_other;
DROP EXTENSION pg_mosaic;
