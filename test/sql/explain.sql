-- EXPLAIN of plans that predict in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT blocks > 0 AS imported FROM import_model('iris', :'data' || '/models/iris.onnx');
CREATE TABLE t AS SELECT i AS id, ARRAY[i % 7, i % 5, i % 3, i % 2]::real[] AS x FROM generate_series(1, 1000) i;
ANALYZE t;
-- what differs from run to run and from CPU to CPU
CREATE FUNCTION explain(query text, options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, SUMMARY OFF, BUFFERS OFF, ' || options || ') ' || query LOOP
    line := regexp_replace(line, '(hit|read)=\d+', '\1=N', 'g');
    line := regexp_replace(line, '\d+\.\d+ ms', 'N ms', 'g');
    line := regexp_replace(line, '("Pages Hit"|"Pages Read"|"Time"|"Kernel Time"): [\d.]+', '\1: N', 'g');
    line := regexp_replace(line, '(Kernel"?: "?)[a-z0-9]+', '\1NAME');
    -- since 18
    line := regexp_replace(line, '(rows=|Rows": )(\d+)\.00', '\1\2', 'g');
    line := regexp_replace(line, ',\s*"Disabled": false', '', 'g');
    RETURN NEXT line;
  END LOOP;
END $$;
SELECT explain($$SELECT id, predict('iris', x) FROM t WHERE predict_class('iris', x) = 1$$, 'VERBOSE');
SELECT explain($$SELECT id, predict('iris', x) FROM t WHERE predict_class('iris', x) = 1$$, 'ANALYZE, TIMING OFF');
SELECT explain($$SELECT predict('iris', x) FROM t LIMIT 300$$, 'ANALYZE, TIMING OFF');
SELECT explain($$SELECT predict('iris', x) FROM t$$, 'ANALYZE, TIMING OFF, FORMAT JSON');
-- per layer
SELECT line FROM explain($$SELECT predict('iris', x) FROM t$$, 'ANALYZE, VERBOSE') line WHERE line ~ 'Kernel|Layer';
SELECT count(*) AS layers FROM regexp_matches((SELECT string_agg(l, E'\n') FROM explain($$SELECT predict('iris', x) FROM t$$, 'ANALYZE, VERBOSE, FORMAT JSON') l), '"Operator":', 'g');
-- rows that cannot be in a batch are told apart: here, each holds a batch
SELECT explain($$SELECT predict('iris', ARRAY[x, x]) FROM t LIMIT 10$$, 'ANALYZE, TIMING OFF');
-- a model that is not a constant is known afterwards
SELECT explain($$SELECT predict(m, x) FROM t, (VALUES ('iris')) v(m) WHERE id < 5$$, 'ANALYZE, TIMING OFF');
-- the version is the one that the statement sees; none where there is no model, or it may not be used
SELECT blocks > 0 AS replaced FROM import_model('iris', :'data' || '/models/iris_opset9.onnx', replace => true);
SELECT explain($$SELECT predict('iris', x) FROM t$$, 'ANALYZE, TIMING OFF') LIMIT 2;
SELECT explain($$SELECT predict('nobody', x) FROM t$$, 'VERBOSE');
CREATE ROLE regress_mosaic_reader;
GRANT SELECT ON t TO regress_mosaic_reader;
SET ROLE regress_mosaic_reader;
SELECT explain($$SELECT predict('iris', x) FROM t$$, 'VERBOSE') LIMIT 3;
RESET ROLE;
REVOKE SELECT ON t FROM regress_mosaic_reader;
DROP ROLE regress_mosaic_reader;
-- the leader and the workers together
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 1;
CREATE FUNCTION batched_rows(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN (SELECT sum((n ->> 'Batches')::float8 * (n ->> 'Rows per Batch')::float8)
            FROM jsonb_path_query(plan::jsonb, 'strict $.** ? (@."Node Type" == "Custom Scan")') n);
END $$;
SELECT abs(batched_rows($$SELECT predict('iris', x) FROM t$$) - 1000) < 10 AS all_rows;
RESET ALL;
SET client_min_messages = warning;
-- costs follow from the model
CREATE FUNCTION cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END $$;
SELECT blocks > 0 AS imported FROM import_model('fashion', :'data' || '/models/fashion_base.onnx');
SELECT cost($$SELECT predict('fashion', x) FROM t$$) > 2 * cost($$SELECT predict('iris', x) FROM t$$) AS larger_costs_more,
       cost($$SELECT predict('nobody', x) FROM t$$) > 0 AS unknown_has_a_cost;
DROP FUNCTION cost, batched_rows;
DROP TABLE t;
-- what counts items is the model's own dimension, or said at import
\getenv data MOSAIC_TEST_DATA
SELECT i.tensors FROM import_model('each', :'data' || '/models/iris.onnx', batch_axis => 'none') i;
SELECT i.tensors FROM import_model('named', :'data' || '/models/iris.onnx', batch_axis => 'batch', labels => '{a,b,c}') i;
SELECT i.tensors FROM import_model('other', :'data' || '/models/iris.onnx', batch_axis => 'rows') i;
SELECT model_info('each') #> '{inputs,0,item_axis}' AS "each", model_info('named') #> '{inputs,0,item_axis}' AS named;
CREATE TABLE flowers AS SELECT ARRAY[i, 1, 2, 3]::real[] AS x FROM generate_series(1, 10) i;
ANALYZE flowers;
SELECT explain($$SELECT predict('each', x) FROM flowers$$, 'ANALYZE, TIMING OFF');
SELECT bool_and(predict('each', x) = predict('named', x)) AS same FROM flowers;
-- how items were computed: at once, in groups that fit in memory, one by one and why
CREATE FUNCTION ways(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT btrim(line) FROM explain(query, 'ANALYZE, TIMING OFF') line WHERE line ~ 'Items|Singly'
$$;
CREATE FUNCTION ways_json(query text) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN QUERY SELECT jsonb_path_query(plan, 'strict $.**."Models"[*]');
END $$;
SELECT i.tensors FROM import_model('encoder', :'data' || '/models/encoder_opset17.onnx') i;
SELECT i.tensors FROM import_model('mixes', :'data' || '/cases/softmax_axis0.onnx') i;
SELECT i.tensors FROM import_model('sizes', :'data' || '/cases/shape_out.onnx') i;
SELECT i.tensors FROM import_model('side', :'data' || '/cases/side_vector.onnx') i;
CREATE TABLE texts AS SELECT i, ARRAY(SELECT i * j % 100 + 1 FROM generate_series(1, 64) j) AS x FROM generate_series(1, 100) i;
ANALYZE texts;
SELECT ways($$SELECT predict('encoder', x) FROM texts$$);
SELECT ways_json($$SELECT predict('encoder', x) FROM texts$$);
SET pg_mosaic.predict_memory = '1MB';
SELECT regexp_replace(ways($$SELECT predict('encoder', x) FROM texts$$), '[0-9]+', 'N');
SELECT ways_json($$SELECT predict('encoder', x) FROM texts$$) ->> 'Items' ~ '^in groups of ([2-9]|[1-4][0-9])$' AS groups;
-- of several sizes the largest
SELECT w.longest_first = w.shortest_first AS largest FROM (
  SELECT ways_json($$SELECT predict('encoder', x[:n]) FROM (SELECT x, n FROM texts, (VALUES (16), (64)) n(n) ORDER BY n, i OFFSET 0) t$$) ->> 'Items' AS shortest_first,
         ways_json($$SELECT predict('encoder', x[:n]) FROM (SELECT x, n FROM texts, (VALUES (16), (64)) n(n) ORDER BY n DESC, i OFFSET 0) t$$) ->> 'Items' AS longest_first) w;
RESET pg_mosaic.predict_memory;
SELECT ways($$SELECT predict('each', x) FROM flowers$$);
SELECT ways($$SELECT predict('mixes', x[:3]) FROM flowers$$);
SELECT ways_json($$SELECT predict('mixes', x[:3]) FROM flowers$$);
SELECT ways($$SELECT predict('sizes', x[:3]) FROM flowers$$);
SELECT ways($$SELECT predict('side', jsonb_build_object('x', ARRAY[x[:2]], 'v', x[:2])) FROM flowers$$);
SELECT ways($$SELECT predict('named', ARRAY[x, x]) FROM flowers$$);
SELECT ways($$SELECT predict(m, x) FROM (SELECT m, x FROM flowers, (VALUES ('named'), ('each')) v(m) ORDER BY m, x OFFSET 0) t$$);
SELECT count(*) FROM ways($$SELECT predict('named', x) FROM flowers WHERE x[1] < 0$$);
-- some so and some so: of each model what its own rows were, and nothing where it had none
SELECT count(i.tensors) AS imported FROM generate_series(1, 9) n, import_model('many_' || n, :'data' || '/models/iris.onnx') i;
SELECT set_alias('shared', 'named', 'many_1', 1e-9);
SELECT ways($$SELECT predict('shared', x), predict('iris', CASE WHEN x[1] = 1 THEN ARRAY[x, x] ELSE x END) FROM flowers$$);
SELECT ways($$SELECT predict('many_1', CASE WHEN x[1] < 0 THEN x END), predict('iris', CASE WHEN x[1] = 1 THEN ARRAY[x, x] ELSE x END) FROM flowers$$);
SELECT ways($$SELECT predict('iris', CASE WHEN x[1] > 4 THEN ARRAY[x, x] ELSE x END) FROM flowers$$);
-- of more models than are kept, nothing
SELECT count(*), max(regexp_replace(line, '.*: ', '')) AS most, min(regexp_replace(line, '.*: ', '')) AS least
  FROM ways($$SELECT predict('many_' || n, CASE WHEN n = 1 AND x[1] = 1 THEN ARRAY[x, x] ELSE x END)
                FROM (SELECT n, x FROM flowers, generate_series(1, 9) n ORDER BY n, x OFFSET 0) t$$) line WHERE line ~ 'Items';
-- workers only
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
ALTER TABLE flowers SET (parallel_workers = 2);
SELECT btrim(line) FROM explain($$SELECT predict('named', x) FROM flowers$$, 'ANALYZE, TIMING OFF') line WHERE line ~ 'Items|Launched';
SELECT ways($$SELECT predict('each', x) FROM flowers$$);
SELECT ways($$SELECT predict('named', CASE WHEN x[1] > 4 THEN ARRAY[x, x] ELSE x END) FROM flowers$$);
RESET parallel_leader_participation;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_tuple_cost;
RESET parallel_setup_cost;
DROP FUNCTION ways, ways_json;
DROP TABLE flowers, texts;
-- kept with versions: of one that is replaced with keep
SELECT i.tensors FROM import_model('each', :'data' || '/models/iris.onnx', batch_axis => 'none', keep => 1) i;
SELECT count(*) FROM mosaic.versions WHERE model = 'each';
DROP EXTENSION pg_mosaic CASCADE;
DROP FUNCTION explain;
