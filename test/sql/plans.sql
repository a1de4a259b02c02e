-- What plan_dedup() and plan_ladder() say of a state is what dedup_model(), dedup_ladder() and an import then store: bytes, rungs, metric.
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
CREATE FUNCTION exclusive(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT exclusive_bytes FROM mosaic.models m WHERE m.name = $1 $$;
CREATE FUNCTION contents() RETURNS text LANGUAGE sql AS $$
  SELECT md5(concat_ws(' ', (SELECT string_agg(b::text, ',' ORDER BY block_id) FROM mosaic.block_meta b), (SELECT string_agg(t::text, ',' ORDER BY model_id, tensor_no) FROM mosaic.tensor t)))
$$;
-- The last point within the bound, and what is stored then, told by the row and counted in the store.
CREATE FUNCTION ladder_as_planned(model text, query text, metric text, max_drop float8, OUT bytes bool, OUT rungs bool, OUT measured bool, OUT stored bool, OUT freed bool)
LANGUAGE plpgsql AS $$
DECLARE p record; r record; was bigint := (SELECT stored_bytes FROM mosaic.storage);
BEGIN
  SELECT * INTO p FROM plan_ladder(model, query, metric, max_drop) WHERE kept ORDER BY evaluation DESC LIMIT 1;
  SELECT * INTO r FROM dedup_ladder(model, query, metric, max_drop);
  bytes := p.bytes = r.bytes_freed AND r.bytes_freed > 0;
  rungs := (p.merged, p.bits_1, p.bits_2, p.bits_4, p.bits_8, p.lossless) = (r.merged, r.bits_1, r.bits_2, r.bits_4, r.bits_8, r.lossless);
  measured := (p.value, p.standard_error) IS NOT DISTINCT FROM (r.metric_after, r.standard_error);
  stored := p.stored = exclusive(model);
  freed := p.bytes = was - (SELECT stored_bytes FROM mosaic.storage);
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
END $$;
CREATE FUNCTION merges_as_planned(model text, query text, metric text, max_drop float8, OUT merged bool, OUT bytes bool, OUT measured bool, OUT freed bool)
LANGUAGE plpgsql AS $$
DECLARE p record; r record; was bigint := (SELECT stored_bytes FROM mosaic.storage);
BEGIN
  SELECT * INTO p FROM plan_dedup(model, query, metric, max_drop) WHERE kept ORDER BY evaluation DESC LIMIT 1;
  SELECT * INTO r FROM dedup_model(model, query, metric, max_drop);
  merged := p.merged = r.merged AND r.merged > 0;
  bytes := p.bytes = r.bytes_freed;
  measured := (p.value, p.standard_error) IS NOT DISTINCT FROM (r.metric_after, r.standard_error);
  freed := p.bytes = was - (SELECT stored_bytes FROM mosaic.storage);
  RAISE EXCEPTION 'undo';
EXCEPTION WHEN raise_exception THEN
END $$;

SELECT model FROM import_model('base', :'models' || '/fashion_base.onnx');
SELECT blocks FROM import_model('noise', :'models' || '/fashion_noise.onnx') \gset
SELECT contents() AS before, exclusive('noise') AS whole \gset

-- The curve goes over all rungs, from the model as it is to all that has a base merged; every entry of the maps is on one of them.
BEGIN;
CREATE TEMP TABLE planned AS SELECT * FROM plan_ladder('noise', 'SELECT x FROM pictures', 'agreement', max_drop => 0.02, curve_points => 12);
SELECT bool_and(shared + merged + bits_1 + bits_2 + bits_4 + bits_8 + lossless + as_it_is = :blocks) AS all_blocks, bool_and(lowered = merged + bits_1 + bits_2 + bits_4 + bits_8) AS lowered,
       bool_and(stored + bytes = :whole) AS bytes, bool_and(stored < :whole) AS smaller, min(shared) = max(shared) AS shared FROM planned;
SELECT max(bits_8) > 0 AS bits_8, max(bits_4) > 0 AS bits_4, max(bits_2) > 0 AS bits_2, max(bits_1) > 0 AS bits_1, max(lossless) > 0 AS lossless, min(as_it_is) < max(as_it_is) AS fewer_as_they_are FROM planned;
SELECT lowered, value, standard_error, kept, merged FROM planned WHERE evaluation = 1;
SELECT merged = lowered AND lowered > 200 AS all_merged, lossless, kept FROM planned WHERE evaluation = 12 + 1;
SELECT count(*) = 13 AS points, bool_and(bytes > before) AS more_and_more FROM (SELECT bytes, lag(bytes, 1, -1::int8) OVER (ORDER BY evaluation) AS before FROM planned WHERE evaluation <= 13) p;
-- stored is nothing, and nobody was kept from writing
SELECT contents() = :'before' AS as_before;
SELECT DISTINCT mode FROM pg_locks WHERE relation = 'mosaic.store'::regclass AND pid = pg_backend_pid();
ROLLBACK;

SELECT max_drop, l.* FROM unnest('{0.02,0.1,1}'::float8[]) max_drop, ladder_as_planned('noise', 'SELECT x FROM pictures', 'agreement', max_drop) l;
SELECT * FROM ladder_as_planned('noise', 'SELECT x FROM pictures', 'max_abs_error', 0);
SELECT max_drop, m.* FROM unnest('{0.02,0.1,1}'::float8[]) max_drop, merges_as_planned('noise', 'SELECT x FROM pictures', 'agreement', max_drop) m;
-- at import, too
SELECT bytes, stored, value FROM plan_ladder('noise', 'SELECT x FROM pictures', 'agreement', 0.05) WHERE kept ORDER BY evaluation DESC LIMIT 1 \gset p_
SELECT drop_model('noise');
SELECT bytes_freed = :p_bytes AS bytes, new_bytes - bytes_freed = :p_stored AS stored, metric_after = :p_value AS value
FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'ladder', validation => 'SELECT x FROM pictures', metric => 'agreement', max_drop => 0.05);
SELECT exclusive('noise') = :p_stored AS stored;
-- further, of a model whose blocks are differences already: what those take counts
SELECT * FROM merges_as_planned('noise', 'SELECT x FROM pictures', 'agreement', 1);
SELECT * FROM ladder_as_planned('noise', 'SELECT x FROM pictures', 'agreement', 1);
SELECT drop_model('noise');
SELECT model FROM import_model('noise', :'models' || '/fashion_noise.onnx', dedup => 'lossless');
SELECT * FROM merges_as_planned('noise', 'SELECT x FROM pictures', 'agreement', 0.1);
SELECT * FROM ladder_as_planned('noise', 'SELECT x FROM pictures', 'agreement', 0.02);

