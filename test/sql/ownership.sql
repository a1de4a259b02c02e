-- Models have owners as PostgreSQL's objects have: who may hand them over, and roles that cannot be dropped meanwhile.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE ROLE regress_own_ann;
CREATE ROLE regress_own_bob;
CREATE ROLE regress_own_eve;
CREATE ROLE regress_own_team;
GRANT regress_own_team TO regress_own_ann;
CREATE TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/fashion_base.onnx') AS base,
                         pg_read_binary_file(:'data' || '/models/iris.onnx') AS iris;
GRANT SELECT ON f TO PUBLIC;
SELECT mosaic.grant_import('regress_own_ann'), mosaic.grant_import('regress_own_bob'), mosaic.grant_import('regress_own_eve');
-- what pg_shdepend has for the extension's tables
CREATE VIEW held AS
  SELECT refobjid::regrole AS role, pg_describe_object(classid, objid, objsubid) AS what, deptype
    FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND classid = 'pg_class'::regclass AND objid IN ('mosaic.model'::regclass, 'mosaic.domain'::regclass)
     AND refclassid = 'pg_authid'::regclass ORDER BY 1::text, 2;

SET ROLE regress_own_ann;
SELECT i.tensors FROM f, import_model('ann', base) i;
SELECT i.tensors FROM f, import_model('ann2', iris) i;
SELECT i.tensors FROM f, import_model('lab', iris, domain => 'lab') i;
SELECT grant_model('ann', 'regress_own_bob'), grant_model('ann2', 'regress_own_bob'), grant_model('lab', 0);
RESET ROLE;
SELECT * FROM held;

-- what these do with PostgreSQL's objects they do not do with models, nor with the tables they are in
REASSIGN OWNED BY regress_own_ann TO regress_own_bob;
DROP OWNED BY regress_own_ann, regress_own_bob;
\set VERBOSITY terse
SET ROLE regress_own_ann;
DROP OWNED BY regress_own_ann;
RESET ROLE;
\set VERBOSITY default
SELECT name, owner, readers FROM mosaic.model ORDER BY name;
SELECT count(*) AS not_the_extensions FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace
   AND relowner <> (SELECT extowner FROM pg_extension WHERE extname = 'pg_mosaic');
-- owners and readers cannot be dropped, here or from another database
DROP ROLE regress_own_ann;
DROP ROLE regress_own_bob;
SELECT current_database() AS here \gset
\c postgres
\set VERBOSITY terse
DROP ROLE regress_own_ann;
\set VERBOSITY sqlstate
DROP ROLE regress_own_ann;
\c :here
DROP ROLE regress_own_bob;
\set VERBOSITY default
SET client_min_messages = warning;
SELECT mosaic.grant_import('regress_own_ann'), mosaic.grant_import('regress_own_bob'), mosaic.grant_import('regress_own_eve');
GRANT SELECT ON f TO PUBLIC;

-- change_model_owner(): by whoever owns the model and is a member of the other role
\set VERBOSITY sqlstate
SELECT change_model_owner(NULL, 'regress_own_bob');
SELECT change_model_owner('ann', NULL);
SELECT change_model_owner('absent', 'regress_own_bob');
SELECT change_model_owner('ann', 4000000000);
SELECT change_model_owner('ann', 0);
SET ROLE regress_own_eve;
SELECT change_model_owner('ann', 'regress_own_eve');
SET ROLE regress_own_ann;
SELECT change_model_owner('ann', 'regress_own_eve');
\set VERBOSITY default
SELECT change_model_owner('ann2', 'regress_own_team');
-- the readers stay; the domain of two models stays with the owner of the other
SELECT name, owner, predict_class('ann2', 5.1, 3.5, 1.4, 0.2) FROM mosaic.models ORDER BY name;
RESET ROLE;
SELECT name, owner, readers FROM mosaic.model ORDER BY name;
SELECT domain_id, name, owner FROM mosaic.domain ORDER BY domain_id;
-- the old owner has nothing of it any more
SELECT change_model_owner('ann2', 'regress_own_eve');
SET ROLE regress_own_ann;
SELECT predict_class('ann2', 5.1, 3.5, 1.4, 0.2);
SELECT drop_model('ann2');
SET ROLE regress_own_eve;
SELECT predict_class('ann2', 5.1, 3.5, 1.4, 0.2);
-- and a domain all of whose models are another's follows
RESET ROLE;
SELECT change_model_owner('lab', 'regress_own_eve');
SELECT domain_id, name, owner FROM mosaic.domain ORDER BY domain_id;
SET ROLE regress_own_eve;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('in lab', iris, domain => 'lab') i;
RESET ROLE;
-- a superuser who replaces a model does not take it away
SELECT i.tensors FROM f, import_model('in lab', iris, replace => true) i;
SELECT owner FROM mosaic.models WHERE name = 'in lab';

-- reassign_models(): as REASSIGN OWNED, by members of both
\set VERBOSITY sqlstate
SELECT reassign_models('regress_own_ann', NULL);
SELECT reassign_models('regress_own_ann', 0);
SELECT reassign_models(4000000000, 'regress_own_bob');
SET ROLE regress_own_eve;
SELECT reassign_models('regress_own_ann', 'regress_own_eve');
SELECT reassign_models('regress_own_eve', 'regress_own_bob');
SELECT reassign_models(NULL, 'regress_own_eve');
\set VERBOSITY default
RESET ROLE;
SELECT reassign_models('regress_own_ann', 'regress_own_eve');
SELECT reassign_models('regress_own_ann', 'regress_own_eve') AS nothing_left;
SELECT name, owner FROM mosaic.models ORDER BY name;
-- with two default domains, the older one goes on
SET ROLE regress_own_bob;
SELECT i.blocks_shared = 0 AS none_shared FROM f, import_model('bob', iris) i;
RESET ROLE;
SELECT reassign_models('regress_own_bob', 'regress_own_eve');
SELECT domain_id, name, owner FROM mosaic.domain ORDER BY domain_id;
SET ROLE regress_own_eve;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('eve', base) i;
-- revoke_models(): from all that the caller owns
SELECT revoke_models('regress_own_bob');
SELECT revoke_models('regress_own_bob') AS nothing_left;
SELECT revoke_models(0) AS for_everyone;
RESET ROLE;
SELECT name, readers FROM mosaic.model WHERE readers <> '{}';
SELECT * FROM held;
SELECT * FROM check_store();
-- now they can be dropped, but for what has nothing to do with models
DROP OWNED BY regress_own_ann, regress_own_bob;
DROP ROLE regress_own_ann, regress_own_bob;

