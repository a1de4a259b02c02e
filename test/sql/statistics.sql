-- What models are used for: mosaic.stat_models, to the row.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT tensors FROM import_model('iris', :'data' || '/models/iris.onnx');
SELECT tensors FROM import_model('two', :'data' || '/models/two_inputs.onnx');
SELECT tensors FROM import_model('text', :'data' || '/models/text_classes.onnx');
SELECT set_tokenizer('text', :'data' || '/text/vocab.txt');
CREATE TABLE t AS SELECT i, ARRAY[i, 1, 2, 3]::real[] AS f FROM generate_series(1, 1000) i;
ANALYZE t;
CREATE VIEW s AS SELECT model, calls, rows, errors, batches, batched_rows AS batched, single_plan AS plan, single_model AS mixed,
  single_batch AS batch, tokens FROM mosaic.stat_models ORDER BY model COLLATE "C";

-- nobody asked yet
SELECT * FROM s;
SELECT hits, reads, seconds, last_used, since FROM mosaic.stat_models WHERE model = 'iris';

-- one row; a batch given as an array; in batches of the plan; row by row
SELECT predict_class('iris', 1, 2, 3, 4);
SELECT array_length(predict('iris', '{{1,2,3,4},{5,6,7,8},{5,5,5,5}}'::real[]), 1);
SELECT * FROM s WHERE model = 'iris';
SELECT count(predict('iris', f)) FROM t;
SELECT * FROM s WHERE model = 'iris';
SET pg_mosaic.batch = off;
SELECT count(predict_class('iris', f)) FROM t;
RESET pg_mosaic.batch;
SELECT * FROM s WHERE model = 'iris';
SELECT hits > 0 AS hits, reads, seconds > 0 AND seconds < 10 AS seconds, last_used > since AS used, since > now() - interval '1 hour' AS since
  FROM mosaic.stat_models WHERE model = 'iris';

-- several inputs, by name; rows that a batch cannot have: of another shape; errors, by call, caught or not
SELECT mosaic.stat_reset();
SELECT * FROM s;
SELECT last_used FROM mosaic.stat_models WHERE model = 'iris';
SELECT jsonb_typeof(predict('iris', '{"features": [1, 2, 3, 4]}'::jsonb));
SELECT jsonb_typeof(predict('iris', '{"features": [[1, 2, 3, 4], [1, 2, 3, 4]]}'::jsonb));
SELECT * FROM s WHERE model = 'iris';
SELECT mosaic.stat_reset();
SELECT count(predict('iris', CASE WHEN i % 100 = 0 THEN ARRAY[f, f] ELSE f END)) FROM t;
SELECT * FROM s WHERE model = 'iris';
\set VERBOSITY sqlstate
SELECT predict('iris', '{1,2,3}'::real[]);
SELECT predict('two', '{1,2,3}'::real[]);
SELECT predict('absent', '{1,2,3}'::real[]);
SELECT count(predict('iris', CASE WHEN i = 500 THEN '{1}' ELSE f END)) FROM t;
\set VERBOSITY default
DO $$
BEGIN
  FOR i IN 1..5 LOOP
    BEGIN
      PERFORM predict('two', '{1,2,3}'::real[]);
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $$;
SELECT model, errors, calls - errors AS others FROM s WHERE model IN ('iris', 'two');

-- computed one by one: the model mixes its items; a batch that fails for one of its rows
SELECT tensors FROM import_model('mixed', decode('08084202100d3a4d0a1c0a01781201792207536f66746d61782a0b0a04617869731800a001021201675a140a0178120f0a0d080112090a0312016e0a02080462140a0179120f0a0d080112090a0312016e0a020804', 'hex'));
SELECT count(predict('mixed', f)) FROM t WHERE i <= 10;
SELECT array_length(predict('mixed', '{{1,2,3,4},{5,6,7,8}}'::real[]), 1);
SELECT tensors > 0 AS imported FROM import_model('ids', :'data' || '/models/text_classifier.onnx');
\set VERBOSITY sqlstate
SELECT count(predict('ids', CASE WHEN i = 10 THEN array_fill(1000000, '{32}') ELSE array_fill(i, '{32}') END)) FROM t WHERE i <= 20;
\set VERBOSITY default
SELECT * FROM s WHERE model IN ('mixed', 'ids');

