-- How sure a decision is: the standard error of the metric in the rows of imports, dedup_model(), plan_dedup() and dedup_curve(), and the warning.
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
FROM generate_series(1, 80) i;
SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT model, metric_before, standard_error FROM import_model('noise', :'models' || '/fashion_noise.onnx');
-- labels of which one in four is wrong
CREATE TABLE labelled AS SELECT i, x, (predict_class('noise', x) + (i % 4 = 0)::int) % 10 AS label FROM pictures;
\set labels 'SELECT x, label FROM labelled'
CREATE FUNCTION share(model text) RETURNS float8 LANGUAGE sql RETURN (SELECT avg((predict_class(model, x) = label)::int)::float8 FROM labelled);
CREATE FUNCTION same(a float8, b float8) RETURNS bool LANGUAGE sql RETURN abs(a - b) <= 1e-9 * abs(b);

-- A share of rows: sqrt(p (1 - p) / n); in each row that tells of a decision it is of the state that is stored, by predictions from it.
BEGIN;
SELECT merged > 0 AS merged, same(metric_after, share('noise')) AS metric, same(standard_error, sqrt(share('noise') * (1 - share('noise')) / 80)) AS error, standard_error > 0.04 AS large
FROM dedup_model('noise', :'labels', max_drop => 0.1);
SELECT count(*) > 1 AS several, count(DISTINCT value) > 1 AS different, bool_and(same(standard_error, sqrt(value * (1 - value) / 80))) AS errors, bool_or(value = share('noise')) AS of_what_is_stored
FROM mosaic.dedup_curve('noise');
ROLLBACK;
SELECT count(*) > 1 AS several, bool_and(same(standard_error, sqrt(value * (1 - value) / 80))) AS errors FROM plan_dedup('noise', :'labels', max_drop => 0.1);
SELECT drop_model('noise');
SELECT model FROM import_model('base16', :'models' || '/fashion_base.onnx', dtype => 'bf16');
CREATE FUNCTION imported(file text, labels text, dedup text, dtype text, OUT lossy bool, OUT metric bool, OUT error bool) LANGUAGE plpgsql AS $$
DECLARE i record;
BEGIN
  SELECT * INTO i FROM import_model('noise', file, dedup => dedup, dtype => dtype, validation => labels, max_drop => 0.1);
  SELECT i.merged > 0, same(i.metric_after, share('noise')), same(i.standard_error, sqrt(share('noise') * (1 - share('noise')) / 80)) INTO lossy, metric, error;
  PERFORM drop_model('noise');
END $$;
SELECT dedup, dtype, i.* FROM (VALUES ('near', 'f32'), ('ladder', 'f32'), ('ladder', 'bf16'), ('exact', 'bf16')) v (dedup, dtype),
  LATERAL imported(:'models' || '/fashion_noise.onnx', :'labels', dedup, dtype) i;
SELECT merged > 0 AS merged, standard_error FROM import_model('noise', pg_read_binary_file(:'models' || '/fashion_noise.onnx'), dedup => 'near', max_weight_error => 1);
SELECT drop_model('noise');
SELECT standard_error FROM import_model('noise', :'models' || '/fashion_noise.onnx');

-- A mean of numbers: their standard deviation by the square root of how many there are, where a sum of squares would have lost it, too. Likewise a metric of one's own that is averaged.
SELECT model FROM import_model('two', :'models' || '/two_inputs.onnx');
CREATE TABLE scored AS
SELECT i, (predict('two', jsonb_build_object('item', i, 'context', ARRAY[i, 1, 0.5])) -> 'score' ->> 0)::real::float8 AS score FROM generate_series(0, 9) i;
\set two 'SELECT ARRAY[i], ARRAY[i, 1, 0.5], '
SELECT same(standard_error, (SELECT stddev_samp(abs(score - i)) / sqrt(10) FROM scored)) AS mae FROM plan_dedup('two', :'two' || 'i FROM scored', 'mae');
CREATE FUNCTION far(outputs real[], label int) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN 1e6 + outputs[1] - label;
SELECT same(standard_error, (SELECT stddev_samp(far(ARRAY[score]::real[], i)) / sqrt(10) FROM scored)) AS own FROM plan_dedup('two', :'two' || 'i FROM scored', metric_function => 'far', max_drop => 100);
-- The share of the variance that is explained: of Olkin and Finn. AUC: of Hanley and McNeil.
SELECT same(value, r2) AS value, r2 BETWEEN 0.2 AND 0.99 AS partly, same(standard_error, 2 * sqrt(r2 / 10) * (1 - r2)) AS r2
FROM (SELECT 1 - sum((score - label) ^ 2) / (10 * var_pop(label)) AS r2 FROM (SELECT score, score + (i % 3) * 0.2 * (SELECT stddev(score) FROM scored) AS label FROM scored) s) s,
     plan_dedup('two', :'two' || 'score + (i % 3) * 0.2 * (SELECT stddev(score) FROM scored) FROM scored', 'r2');
