-- CREATE EXTENSION in a schema where others have made functions and operators that fit better than PostgreSQL's: none of
-- the extension's objects uses them, so that nobody who looks at its views runs others' code.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
\getenv data MOSAIC_TEST_DATA
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.trap() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'code of others ran'; END $$;
CREATE FUNCTION hostile.unnest(int4[]) RETURNS SETOF int4 LANGUAGE sql AS $$ SELECT length(hostile.trap()) $$;
CREATE FUNCTION hostile.unnest(float4[]) RETURNS SETOF float4 LANGUAGE sql AS $$ SELECT length(hostile.trap()) $$;
CREATE FUNCTION hostile.divide(int8, float8) RETURNS float8 LANGUAGE sql AS $$ SELECT length(hostile.trap()) $$;
CREATE OPERATOR hostile./ (LEFTARG = int8, RIGHTARG = float8, FUNCTION = hostile.divide);
CREATE FUNCTION hostile.append(int2[], int2) RETURNS int2[] LANGUAGE sql AS $$ SELECT $1 WHERE hostile.trap() IS NOT NULL $$;
CREATE AGGREGATE hostile.array_agg(int2) (SFUNC = hostile.append, STYPE = int2[]);
CREATE FUNCTION hostile.append(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT $1 WHERE hostile.trap() IS NOT NULL $$;
CREATE AGGREGATE hostile.jsonb_agg(jsonb) (SFUNC = hostile.append, STYPE = jsonb);
CREATE FUNCTION hostile.pg_has_role(mosaic oid, privilege text) RETURNS bool LANGUAGE sql AS $$ SELECT hostile.trap() IS NULL $$;
CREATE FUNCTION hostile.jsonb_build_object(text, jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb WHERE hostile.trap() IS NULL $$;
CREATE EXTENSION pg_mosaic SCHEMA hostile;
SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) AS used
  FROM pg_depend d JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
 WHERE p.pronamespace = 'hostile'::regnamespace AND d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)
   AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
   AND NOT EXISTS (SELECT FROM pg_proc q WHERE d.classid = 'pg_proc'::regclass AND d.objid = q.oid AND q.pronamespace = 'hostile'::regnamespace
                      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = q.oid AND e.deptype = 'e'));
SELECT tensors FROM hostile.import_model('iris', :'data' || '/models/iris.onnx');
SELECT merged FROM hostile.dedup_model('iris', max_weight_error => 0);
SET search_path = hostile, public;
SELECT jsonb_array_length(model_info('iris') -> 'tensors') AS tensors;
DO $$
DECLARE view regclass;
BEGIN
  FOR view IN SELECT oid FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace AND relkind = 'v' LOOP
    EXECUTE format('SELECT count(x::text) FROM %s x', view);
  END LOOP;
END $$;
RESET search_path;
-- a schema of that name, made by anyone before, is not taken over
DROP EXTENSION pg_mosaic CASCADE;
CREATE SCHEMA mosaic;
CREATE EXTENSION pg_mosaic SCHEMA hostile;
DROP SCHEMA mosaic;
-- nor a function
CREATE FUNCTION hostile.drop_model(text) RETURNS void LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE EXTENSION pg_mosaic SCHEMA hostile;
DROP SCHEMA hostile CASCADE;