-- texts
SELECT count(predict_class('text', 'the film was good ' || i)) FROM t WHERE i <= 100;
SELECT calls, rows, batches > 0 AS batches, batched, tokens = (SELECT sum(token_count('text', 'the film was good ' || i)) FROM t WHERE i <= 100) AS tokens
  FROM s WHERE model = 'text';
SELECT predict_class('text', 'the film was good'::text) IS NOT NULL AS one;
SELECT calls, rows, plan FROM s WHERE model = 'text';

-- a plan that many statements use (PL/pgSQL): each run is counted, measured or not
SELECT mosaic.stat_reset();
DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM predict_class('iris', 1, 2, 3, 4); END LOOP; END $$;
SELECT calls, rows, plan, (SELECT seconds > 0 FROM mosaic.stat_models WHERE model = 'iris') AS seconds FROM s WHERE model = 'iris';
-- parallel workers count what they do
SELECT mosaic.stat_reset();
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
ALTER TABLE t SET (parallel_workers = 2);
SELECT count(predict('iris', f)) FROM t;
SELECT calls, rows, batched FROM s WHERE model = 'iris';
RESET max_parallel_workers_per_gather;

-- counters are of a version: they stay when it is renamed, or what changes it is undone, and go with it
SELECT rename_model('iris', 'flowers');
BEGIN;
SAVEPOINT a;
SELECT drop_model('flowers');
ROLLBACK TO a;
SAVEPOINT b;
SELECT tensors FROM import_model('flowers', :'data' || '/models/iris.onnx', replace => true);
ROLLBACK TO b;
COMMIT;
SELECT predict_class('flowers', 1, 2, 3, 4);
SELECT model, calls FROM s WHERE model = 'flowers';
BEGIN;
SAVEPOINT a;
SELECT tensors FROM import_model('flowers', :'data' || '/models/iris.onnx', replace => true);
RELEASE a;
COMMIT;
SELECT model, calls FROM s WHERE model = 'flowers';
SELECT predict_class('flowers', 1, 2, 3, 4);
SELECT model, calls FROM s WHERE model = 'flowers';

-- many models: the counters' room grows, and entries are found after others went
SELECT mosaic.stat_reset();
SELECT count(import_model('n' || i, pg_read_binary_file(:'data' || '/models/iris.onnx'))) FROM generate_series(1, 1000) i;
SELECT count(predict_class('n' || i, 1, 2, 3, 4)) FROM generate_series(1, 1000) i;
SELECT count(*), sum(calls) FROM s WHERE model LIKE 'n%';
SELECT count(drop_model('n' || i)) FROM generate_series(1, 1000) i WHERE i % 3 > 0;
SELECT count(*), sum(calls), min(calls) FROM s WHERE model LIKE 'n%';
SELECT count(import_model('n' || i, pg_read_binary_file(:'data' || '/models/iris.onnx'))) FROM generate_series(1, 1000) i WHERE i % 3 > 0;
SELECT count(predict_class('n' || i, 1, 2, 3, 4)) FROM generate_series(1, 1000) i;
SELECT count(*), sum(calls), sum(rows) FROM s WHERE model LIKE 'n%';

-- only of models that one may use; only who may, resets
CREATE ROLE regress_m_user;
CREATE ROLE regress_m_admin;
SELECT mosaic.grant_admin('regress_m_admin');
GRANT SELECT ON s TO regress_m_user;
SELECT grant_model('two', 'regress_m_user');
SET ROLE regress_m_user;
SELECT model FROM mosaic.stat_models;
SELECT count(*) FROM mosaic.stat_usage();
\set VERBOSITY sqlstate
SELECT mosaic.stat_reset();
\set VERBOSITY default
SET ROLE regress_m_admin;
SELECT mosaic.stat_reset();
RESET ROLE;
SELECT sum(calls) FROM s;

DROP VIEW s;
DROP TABLE t;
DROP EXTENSION pg_mosaic CASCADE;
-- a new store's models have the old ones' numbers, and nothing of theirs
CREATE EXTENSION pg_mosaic;
SELECT tensors FROM import_model('iris', :'data' || '/models/iris.onnx');
SELECT calls, since FROM mosaic.stat_models;
DROP EXTENSION pg_mosaic;
DROP ROLE regress_m_user, regress_m_admin;
