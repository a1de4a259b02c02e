-- dedup => 'ladder', dedup_ladder(): blocks become differences of few bits to others, within a bound.
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
FROM generate_series(1, 100) i;
CREATE FUNCTION wrong_counts() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM mosaic.block_meta m
  WHERE models <> (SELECT count(DISTINCT t.model_id) FROM mosaic.tensor t WHERE m.block_id = ANY (mosaic.map_blocks(t.map)))
                  + (SELECT count(*) FROM mosaic.block_meta d WHERE d.base = m.block_id)
$$;
CREATE VIEW problems AS SELECT wrong_counts(), (SELECT count(*) FROM check_store()) AS problems;
-- What a model's blocks are: the kind of a difference is its eleventh byte, its bits the thirteenth.
CREATE FUNCTION rungs(name text, OUT merged bigint, OUT bits_1 bigint, OUT bits_2 bigint, OUT bits_4 bigint, OUT bits_8 bigint, OUT lossless bigint, OUT whole bigint)
LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE NOT delta AND models > 1), count(*) FILTER (WHERE bits = 1), count(*) FILTER (WHERE bits = 2), count(*) FILTER (WHERE bits = 4),
         count(*) FILTER (WHERE bits = 8), count(*) FILTER (WHERE delta AND bits IS NULL), count(*) FILTER (WHERE NOT delta AND models = 1)
  FROM (SELECT m.base IS NOT NULL AS delta, m.models, CASE WHEN m.base IS NOT NULL AND get_byte(b.data, 10) = 2 THEN get_byte(b.data, 12) END AS bits
        FROM mosaic.tensor t, unnest(mosaic.map_blocks(t.map)) AS id JOIN mosaic.block b ON b.block_id = id JOIN mosaic.block_meta m USING (block_id)
        WHERE t.model_id = mosaic.model_id($1)) r
$$;

SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT new_bytes AS exact_bytes, blocks FROM import_model('noise', :'models' || '/fashion_noise.onnx') \gset
CREATE TABLE exact AS SELECT i, predict_class('noise', x) AS class, predict('noise', x) AS outputs FROM pictures;
SELECT format_version FROM mosaic.storage;

-- What it would cost, without storing anything; then that very state.
SELECT stored_bytes AS stored FROM mosaic.storage \gset
SELECT min(evaluation) AS first, max(lowered) = 237 AS all_lowered, bool_or(kept AND bytes > 0.5 * :exact_bytes) AS kept, bool_or(NOT kept) AS beyond,
       min(bytes) > 0 AS lossless, max(bytes) < :exact_bytes AS less, min(value) FILTER (WHERE kept) >= 0.98 AS bound,
       max(abs(standard_error - sqrt(value * (1 - value) / 100))) < 1e-9 AS errors
FROM plan_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.02, curve_points => 4);
SELECT stored_bytes = :stored AS as_before FROM mosaic.storage;
SELECT * FROM dedup_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.02) \gset l_
SELECT :'l_model' AS model, :l_blocks = :blocks AS blocks, :l_candidates AS candidates, :l_bits_1 + :l_bits_2 + :l_bits_4 + :l_bits_8 > 100 AS lowered,
       :l_bytes_freed > 0.6 * :exact_bytes AS freed, :l_metric_before AS before, :l_metric_after >= 0.98 AS kept, :l_standard_error < 0.03 AS error,
       :l_evaluations BETWEEN 3 AND 40 AS evaluated;
SELECT :stored - stored_bytes = :l_bytes_freed AS as_said, format_version FROM mosaic.storage;
SELECT bits_1 = :l_bits_1 AS bits_1, bits_2 = :l_bits_2 AS bits_2, bits_4 = :l_bits_4 AS bits_4, bits_8 = :l_bits_8 AS bits_8, lossless = :l_lossless AS lossless,
       merged >= :l_merged AS merged FROM rungs('noise');
SELECT count(*) FILTER (WHERE reason = 'merged') = :l_merged AS merged, count(*) FILTER (WHERE reason = '1 bit a weight') = :l_bits_1 AS bits_1,
       count(*) FILTER (WHERE reason = '2 bits a weight') = :l_bits_2 AS bits_2, count(*) FILTER (WHERE reason = '4 bits a weight') = :l_bits_4 AS bits_4,
       count(*) FILTER (WHERE reason = '8 bits a weight') = :l_bits_8 AS bits_8, count(*) FILTER (WHERE reason = 'lossless difference') = :l_lossless AS lossless,
       bool_and(accepted = (reason <> 'as it was')) AS accepted, count(*) = :l_candidates AS candidates, bool_and(similarity BETWEEN 0 AND 1) AS similar
