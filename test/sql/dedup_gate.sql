-- The gate's promise under attack, metrics of the user's own, the log, the curve, and what a new version keeps of them.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
RESET client_min_messages;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
SELECT model, blocks FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT model, blocks FROM import_model('noise', :'models' || '/fashion_noise.onnx');
CREATE TABLE pictures AS
SELECT i, (SELECT array_agg((abs(hashint4(i * 1000 + j)) % 1000 / 1000.0
                             * CASE WHEN j % (i % 7 + 2) = 0 THEN 1 ELSE 0.1 END)::real ORDER BY j)
           FROM generate_series(1, 784) j) AS x
FROM generate_series(1, 60) i;
CREATE TABLE original AS SELECT i, predict('noise', x) AS outputs, predict_class('noise', x) AS class FROM pictures;

-- The metric as counted here, from outside, is what the gate says, whatever the order of the rows, the bound, or the memory there is.
CREATE FUNCTION kept(query text, bound float8, memory text) RETURNS TABLE (merged bool, as_said bool, within bool)
LANGUAGE plpgsql AS $$
DECLARE r record; now float8;
BEGIN
  PERFORM set_config('work_mem', memory, true);
  SELECT * INTO r FROM dedup_model('noise', query, 'agreement', bound, reuse => false);
  SELECT avg((predict_class('noise', x) = class)::int) INTO now FROM pictures JOIN original USING (i);
  RETURN QUERY SELECT r.merged > 0, abs(now - r.metric_after) < 1e-12, now >= 1 - bound;
END $$;
CREATE FUNCTION attack(query text, bound float8, memory text DEFAULT '4MB') RETURNS TABLE (merged bool, as_said bool, within bool)
LANGUAGE plpgsql AS $$
BEGIN
  SELECT * INTO merged, as_said, within FROM kept(query, bound, memory);
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
  RETURN NEXT;
END $$;
SELECT bound, memory, a.* FROM unnest(ARRAY[0, 1e-9, 0.0166, 0.02, 0.1, 1]) bound, unnest(ARRAY['64kB', '4MB']) memory,
  attack('SELECT x FROM pictures', bound, memory) a ORDER BY 1, 2 DESC;
-- those that suffer come last; or first
CREATE TABLE fate AS SELECT i, 0.0 AS margin FROM pictures;
UPDATE fate SET margin = (SELECT max(o) - min(o) FROM unnest(outputs) o) FROM original WHERE original.i = fate.i;
SELECT a.* FROM unnest(ARRAY['', 'DESC']) d, attack(format('SELECT x FROM pictures JOIN fate USING (i) ORDER BY margin %s', d), 0.02) a;
-- rows that are others in each run are read once
CREATE SEQUENCE turn;
CREATE FUNCTION turns() RETURNS real[] LANGUAGE sql VOLATILE AS $$ SELECT x FROM pictures ORDER BY random() LIMIT 1 $$;
SELECT value FROM plan_dedup('noise', 'SELECT turns() FROM generate_series(1, 20)', 'max_abs_error', 0) LIMIT 1;

-- What is kept of activations from one evaluation to the next changes no bit of what is measured.
SET work_mem = '64kB';
CREATE TABLE little AS SELECT * FROM plan_dedup('noise', 'SELECT x FROM pictures', 'max_abs_error', 0.3);
SET work_mem = '64MB';
SELECT count(*) > 5 AS several, count(*) FILTER (WHERE l IS DISTINCT FROM m) AS different
FROM little l FULL JOIN plan_dedup('noise', 'SELECT x FROM pictures', 'max_abs_error', 0.3) m USING (evaluation);
RESET work_mem;
DROP TABLE little;

-- A model with several inputs: an array for each, in their order.
SELECT model FROM import_model('two', :'models' || '/two_inputs.onnx');
CREATE FUNCTION score(i int) RETURNS float8 LANGUAGE sql AS $$
  SELECT (predict('two', jsonb_build_object('item', i, 'context', ARRAY[i, 1, 0.5])) -> 'score' ->> 0)::float8
