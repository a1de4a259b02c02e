-- Settings: known once the module is loaded, by the first prediction or any other function of it; any other name is refused then.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
-- It logs in as who runs this does: without a password, or with that one.
\set password ''
\getenv password PGPASSWORD
CREATE ROLE mosaic_plain LOGIN PASSWORD :'password';
RESET client_min_messages;
GRANT CREATE ON SCHEMA public TO mosaic_plain;
\set superuser :USER
\c - mosaic_plain
\set VERBOSITY sqlstate
-- PostgreSQL does not know them yet, and lets only superusers keep what it does not know.
ALTER ROLE mosaic_plain SET pg_mosaic.batch = off;
CREATE FUNCTION keeps() RETURNS text LANGUAGE sql SET pg_mosaic.batch = off AS $$ SELECT current_setting('pg_mosaic.batch') $$;
\set VERBOSITY default
SET pg_mosaic.batch = off;
SET pg_mosaic.bathc = off;
SELECT mosaic.dtype_name(1::int2);
SELECT current_setting('pg_mosaic.batch') AS kept, current_setting('pg_mosaic.bathc', true) AS removed;
SET pg_mosaic.bathc = off;
ALTER ROLE mosaic_plain SET pg_mosaic.bathc = off;
SET pg_mosaic.batch = 'maybe';
SET pg_mosaic.cache_policy = off;
SET pg_mosaic.delta_memory = '1GB';
SET pg_mosaic.max_prediction_time = 0;
ALTER ROLE mosaic_plain SET pg_mosaic.batch = off;
CREATE FUNCTION keeps() RETURNS text LANGUAGE sql SET pg_mosaic.batch = off AS $$ SELECT current_setting('pg_mosaic.batch') $$;
SET pg_mosaic.batch = on;
SELECT keeps(), current_setting('pg_mosaic.batch') AS outside;
\c - mosaic_plain
SELECT current_setting('pg_mosaic.batch') AS of_the_role;
SELECT mosaic.dtype_name(1::int2), current_setting('pg_mosaic.batch') AS of_the_role;
-- what bounds a role's memory it cannot set, unless it is granted that
\c - :superuser
GRANT SET ON PARAMETER pg_mosaic.delta_memory TO mosaic_plain;
\c - mosaic_plain
SELECT mosaic.dtype_name(1::int2);
SET pg_mosaic.delta_memory = '1GB';
SHOW pg_mosaic.delta_memory;
\c - :superuser
REVOKE SET ON PARAMETER pg_mosaic.delta_memory FROM mosaic_plain;
DROP FUNCTION keeps;
REVOKE CREATE ON SCHEMA public FROM mosaic_plain;
DROP ROLE mosaic_plain;
DROP EXTENSION pg_mosaic;