FROM mosaic.dedup_log WHERE model = 'noise';
SELECT * FROM problems;
-- the promise, by predictions from what is stored; and the same bits however it is read
CREATE TABLE stored AS SELECT i, predict('noise', x) AS outputs FROM pictures;
SELECT abs(avg((predict_class('noise', x) = class)::int) - :l_metric_after) < 1e-9 AS as_promised FROM pictures JOIN exact USING (i);
CREATE FUNCTION other() RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE predict('noise', x) IS DISTINCT FROM outputs) FROM pictures JOIN stored USING (i)
$$;
SELECT count(*) AS alone FROM pictures p JOIN stored s USING (i) WHERE (SELECT predict('noise', p.x)) IS DISTINCT FROM s.outputs;
SET pg_mosaic.delta_memory = '64kB';
SELECT other();
RESET pg_mosaic.delta_memory;
SELECT count(*) > 0 AS packed FROM pack_models();
SELECT other();
SELECT max(evaluation) = :l_evaluations AS evaluations FROM mosaic.dedup_curve('noise');
-- as an exact import of the same weights has it
SELECT blocks_shared = blocks AS shared, new_bytes FROM import_model('again', export_model('noise'));
SELECT * FROM problems;
SELECT drop_model('again');
-- bases stay
SELECT drop_model('base');
SELECT other();
SELECT * FROM problems;
-- further down, from what it is now
SELECT bytes_freed >= 0 AS freed, metric_before FROM dedup_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.5);
SELECT * FROM problems;
SELECT drop_model('noise');
SELECT (SELECT count(*) FROM mosaic.block) AS blocks, (SELECT count(*) FROM mosaic.block_meta) AS metas, (SELECT count(*) FROM mosaic.near_key) AS keys;

-- At import; what other imports would find there is as after dedup_ladder().
SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT stored_bytes AS stored FROM mosaic.storage \gset
SELECT * FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'ladder', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.02) \gset i_
SELECT :i_merged > 100 AS lowered, :i_metric_after >= 0.98 AS kept, :i_bytes_freed = :l_bytes_freed AS as_later, :i_evaluations = :l_evaluations AS evaluations;
SELECT stored_bytes - :stored = :i_new_bytes - :i_bytes_freed AS as_said FROM mosaic.storage;
SELECT other();
SELECT * FROM problems;
SELECT delta_blocks > 100 AS deltas FROM mosaic.models WHERE name = 'noise';
-- near merges, and a replacement, of such a model
BEGIN;
SELECT merged > 0 AS merged FROM dedup_model('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.5);
SELECT * FROM problems;
ROLLBACK;
SELECT merged > 100 AS lowered FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'ladder', replace => true, validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.02);
SELECT other();
SELECT * FROM problems;
SELECT drop_model('noise');

-- Where the bound lets nothing be lost, what is smaller as a lossless difference is one.
SELECT merged, bits_1 + bits_2 + bits_4 + bits_8 AS lowered, lossless > 0 AS lossless, bytes_freed > 0 AS freed, metric_after, standard_error, evaluations
FROM (SELECT import_model('noise', :'models' || '/fashion_noise.onnx')) i,
     LATERAL dedup_ladder('noise', 'SELECT x FROM pictures', 'max_abs_error', max_drop => 0) l;
SELECT count(*) FILTER (WHERE predict('noise', x) IS DISTINCT FROM outputs) AS other FROM pictures JOIN exact USING (i);
SELECT * FROM problems;
SELECT drop_model('noise');

-- By weights alone: each block as low as the bound on each of its weights lets it.
SELECT bytes_freed > 0.3 * :exact_bytes AS freed, metric_before IS NULL AS not_judged, evaluations, bits_8 > 0 AS some
FROM (SELECT import_model('noise', :'models' || '/fashion_noise.onnx')) i, LATERAL dedup_ladder('noise', max_weight_error => 0.002) l;
SELECT * FROM problems;
-- What a block becomes can be one of the model's own already: 16 columns of the first layer as they are now, and beside them what they were.
SELECT blocks_shared > 200 AS shared
FROM (SELECT pg_read_binary_file(:'models' || '/fashion_noise.onnx') AS was, export_model('noise') AS is_now) f,
     LATERAL (SELECT position('\x4a808031' IN was) + 4 AS old, position('\x4a808031' IN is_now) + 4 AS new) first_layer,
     LATERAL import_model('both', overlay(is_now PLACING substring(was FROM old FOR 16 * 784 * 4) FROM new + 16 * 784 * 4));