SELECT same(value, a) AS value, a BETWEEN 0.2 AND 0.9 AS partly,
       same(standard_error, sqrt((a * (1 - a) + (p - 1) * (a / (2 - a) - a * a) + (n - 1) * (2 * a * a / (1 + a) - a * a)) / (p * n))) AS auc
FROM (SELECT avg(CASE WHEN y.score > x.score THEN 1 WHEN y.score = x.score THEN 0.5 ELSE 0 END)::float8 AS a FROM scored x, scored y WHERE x.i % 3 = 0 AND y.i % 3 <> 0) s,
     (SELECT 4 AS n, 6 AS p) c, plan_dedup('two', :'two' || '(i % 3 <> 0)::int FROM scored', 'auc', max_drop => 1);

-- Not known: of the largest of differences, of an aggregate, of a single row of numbers.
CREATE FUNCTION count_rows(s int8, outputs real[]) RETURNS int8 LANGUAGE sql IMMUTABLE RETURN s + 1;
CREATE AGGREGATE all_rows(real[]) (SFUNC = count_rows, STYPE = int8, INITCOND = '0');
SELECT count(*) > 1 AS several, count(standard_error) AS known FROM plan_dedup('noise', 'SELECT x FROM pictures LIMIT 9', 'max_abs_error');
SELECT DISTINCT value, standard_error FROM plan_dedup('noise', 'SELECT x FROM pictures', metric_function => 'all_rows');
SELECT standard_error FROM plan_dedup('two', :'two' || 'i FROM scored LIMIT 1', metric_function => 'far');
BEGIN;
SELECT merged > 0 AS merged, standard_error FROM dedup_model('noise', 'SELECT x FROM pictures', 'max_abs_error', max_drop => 100);
SELECT count(*) > 1 AS several, count(standard_error) AS known FROM mosaic.dedup_curve('noise');
ROLLBACK;

-- A bound that so few rows cannot tell: a warning, wherever something is decided, with the error of the row. Not where they can.
\set VERBOSITY default
SELECT count(*) > 1 AS planned FROM plan_dedup('noise', :'labels', max_drop => 0.02, reuse => false);
SELECT count(*) > 1 AS planned FROM plan_ladder('noise', :'labels', max_drop => 0.02);
BEGIN;
SELECT round(standard_error::numeric, 5) AS error FROM dedup_model('noise', :'labels', max_drop => 0.02);
ROLLBACK;
SELECT round(standard_error::numeric, 5) AS error FROM import_model('few', :'models' || '/fashion_noise.onnx', domain => 'few', dedup => 'near', validation => :'labels', max_drop => 0.02);
SELECT round(standard_error::numeric, 5) AS error FROM import_model('half', :'models' || '/fashion_noise.onnx', dtype => 'bf16', validation => :'labels', max_drop => 0.02);
CREATE FUNCTION own_share(outputs real[], label int) RETURNS int LANGUAGE sql IMMUTABLE RETURN (outputs[label + 1] = (SELECT max(o) FROM unnest(outputs) o))::int;
SELECT count(*) > 1 AS planned FROM plan_dedup('noise', :'labels', metric_function => 'own_share', max_drop => 0.02);
SELECT count(*) > 1 AS planned FROM plan_dedup('noise', :'labels', max_drop => 0.1);
\set VERBOSITY terse

-- What 0.1.0 measured has none.
SELECT count(*) AS points FROM dedup_model('noise', :'labels', max_drop => 0.1);
SELECT count(*) AS points FROM mosaic.dedup_curve('noise') \gset
UPDATE mosaic.dedup_run SET standard_error = NULL;
SELECT count(*) = :points AS points, count(value) = :points AS values, count(standard_error) AS errors FROM mosaic.dedup_curve('noise');

DROP AGGREGATE all_rows(real[]);
DROP FUNCTION imported, share, same, far, count_rows, own_share;
DROP TABLE pictures, labelled, scored;
SET client_min_messages = warning;
DROP EXTENSION pg_mosaic CASCADE;