SELECT grant_model('ann', 'regress_own_team'), grant_model('ann', 0);
SELECT readers FROM mosaic.models WHERE name = 'ann';
SELECT revoke_models('regress_own_team'), revoke_models(0);
-- a role that is named lets itself be renamed
ALTER ROLE regress_own_eve RENAME TO "regress_own Éve";
SELECT DISTINCT owner FROM mosaic.model;
ALTER ROLE "regress_own Éve" RENAME TO regress_own_eve;
-- what is undone leaves nothing
BEGIN;
SELECT grant_model('eve', 'regress_own_team');
ROLLBACK;
DROP ROLE regress_own_team;
-- nor what is dropped
CREATE ROLE regress_own_ann;
SELECT grant_model('eve', 'regress_own_ann');
SELECT drop_model('eve');
DROP ROLE regress_own_ann;

-- dependencies that are lost (pg_upgrade does not carry them over) are found and recorded again
SET allow_system_table_mods = on;
DELETE FROM pg_shdepend WHERE classid = 'pg_class'::regclass AND objid IN ('mosaic.model'::regclass, 'mosaic.domain'::regclass)
   AND refobjid = 'regress_own_eve'::regrole;
SELECT problem, detail FROM check_store();
SELECT problem, repaired FROM repair_store();
SELECT * FROM check_store();
SELECT * FROM held;
-- an owner that is gone all the same is nobody, and is never written as a number
CREATE ROLE regress_own_gone;
SELECT change_model_owner('ann', 'regress_own_gone'), grant_model('lab', 'regress_own_gone');
DELETE FROM pg_shdepend WHERE refobjid = 'regress_own_gone'::regrole;
RESET allow_system_table_mods;
DROP ROLE regress_own_gone;
SELECT name, owner, readers FROM mosaic.model ORDER BY name;
SELECT name, owner, readers FROM mosaic.models ORDER BY name;
COPY (SELECT name, owner, readers FROM mosaic.model WHERE name IN ('ann', 'lab') ORDER BY name) TO STDOUT;
SELECT problem, model, detail FROM check_store() ORDER BY problem, model;
SELECT problem, model, repaired FROM repair_store() ORDER BY problem, model;
SET ROLE regress_own_eve;
SELECT predict_class('ann', array_fill(0.5::real, '{784}'));
RESET ROLE;
SELECT predict_class('ann', array_fill(0.5::real, '{784}')) IS NOT NULL AS superusers_may;
SELECT reassign_models(NULL, 'regress_own_eve'), revoke_models(NULL);
SELECT * FROM check_store();

-- the type: names only
SELECT 'regress_own_eve'::mosaic.role, '-'::mosaic.role, '?'::mosaic.role;
SELECT 'nosuch'::mosaic.role;
SELECT '"No Such"'::mosaic.role, 'nosuch'::mosaic.role AS said_before;
SELECT current_user::regrole::oid AS me \gset
SELECT :'me'::mosaic.role AS a_number_is_nobody;
SELECT 'a.b'::mosaic.role;
SELECT ('{regress_own_eve,-,?}'::mosaic.role[])[1:3];
SELECT encode(mosaic.role_send('regress_own_eve'), 'escape');
CREATE ROLE "1234";
SELECT '"1234"'::mosaic.role, '"1234"'::mosaic.role::oid::regrole;
DROP ROLE "1234";
-- rows from elsewhere: what is nobody's becomes the current role's, and nobody reads
COPY mosaic.domain (domain_id, name, owner) FROM STDIN;
1001	of a role that is gone	nosuch
1002	of a number	1234
1003	eve's	regress_own_eve
\.
SELECT domain_id, name, owner = current_user::regrole AS mine FROM mosaic.domain WHERE domain_id > 1000 ORDER BY 1;
UPDATE mosaic.model SET readers = '{nosuch,regress_own_eve,?,-}' WHERE name = 'lab';
SELECT readers FROM mosaic.model WHERE name = 'lab';
SELECT * FROM held;
UPDATE mosaic.model SET owner = '4000000000'::regrole, readers = '{4000000000}'::regrole[]::mosaic.role[] WHERE name = 'lab';
SELECT owner = current_user::regrole AS mine, readers FROM mosaic.model WHERE name = 'lab';
\set VERBOSITY sqlstate
CREATE TRIGGER t BEFORE INSERT ON f FOR EACH ROW EXECUTE FUNCTION mosaic.hold_roles();
INSERT INTO f VALUES (NULL);
DROP TRIGGER t ON f;
CREATE TRIGGER t AFTER INSERT ON mosaic.domain FOR EACH ROW EXECUTE FUNCTION mosaic.hold_roles();
INSERT INTO mosaic.domain VALUES (1004, '', '?');
DROP TRIGGER t ON mosaic.domain;
\set VERBOSITY default

DROP VIEW held;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE f;
DROP OWNED BY regress_own_eve;
DROP ROLE regress_own_eve;
