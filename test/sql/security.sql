-- Who may do what.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE ROLE mosaic_ann;
CREATE ROLE mosaic_bob;
CREATE ROLE mosaic_team;
GRANT mosaic_team TO mosaic_bob;
CREATE TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/iris.onnx') AS iris;
GRANT SELECT ON f TO PUBLIC;
SELECT lo_from_bytea(0, iris) AS lo FROM f \gset

-- import is for those whom the administrator chose
SET ROLE mosaic_ann;
SELECT import_model('m', iris) FROM f;
SELECT drop_model('m');
SELECT init_store(31);
RESET ROLE;
GRANT EXECUTE ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text), import_model(text, bytea, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text), import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text),
  drop_model(text), rename_model(text, text), grant_model(text, regrole), revoke_model(text, regrole) TO mosaic_ann, mosaic_bob;
SET ROLE mosaic_ann;
-- files of the server and other people's large objects need their own privileges
SELECT import_model('m', '/etc/passwd');
\set VERBOSITY sqlstate
SELECT import_model('m', large_object => :lo);
\set VERBOSITY default
SELECT i.blocks FROM f, LATERAL import_model('ann', iris) i;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);

-- another role can neither see, use nor change it
SET ROLE mosaic_bob;
SELECT count(*) FROM mosaic.models;
SELECT count(*) FROM mosaic.tensors;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);
SELECT predict('ann', '{"features": [1, 2, 3, 4]}'::jsonb);
SELECT model_info('ann');
-- nor does a plan tell how large it is
CREATE FUNCTION pg_temp.cost(model text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT predict_class(%L, ARRAY[i]::real[]) FROM generate_series(1, 10) i', model) INTO plan;
  RETURN plan->0->'Plan'->>'Total Cost';
END $$;
SELECT pg_temp.cost('ann') = pg_temp.cost('absent') AS the_same;
DROP FUNCTION pg_temp.cost;
SELECT drop_model('ann');
SELECT rename_model('ann', 'bob');
SELECT grant_model('ann', 'mosaic_bob');
SELECT i.blocks FROM f, LATERAL import_model('ann', iris) i;
SELECT i.blocks FROM f, LATERAL import_model('ann', iris, replace => true) i;
-- nor the store itself
SELECT * FROM mosaic.block;
SELECT * FROM mosaic.tensor;
SELECT * FROM mosaic.model;
SELECT * FROM mosaic.storage;

-- a grant to a role whose member bob is; taken back; to everybody
SET ROLE mosaic_ann;
SELECT grant_model('ann', 'mosaic_team');
SET ROLE mosaic_bob;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);
SELECT name, owner FROM mosaic.models;
SELECT drop_model('ann');
SET ROLE mosaic_ann;
SELECT revoke_model('ann', 'mosaic_team');
SET ROLE mosaic_bob;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);
SET ROLE mosaic_ann;
SELECT grant_model('ann', 0);
-- readers stay when a model is replaced
SELECT i.blocks FROM f, LATERAL import_model('ann', iris, replace => true) i;
SET ROLE mosaic_bob;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);
RESET ROLE;
SELECT name, owner, readers FROM mosaic.model;

-- the role is looked at for every call, also within one expression
SET ROLE mosaic_ann;
SELECT revoke_model('ann', 0);
DO $$
BEGIN
  FOR i IN 1..2 LOOP
    PERFORM predict_class('ann', 5.1, 3.5, 1.4, 0.2);
    RAISE WARNING 'call % may', i;
    SET LOCAL ROLE mosaic_bob;
  END LOOP;
END $$;
RESET ROLE;

-- functions in a view run with the rights of whoever reads it, as all do in PostgreSQL: the view's owner lends nothing
CREATE TABLE irises (id int, x real[]);
INSERT INTO irises VALUES (1, '{5.1,3.5,1.4,0.2}'), (2, '{6.3,3.3,6.0,2.5}');
ALTER TABLE irises OWNER TO mosaic_ann;
GRANT CREATE ON SCHEMA public TO mosaic_ann;
SET ROLE mosaic_ann;
CREATE VIEW classified AS SELECT id, predict_class('ann', x) AS class FROM irises;
GRANT SELECT ON classified, irises TO mosaic_bob;
SELECT * FROM classified ORDER BY id;
SET ROLE mosaic_bob;
SELECT * FROM classified ORDER BY id;
-- a policy likewise
SET ROLE mosaic_ann;
ALTER TABLE irises ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_class ON irises USING (predict_class('ann', x) = 0);
SET ROLE mosaic_bob;
SELECT id FROM irises;
-- what lends the owner's right is a function of the owner's: for a table at once, so that it predicts in batches, or for a row
SET ROLE mosaic_ann;
CREATE FUNCTION classify() RETURNS TABLE (id int, class int) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT id, public.predict_class('ann', x) FROM public.irises $$;
CREATE FUNCTION class_of(x real[]) RETURNS int LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$ SELECT public.predict_class('ann', x) $$;
CREATE OR REPLACE VIEW classified AS SELECT id, class FROM classify();
ALTER POLICY by_class ON irises USING (class_of(x) = 0);
SET ROLE mosaic_bob;
SELECT * FROM classified ORDER BY id;
SELECT id FROM irises;
SELECT predict_class('ann', 5.1, 3.5, 1.4, 0.2);
RESET ROLE;
DROP VIEW classified;
DROP TABLE irises;
DROP FUNCTION classify, class_of;
REVOKE CREATE ON SCHEMA public FROM mosaic_ann;

-- nobody gets what is meant for a number that a later role may have
CREATE ROLE mosaic_gone;
SELECT 'mosaic_gone'::regrole::oid AS gone \gset
DROP ROLE mosaic_gone;
SELECT revoke_model('ann', :gone);
\set VERBOSITY sqlstate
SELECT grant_model('ann', :gone);
\set VERBOSITY default
SELECT readers FROM mosaic.model;
SELECT lo_unlink(:lo);
DROP TABLE f;
DROP EXTENSION pg_mosaic CASCADE;
DROP ROLE mosaic_ann, mosaic_bob, mosaic_team;