$$;
SELECT abs(value - (SELECT avg(abs(score(i) - 1)) FROM generate_series(1, 9) i)) < 1e-5 AS as_predicted
FROM plan_dedup('two', 'SELECT ARRAY[i], ARRAY[i, 1, 0.5], 1 FROM generate_series(1, 9) i', 'mae');
SELECT plan_dedup('two', 'SELECT ARRAY[1], 1', 'mae');
SELECT plan_dedup('two', 'SELECT ARRAY[1], 1, 1', 'mae');
DROP FUNCTION score;

-- The curve: points of growing prefixes, whatever the bound; then the search.
SELECT count(*) >= 6 AS points, bool_and(merged >= before) AS grows, bool_or(NOT kept) AS beyond FROM (
  SELECT merged, kept, lag(merged, 1, 0::int8) OVER (ORDER BY evaluation) AS before
  FROM plan_dedup('noise', 'SELECT x FROM pictures', 'max_abs_error', 0.05, curve_points => 5) WHERE evaluation <= 6) p;
SELECT count(*) AS log FROM mosaic.dedup_log;
SELECT count(*) AS curve FROM mosaic.dedup_curve('noise');

-- A metric of one's own: a function is averaged, an aggregate takes all rows; larger is better unless told.
CREATE FUNCTION hit(outputs real[], label int) RETURNS bool LANGUAGE sql IMMUTABLE AS
$$ SELECT outputs[label + 1] = (SELECT max(o) FROM unnest(outputs) o) $$;
CREATE FUNCTION hits(outputs real[], label int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT hit(outputs, label)::int $$;
CREATE FUNCTION misses(outputs double precision[], label int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT 1 - hit(outputs::real[], label)::int $$;
CREATE FUNCTION add_hit(s int8[], outputs real[], label int) RETURNS int8[] LANGUAGE sql IMMUTABLE AS
$$ SELECT ARRAY[s[1] + hits(outputs, label), s[2] + 1] $$;
CREATE FUNCTION share(s int8[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT s[1]::float8 / s[2] $$;
CREATE AGGREGATE hit_rate(real[], int) (SFUNC = add_hit, STYPE = int8[], INITCOND = '{0,0}', FINALFUNC = share);
CREATE FUNCTION largest(outputs anyarray) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT max(o)::float8 FROM unnest(outputs::real[]) o $$;
\set validation 'SELECT x, class FROM pictures JOIN original USING (i)'
SELECT count(*) FILTER (WHERE a IS DISTINCT FROM h OR abs(a - value) > 1e-12) AS different, count(*) > 3 AS several
FROM (SELECT evaluation, value AS a FROM plan_dedup('noise', :'validation', 'accuracy', 0.02)) a
FULL JOIN (SELECT evaluation, value AS h FROM plan_dedup('noise', :'validation', max_drop => 0.02, metric_function => 'hits')) h USING (evaluation)
FULL JOIN plan_dedup('noise', :'validation', max_drop => 0.02, metric_function => 'hit_rate') r USING (evaluation);
SELECT min(value) = 0 AS from_zero, max(value) FILTER (WHERE kept) <= 0.02 AS within
FROM plan_dedup('noise', :'validation', max_drop => 0.02, metric_function => 'misses', higher_is_better => false);
SELECT count(*) > 1 AS without_label FROM plan_dedup('noise', 'SELECT x FROM pictures', max_drop => 0.1, metric_function => 'largest');
-- what cannot be one
SELECT plan_dedup('noise', :'validation', metric_function => 'hit');
SELECT plan_dedup('noise', :'validation', metric_function => 'share');
SELECT plan_dedup('noise', :'validation', metric_function => 'pg_catalog.generate_subscripts');
SELECT plan_dedup('noise', :'validation', metric_function => 'pg_catalog.rank');
SELECT plan_dedup('noise', :'validation', metric_function => 'pg_catalog.now');
SELECT plan_dedup('noise', :'validation', metric_function => 'no_such_function');
SELECT plan_dedup('noise', :'validation', metric_function => 4711::oid::regproc);
SELECT plan_dedup('noise', 'SELECT x FROM pictures', metric_function => 'hits');
CREATE FUNCTION never(outputs real[]) RETURNS float8 LANGUAGE sql AS $$ SELECT NULL::float8 $$;
SELECT plan_dedup('noise', 'SELECT x FROM pictures', metric_function => 'never');
CREATE FUNCTION fails(outputs real[]) RETURNS float8 LANGUAGE sql AS $$ SELECT 1 / (count(*) - 10)::float8 FROM unnest(outputs) $$;
SELECT plan_dedup('noise', 'SELECT x FROM pictures', metric_function => 'fails');
CREATE FUNCTION undefined(outputs real[]) RETURNS float8 LANGUAGE sql AS $$ SELECT 'NaN'::float8 $$;
SELECT plan_dedup('noise', 'SELECT x FROM pictures', metric_function => 'undefined');
CREATE ROLE regress_gate_user;
REVOKE EXECUTE ON FUNCTION hits FROM PUBLIC;
GRANT EXECUTE ON FUNCTION plan_dedup, dedup_model TO regress_gate_user;
SET ROLE regress_gate_user;
SELECT plan_dedup('noise', 'SELECT 1', metric_function => 'hits');
SELECT count(*) FROM mosaic.dedup_log;
SELECT * FROM mosaic.dedup_curve('noise');
SELECT count(*) FROM mosaic.dedup_run;
RESET ROLE;

-- Metrics that lie: worse, no number or without bound from some evaluation on; what was not good when it was measured is not stored.
-- It counts its calls by locks of the session: all else that a metric does is undone.
CREATE FUNCTION lies() RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE n int := (SELECT count(*) + 2 FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND classid = 0 AND objid >= 5000);
BEGIN
  PERFORM pg_advisory_lock(5000 + n), set_config('work_mem', CASE WHEN n % 2 = 0 THEN '64kB' ELSE '64MB' END, true);
  RETURN CASE WHEN n <= 2 THEN 1 WHEN n % 3 = 0 THEN current_setting('test.lie')::float8 ELSE 0.5 END;
END $$;
CREATE FUNCTION last_row(s float8, outputs real[]) RETURNS float8 LANGUAGE sql AS 'SELECT 1::float8';
CREATE FUNCTION lie(s float8) RETURNS float8 LANGUAGE sql AS 'SELECT lies()';
CREATE AGGREGATE liar(real[]) (SFUNC = last_row, STYPE = float8, INITCOND = '0', FINALFUNC = lie);
CREATE FUNCTION lied(value text) RETURNS TABLE (lie text, merged bool, metric_after float8, unchanged bool) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
  PERFORM pg_advisory_unlock_all(), set_config('test.lie', value, false);
  SELECT * INTO r FROM dedup_model('noise', 'SELECT x FROM pictures', metric_function => 'liar', reuse => false);
  RETURN QUERY SELECT value, r.merged > 0, r.metric_after, (SELECT bool_and(predict('noise', x) = outputs) FROM pictures JOIN original USING (i));
END $$;
SELECT l.* FROM unnest('{0.5,NaN,Infinity,-Infinity}'::text[]) v, lied(v) l;
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', -0.01);
SELECT dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 'NaN');

-- Within a transaction: what is rolled back to a savepoint was never done, and can be done again; in one statement each model is
-- judged with what became of the others before it.
CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS $$
  SELECT md5(concat_ws(' ', (SELECT string_agg(b::text, ',' ORDER BY block_id) FROM mosaic.block_meta b), (SELECT string_agg(k::text, ',' ORDER BY first) FROM mosaic.near_key k),
    (SELECT string_agg(t::text, ',' ORDER BY model_id, tensor_no) FROM mosaic.tensor t), (SELECT string_agg(r::text, ',' ORDER BY model_id) FROM mosaic.dedup_run r)))
$$;
SELECT contents() AS before \gset
BEGIN;
SAVEPOINT a;
SELECT merged > 0 AS merged FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
SELECT merged > 0 AS merged FROM dedup_model('base', 'SELECT x FROM pictures', 'agreement', 0.05);
ROLLBACK TO a;
SELECT contents() = :'before' AS as_before;
SELECT count(*) FILTER (WHERE predict('noise', x) <> outputs) AS changed FROM pictures JOIN original USING (i);
SELECT drop_model('base');
SELECT merged FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
ROLLBACK TO a;
SELECT merged > 0 AS merged, metric_after >= 0.95 AS kept FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
SELECT avg((predict_class('noise', x) = class)::int) >= 0.95 AS within FROM pictures JOIN original USING (i);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT name, (dedup_model(name, 'SELECT x FROM pictures', 'agreement', 0.05)).metric_after >= 0.95 AS kept FROM unnest('{base,noise}'::text[]) name;
SELECT avg((predict_class('noise', x) = class)::int) >= 0.95 AS within FROM pictures JOIN original USING (i);
SELECT * FROM check_store();
ROLLBACK;
SELECT contents() = :'before' AS as_before;

-- Nothing is written on the way: not by the query, not by what it calls, not by the metric.
CREATE TABLE trace (t text);
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trace VALUES ('query'); RETURN 1; END $$;
CREATE FUNCTION drops() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM drop_model('base'); RETURN 1; END $$;
CREATE FUNCTION writes_more(outputs real[]) RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN INSERT INTO trace VALUES ('metric'); RETURN 1; END $$;
CREATE FUNCTION opens() RETURNS int LANGUAGE plpgsql AS $$ BEGIN SET transaction_read_only = off; INSERT INTO trace VALUES ('x'); RETURN 1; END $$;
SELECT dedup_model('noise', 'SELECT x, writes() FROM pictures');
SELECT dedup_model('noise', 'SELECT x, drops() FROM pictures');
SELECT dedup_model('noise', 'SELECT x, opens() FROM pictures');
SELECT dedup_model('noise', 'SELECT x FROM pictures', metric_function => 'writes_more');
SELECT dedup_model('noise', 'SELECT x, nextval(''turn'') FROM pictures');
SELECT count(*) AS traces FROM trace;
INSERT INTO trace VALUES ('we still may');
-- errors name the row, also within a batch
\set VERBOSITY default
SELECT dedup_model('noise', 'SELECT x, CASE WHEN i = 17 THEN 99 ELSE 1 END FROM pictures ORDER BY i');
SELECT dedup_model('noise', 'SELECT CASE WHEN i = 30 THEN x[1:9] ELSE x END, 1 FROM pictures ORDER BY i');
SELECT dedup_model('noise', 'SELECT x, 1, 2 FROM pictures');
\set VERBOSITY terse

-- The log and the curve of what was done; for the owner. A plan returns the same curve.
CREATE TEMP TABLE planned AS SELECT * FROM plan_dedup('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
SELECT merged AS merged, candidates, evaluations FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05) \gset d_
SELECT count(*) = :d_candidates AS all, count(*) FILTER (WHERE accepted) = :d_merged AS merged,
       bool_and(similarity BETWEEN 0.7 AND 1) AS similar, bool_and(partner > 0 AND block >= 0) AS places,
       count(DISTINCT model) AS models FROM mosaic.dedup_log;
SELECT DISTINCT accepted, reason FROM mosaic.dedup_log ORDER BY 2;
SELECT count(*) = :d_evaluations AS points, max(merged) FILTER (WHERE kept) = :d_merged AS reached, bool_and(bytes >= merged * 32) AS bytes
FROM mosaic.dedup_curve('noise');
SELECT count(*) > 3 AS points, bool_and(p = c) AS as_planned FROM planned p FULL JOIN mosaic.dedup_curve('noise') c USING (evaluation);
SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) AS columns
FROM pg_attribute WHERE attrelid = 'planned'::regclass AND attnum > 0;
-- each decision is what the model has
SELECT count(*) AS not_as_logged FROM mosaic.dedup_log l
JOIN mosaic.model m ON m.name = l.model JOIN mosaic.tensor t ON t.model_id = m.model_id AND t.name = l.tensor
WHERE accepted <> ((mosaic.map_blocks(t.map))[l.block + 1] = l.partner);

-- Retrained (here: imported again): decisions on blocks with the same keys are kept, measured all the same, with fewer evaluations.
SELECT model FROM import_model('noise', :'models' || '/fashion_noise.onnx', replace => true);
SELECT count(*) AS log_of_replaced FROM mosaic.dedup_log;
SELECT count(*) AS curve_of_replaced FROM mosaic.dedup_curve('noise');
SELECT count(*) AS kept_for_it FROM mosaic.dedup_run;
SELECT mosaic.model_id('noise') AS version \gset
BEGIN;
SELECT merged = :d_merged AS same_merges, evaluations AS evaluations, candidates = :d_candidates AS same_candidates
FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05);
SELECT avg((predict_class('noise', x) = class)::int) >= 0.95 AS within FROM pictures JOIN original USING (i);
SELECT DISTINCT accepted, reason FROM mosaic.dedup_log ORDER BY 2;
ROLLBACK;
BEGIN;
SELECT merged = :d_merged AS same_merges, evaluations = :d_evaluations AS as_the_first FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05, reuse => false);
ROLLBACK;
-- a wider bound asks again what was beyond the old one
BEGIN;
SELECT merged > :d_merged AS more, evaluations < :d_evaluations AS fewer FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.5);
ROLLBACK;
-- what was believed is not trusted: under a bound that it does not keep, it is not merged
SELECT merged < :d_merged AS less, metric_after FROM dedup_model('noise', 'SELECT x FROM pictures', 'max_abs_error', 0);
SELECT count(*) FILTER (WHERE predict('noise', x) <> outputs) AS changed FROM pictures JOIN original USING (i);
-- merges made before stay in the log while the model has them
SELECT merged > 0 AS merged FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05) \gset
SELECT count(*) FILTER (WHERE accepted) AS before FROM mosaic.dedup_log \gset
SELECT merged >= 0 AS again FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', 0.05, reuse => false);
SELECT count(*) FILTER (WHERE accepted) >= :before AS still FROM mosaic.dedup_log;
-- renamed and dropped with the model
SELECT rename_model('noise', 'noise2');
SELECT DISTINCT model FROM mosaic.dedup_log;
SELECT drop_model('noise2');
SELECT (SELECT count(*) FROM mosaic.dedup_run) AS runs, (SELECT count(*) FROM mosaic.dedup_decision) AS decisions;
SELECT * FROM mosaic.dedup_curve('noise2');