-- A block that a model has at several places takes its bytes once: here the first 16 columns of a layer of 48 x 48 are the next 16, too; or what the only block of a tensor is, which is left alone.
CREATE FUNCTION doubled(file bytea) RETURNS bytea LANGUAGE sql AS $$
  SELECT overlay(file PLACING (SELECT string_agg(substring(file FROM first + 4 * 48 * k FOR 4 * 16) || substring(file FROM first + 4 * 48 * k FOR 4 * 16) || substring(file FROM first + 4 * (48 * k + 32) FOR 4 * 16), '' ORDER BY k)
                               FROM generate_series(0, 47) k) FROM first)
  FROM (SELECT position('\x4a8048' IN file) + 3 AS first) t
$$;
CREATE FUNCTION twin(file bytea) RETURNS bytea LANGUAGE sql AS $$
  SELECT overlay(file PLACING (SELECT string_agg(substring(file FROM own + 4 * k FOR 4) || substring(file FROM own + 4 * (48 + k) FOR 4) || substring(file FROM own + 4 * (96 + k) FOR 4)
                                                 || decode(repeat('00', 4 * 13), 'hex') || substring(file FROM first + 4 * (48 * k + 16) FOR 4 * 32), '' ORDER BY k)
                               FROM generate_series(0, 47) k) FROM first)
  FROM (SELECT position('\x4a8048' IN file) + 3 AS first, position('\x4ac004' IN file) + 3 AS own) t
$$;
SELECT model, blocks_shared FROM import_model('base2', doubled(pg_read_binary_file(:'models' || '/tuned_base.onnx')));
SELECT model, blocks_shared FROM import_model('tuned', doubled(pg_read_binary_file(:'models' || '/tuned_all.onnx')));
CREATE TABLE rows_ AS SELECT i, ARRAY(SELECT (hashint4(i * 100 + j) % 100 / 100.0)::real FROM generate_series(1, 48) j) AS x FROM generate_series(1, 20) i;
SELECT l.* FROM unnest('{0,0.01,100}'::float8[]) max_drop, ladder_as_planned('tuned', 'SELECT x FROM rows_', 'max_abs_error', max_drop) l;
SELECT l.* FROM unnest('{0.1,100}'::float8[]) max_drop, merges_as_planned('tuned', 'SELECT x FROM rows_', 'max_abs_error', max_drop) l;
SELECT drop_model('tuned'), drop_model('base2');
SELECT model, blocks_shared FROM import_model('base2', twin(pg_read_binary_file(:'models' || '/tuned_base.onnx')));
SELECT model, blocks_shared FROM import_model('tuned', twin(pg_read_binary_file(:'models' || '/tuned_all.onnx')));
SELECT l.* FROM unnest('{0,0.01,100}'::float8[]) max_drop, ladder_as_planned('tuned', 'SELECT x FROM rows_', 'max_abs_error', max_drop) l;
SELECT l.* FROM unnest('{0.1,100}'::float8[]) max_drop, merges_as_planned('tuned', 'SELECT x FROM rows_', 'max_abs_error', max_drop) l;
SELECT * FROM check_store();

DROP TABLE pictures, rows_;
DROP FUNCTION exclusive, contents, ladder_as_planned, merges_as_planned, doubled, twin;
DROP EXTENSION pg_mosaic;
