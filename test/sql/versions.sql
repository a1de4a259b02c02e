-- Versions: what replaces a model may keep those before it; rolled back, predicted with by number, dropped.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE FUNCTION f(name text) RETURNS bytea LANGUAGE sql RETURN pg_read_binary_file(:'data' || '/models/' || name || '.onnx');
CREATE TABLE truth (n text, p real[]);
-- which of the files predicts the same as a model
CREATE FUNCTION p(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v real[] := predict(name, (SELECT array_agg((j % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j));
BEGIN RETURN coalesce((SELECT string_agg(n, ' ') FROM truth WHERE truth.p = v), 'none'); END $$;
CREATE VIEW v AS SELECT model, version, current AS c, predict_as, predecessor AS pred, replaced IS NOT NULL AS replaced FROM mosaic.versions ORDER BY model COLLATE "C", version;

-- each by itself: what the versions have to predict
SELECT count(import_model(n, f('fashion_' || n))) FROM unnest('{base,dark,noise,shoes}'::text[]) n;
INSERT INTO truth SELECT n, predict(n, (SELECT array_agg((j % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j)) FROM unnest('{base,dark,noise,shoes}'::text[]) n;
SELECT count(DISTINCT p) FROM truth;

-- the first of a name is version 1; what replaces it is the next, with keep or without
SELECT tensors FROM import_model('m', f('fashion_base'), keep => 3);
SELECT * FROM v WHERE model = 'm';
SELECT tensors FROM import_model('m', f('fashion_dark'), replace => true, keep => 3);
SELECT tensors FROM import_model('m', :'data' || '/models/fashion_noise.onnx', keep => 3);
SELECT lo_from_bytea(0, f('fashion_shoes')) AS lo \gset
SELECT tensors FROM import_model('m', :lo, keep => 3);
SELECT lo_unlink(:lo);
SELECT * FROM v WHERE model = 'm';
SELECT n, p(n) FROM unnest('{m,m@1,m@2,m@3,m@4}'::text[]) n;
-- kept ones cost what they share with nobody; a model is one line elsewhere
SELECT model, version, shared_bytes + exclusive_bytes = total_bytes AS sums, exclusive_bytes = 0 AS free FROM mosaic.versions WHERE model = 'm' ORDER BY 2;
SELECT name, version FROM mosaic.models WHERE name LIKE 'm%';
SELECT DISTINCT model FROM mosaic.tensors WHERE model LIKE 'm%';
SELECT mosaic.model_id('m@4') = mosaic.model_id('m') AS current, mosaic.model_id('m@2') = (SELECT model_id FROM mosaic.versions WHERE model = 'm' AND version = 2) AS kept;
SELECT model_info('m@2') ->> 'version' AS version, model_info('m@2') ->> 'current' AS current, model_info('m@4') ->> 'version' AS now;
SELECT prewarm_model('m@1') >= 0 AS warm;
SELECT * FROM check_store();

-- in batches of the plan, by a name that differs from row to row
SELECT count(*), count(DISTINCT v) FROM (
  SELECT predict('m@' || 1 + i % 4, array_fill(0.5::real, '{784}'))::text AS v FROM generate_series(1, 200) i) x;

-- found worse at night: back to what it replaced, and further; forth again
SELECT rollback_model('m');
SELECT p('m'), p('m@4');
SELECT rollback_model('m');
SELECT rollback_model('m', 4);
SELECT p('m'), p('m@3');
SELECT * FROM v WHERE model = 'm';
-- numbers are not given twice, and the way back is to what was replaced, not to a higher number
SELECT rollback_model('m', 2);
SELECT tensors FROM import_model('m', f('fashion_base'), keep => 10);
SELECT * FROM v WHERE model = 'm';
SELECT rollback_model('m');
SELECT drop_version('m', 5);
SELECT tensors FROM import_model('m', f('fashion_base'), keep => 10);
SELECT version FROM mosaic.models WHERE name = 'm';
-- kept is what was replaced last
SELECT tensors FROM import_model('m', f('fashion_dark'), keep => 2);
SELECT * FROM v WHERE model = 'm';
-- without keep that which is replaced goes, others stay; 0: all go
SELECT tensors FROM import_model('m', f('fashion_dark'), replace => true);
SELECT * FROM v WHERE model = 'm';
SELECT rollback_model('m');
SELECT p('m');
SELECT tensors FROM import_model('m', f('fashion_base'), keep => 0);
SELECT * FROM v WHERE model = 'm';
SELECT * FROM check_store();

-- errors
\set VERBOSITY sqlstate
SELECT rollback_model('m');
SELECT rollback_model('m', 9);
SELECT rollback_model('m', (SELECT version FROM mosaic.models WHERE name = 'm'));
SELECT rollback_model('absent');
SELECT rollback_model(NULL);
SELECT drop_version('m', (SELECT version FROM mosaic.models WHERE name = 'm'));
SELECT drop_version('m', 1);
SELECT drop_version('m', NULL);
SELECT import_model('m', f('iris'), keep => -1);
SELECT import_model('m', f('iris'), keep => 1, replace => false);
SELECT import_model('m@1', f('iris'));
SELECT rename_model('m', 'x@12');
SELECT predict('m@1', '{1}'::real[]);
SELECT predict('m@', '{1}'::real[]);
SELECT predict('m@08', '{1}'::real[]);
SELECT predict('m@99999999999999999999', '{1}'::real[]);
SELECT predict('@1', '{1}'::real[]);
\set VERBOSITY default
SELECT import_model('m@1', f('iris'));
-- an @ elsewhere is no version
SELECT i.model FROM unnest('{user@host,a@1b,@,7@}'::text[]) n, import_model(n, f('iris')) i;
SELECT count(drop_model(name)) FROM mosaic.models WHERE name LIKE '%@%';

-- a kept version is not changed
SELECT tensors FROM import_model('m', f('fashion_dark'), keep => 1, labels => '{a,b,c,d,e,f,g,h,i,j}');
SELECT version - 1 AS old FROM mosaic.models WHERE name = 'm' \gset
\set VERBOSITY sqlstate
SELECT drop_model('m@' || :old);
SELECT rename_model('m@' || :old, 'n');
SELECT grant_model('m@' || :old, 0);
SELECT set_labels('m@' || :old, NULL);
SELECT dedup_model('m@' || :old, max_weight_error => 0.1);
\set VERBOSITY default
SELECT drop_model('m@' || :old);
-- labels are a version's own
SELECT predict_label('m', array_fill(0.5::real, '{784}')) IS NOT NULL AS label, labels FROM mosaic.models WHERE name = 'm';
SELECT rollback_model('m') = :old AS back;
SELECT labels FROM mosaic.models WHERE name = 'm';

-- rights, owner and name are those of the model
CREATE ROLE regress_v_owner;
CREATE ROLE regress_v_user;
SELECT mosaic.grant_import('regress_v_owner');
GRANT SELECT ON truth TO PUBLIC;
SELECT grant_model('m', 'regress_v_user');
SET ROLE regress_v_user;
SELECT p('m') <> p('m@' || :old + 1) AS both;
SELECT version - :old AS version, shared_bytes, exclusive_bytes FROM mosaic.versions WHERE model = 'm' ORDER BY 1;
\set VERBOSITY sqlstate
SELECT rollback_model('m');
RESET ROLE;
SELECT revoke_model('m', 'regress_v_user');
SET ROLE regress_v_user;
SELECT p('m');
SELECT p('m@' || :old + 1);
SELECT model FROM mosaic.versions;
RESET ROLE;
\set VERBOSITY default
SELECT change_model_owner('m', 'regress_v_owner'), rename_model('m', 'new');
SET ROLE regress_v_owner;
SELECT rollback_model('new') IS NULL;
SELECT rollback_model('new', :old + 1) - :old AS version;
SELECT predict_as = 'new@' || version OR current AS named FROM mosaic.versions WHERE model = 'new';
RESET ROLE;
SELECT reassign_models('regress_v_owner', current_user::regrole);
SELECT count(DISTINCT owner::oid) AS owners, count(*) FROM mosaic.model WHERE name LIKE 'new%';
DROP OWNED BY regress_v_owner, regress_v_user;
DROP ROLE regress_v_owner, regress_v_user;

-- all of a model is dropped with it; transactions undo all of it
BEGIN;
SELECT drop_model('new');
SELECT count(*) FROM mosaic.model WHERE name LIKE 'new%';
ROLLBACK;
BEGIN;
SELECT rollback_model('new', :old) - :old;
SELECT drop_version('new', :old + 1);
ROLLBACK;
SELECT version - :old AS version, current FROM mosaic.versions WHERE model = 'new' ORDER BY 1;
-- near duplicates and rounded weights: judged, staged, kept
SELECT merged IS NOT NULL AS merged FROM import_model('new', f('fashion_shoes'), keep => 2, dedup => 'near', max_weight_error => 0.01);
SELECT p('new@' || :old + 1), p('new@' || :old);
SELECT tensors FROM import_model('new', f('fashion_noise'), keep => 1, dtype => 'bf16', validation => 'SELECT array_fill(0.5::real, ''{784}'')', metric => 'agreement');
SELECT version - :old AS version, current FROM mosaic.versions WHERE model = 'new' ORDER BY 1;
SELECT * FROM check_store();
SELECT drop_model('new');
SELECT count(*) FROM mosaic.model WHERE name LIKE 'new%';
SELECT n, p(n) FROM unnest('{base,dark,noise,shoes}'::text[]) n;
SELECT count(drop_model(name)) FROM mosaic.models;
SELECT (SELECT count(*) FROM mosaic.block) AS blocks, (SELECT count(*) FROM mosaic.domain) AS domains;
-- one that was named so before there were versions is in the way of what would be kept, and is predicted with as it is
SELECT tensors FROM import_model('x', f('iris'));
SELECT tensors FROM import_model('y', f('iris'));
UPDATE mosaic.model SET name = 'x@1' WHERE name = 'y';
SELECT mosaic.model_id('x@1') > mosaic.model_id('x') AS itself;
\set VERBOSITY sqlstate
SELECT import_model('x', f('iris'), keep => 1);
\set VERBOSITY default
SELECT rename_model('x@1', 'y');
SELECT mosaic.model_id('x@1') = mosaic.model_id('x') AS version;
DROP VIEW v;
DROP FUNCTION f, p;
DROP TABLE truth;
DROP EXTENSION pg_mosaic CASCADE;