-- Outputs that are beyond work_mem are compared from disk.
SET work_mem = '64kB';
SELECT metric_after, evaluations FROM import_model('wide', :'models' || '/answer_wide.onnx', dtype => 'bf16',
  validation => 'SELECT ARRAY[[1, 1000 + i % 3]]::bigint[] FROM generate_series(1, 300) i', metric => 'agreement');
RESET work_mem;
-- What is kept of a batch is what the next evaluation needs for the same rows; the first layer of this model is another's.
SELECT model, blocks_shared > 0 AS shared FROM import_model('dark', :'models' || '/fashion_dark.onnx');
CREATE TABLE dark AS SELECT i, predict('dark', x) AS outputs FROM pictures;
SELECT candidates, metric_after FROM dedup_ladder('dark', 'SELECT x FROM pictures, generate_series(1, 10) g ORDER BY g, i', 'max_abs_error', 1000) \gset d_
SELECT :d_candidates > 0 AS candidates, max(abs(now - was))::float4 = :d_metric_after::float4 AS as_measured
FROM (SELECT predict('dark', x) AS now_, outputs FROM pictures JOIN dark USING (i)) d, unnest(now_, outputs) AS o(now, was);

DROP OWNED BY regress_gate_user;
DROP ROLE regress_gate_user;
DROP TABLE pictures, original, fate, trace, dark;
DROP SEQUENCE turn;
DROP AGGREGATE hit_rate(real[], int);
DROP AGGREGATE liar(real[]);
DROP FUNCTION contents, lied, lie, last_row, lies, kept, attack, turns, hit, hits, misses, add_hit, share, largest, never, fails, undefined, writes, drops, writes_more, opens;
DROP EXTENSION pg_mosaic;