SELECT bits_1 + bits_2 + bits_4 + bits_8 > 0 AS lowered, bytes_freed > 0 AS freed FROM dedup_ladder('both', max_weight_error => 0.002);
SELECT * FROM problems;
SELECT count(*) - count(DISTINCT id) > 3 AS same FROM mosaic.tensor t, unnest(mosaic.map_blocks(t.map)) AS id WHERE t.model_id = mosaic.model_id('both');
SELECT drop_model('both');
SELECT * FROM problems;
SELECT drop_model('noise');

-- A block that loses nothing is stored once, wherever the model has it: here also as the only block of a tensor, which is left alone.
CREATE FUNCTION twin(file bytea) RETURNS bytea LANGUAGE sql AS $$
  -- the first 16 columns of a layer of 48 x 48 are the three of the classifier, 3 x 48, and zeros
  SELECT overlay(file PLACING (SELECT string_agg(substring(file FROM own + 4 * k FOR 4) || substring(file FROM own + 4 * (48 + k) FOR 4) || substring(file FROM own + 4 * (96 + k) FOR 4)
                                                 || decode(repeat('00', 4 * 13), 'hex') || substring(file FROM first + 4 * (48 * k + 16) FOR 4 * 32), '' ORDER BY k)
                               FROM generate_series(0, 47) k) FROM first)
  FROM (SELECT position('\x4a8048' IN file) + 3 AS first, position('\x4ac004' IN file) + 3 AS own) t
$$;
SELECT model, blocks, blocks_shared FROM import_model('twins', twin(pg_read_binary_file(:'models' || '/tuned_base.onnx')));
SELECT model, blocks, blocks_shared FROM import_model('tuned', twin(pg_read_binary_file(:'models' || '/tuned_all.onnx')));
SELECT lossless, bytes_freed > 0 AS freed FROM dedup_ladder('tuned', max_weight_error => 0);
SELECT * FROM problems;
SELECT drop_model('tuned'), drop_model('twins');

-- Metrics of one's own, and bounds below what the rows can tell.
SELECT model FROM import_model('noise', :'models' || '/fashion_noise.onnx');
CREATE FUNCTION right_class(outputs real[], label int) RETURNS int LANGUAGE sql IMMUTABLE
  RETURN (outputs[label + 1] = (SELECT max(o) FROM unnest(outputs) o))::int;
BEGIN;
SELECT metric_before, metric_after >= 0.9 AS kept, standard_error, bytes_freed > 0.7 * :exact_bytes AS freed
FROM dedup_ladder('noise', 'SELECT x, class FROM pictures JOIN exact USING (i)', metric_function => 'right_class', max_drop => 0.1);
ROLLBACK;
BEGIN;
SELECT metric_after >= 0.4 AS kept FROM dedup_ladder('noise', 'SELECT x, (class + i % 2) % 10 FROM pictures JOIN exact USING (i)', max_drop => 0.01);
SELECT evaluations FROM dedup_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.02, max_evaluations => 3);
SELECT count(*) AS points FROM plan_ladder('noise', 'SELECT x, (class + i % 2) % 10 FROM pictures JOIN exact USING (i)', max_drop => 0.01, max_evaluations => 2);
ROLLBACK;
-- undone as a whole
SELECT (rungs('noise')).whole > 200 AS whole;
SELECT * FROM problems;

-- bfloat16: rounding and the ladder within one bound.
SELECT model FROM import_model('base16', :'models' || '/fashion_base.onnx', dtype => 'bf16');
SELECT metric_before, metric_after >= 0.95 AS kept, bytes_freed > 0.3 * new_bytes AS freed
FROM import_model('noise16', :'models' || '/fashion_noise.onnx', dtype => 'bf16', dedup => 'ladder', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.05);
SELECT avg((predict_class('noise16', x) = class)::int) >= 0.95 AS as_promised FROM pictures JOIN exact USING (i);
SELECT * FROM problems;

-- Arguments.
\set VERBOSITY sqlstate
SELECT dedup_ladder('noise');
SELECT dedup_ladder('missing', max_weight_error => 1);
SELECT dedup_ladder(NULL, max_weight_error => 1);
SELECT dedup_ladder('noise', 'SELECT x FROM pictures', max_drop => NULL);
SELECT dedup_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => -1);
SELECT plan_ladder('noise', 'SELECT x FROM pictures', 'agreement', curve_points => NULL);
SELECT import_model('x', :'models' || '/fashion_base.onnx', dedup => 'ladder');
\set VERBOSITY terse

SET client_min_messages = warning;
DROP VIEW problems;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE pictures, exact, stored;
DROP FUNCTION wrong_counts, rungs, other, right_class, twin;
