-- Sharing domains: models share blocks only within theirs, and who may take part.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE ROLE regress_domain_ann;
CREATE ROLE regress_domain_bob;
CREATE ROLE regress_domain_eve;
CREATE ROLE regress_domain_team;
GRANT regress_domain_team TO regress_domain_ann, regress_domain_bob;
CREATE TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/fashion_base.onnx') AS base,
                         pg_read_binary_file(:'data' || '/models/fashion_dark.onnx') AS dark;
GRANT SELECT ON f TO PUBLIC;
DO $$
DECLARE f regprocedure;
BEGIN
  FOR f IN SELECT oid FROM pg_proc WHERE proname IN ('import_model', 'drop_model', 'rename_model', 'dedup_model') LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO regress_domain_ann, regress_domain_bob, regress_domain_eve, regress_domain_team', f);
  END LOOP;
END $$;

-- what one owner has stored, another's import does not find, and does not show
SET ROLE regress_domain_ann;
SELECT i.blocks, i.blocks_shared AS inner_shared, i.new_bytes FROM f, import_model('ann', base) i \gset first_
SET ROLE regress_domain_eve;
SELECT i.blocks_shared = :first_inner_shared AS same_shared, i.new_bytes = :first_new_bytes AS same_bytes FROM f, import_model('eve', base) i;
SELECT name, domain, shared_blocks FROM mosaic.models;
-- but one's own is found, exactly
SELECT i.blocks_shared = i.blocks AS all_shared, i.new_bytes FROM f, import_model('eve2', base) i;
RESET ROLE;
SELECT * FROM check_store();
SELECT count(DISTINCT hash) = count(*) AS other_hashes, count(DISTINCT domain) AS domains FROM mosaic.block_meta;

-- a domain of one's own; its name is taken then
SET ROLE regress_domain_ann;
SELECT i.blocks_shared = :first_inner_shared AS same_shared FROM f, import_model('apart', base, domain => 'lab') i;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('apart2', base, domain => 'lab') i;
SELECT name, domain, shared_blocks FROM mosaic.models ORDER BY 1;
SET ROLE regress_domain_eve;
SELECT import_model('spy', base, domain => 'lab') FROM f;
SELECT import_model('spy', base, domain => '') FROM f;
SELECT import_model('spy', base, domain => repeat('x', 256)) FROM f;
SELECT count(*) FROM mosaic.models WHERE name = 'spy';

-- the members of a role may share in what is the role's
SET ROLE regress_domain_team;
SELECT i.blocks_shared = :first_inner_shared AS same_shared FROM f, import_model('team', base, domain => 'team') i;
SET ROLE regress_domain_ann;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('ann in team', base, domain => 'team') i;
SELECT i.blocks_shared > :first_inner_shared AS some_shared FROM f, import_model('ann dark', dark, domain => 'team') i;
SET ROLE regress_domain_bob;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('bob in team', base, domain => 'team') i;
SELECT name, owner, domain FROM mosaic.models ORDER BY 1;
SET ROLE regress_domain_eve;
SELECT import_model('spy', base, domain => 'team') FROM f;
-- a superuser in any
RESET ROLE;
SELECT i.blocks_shared = i.blocks AS all_shared FROM f, import_model('admin', base, domain => 'team') i;

-- a replaced model stays where it was, or goes where it is told
SET ROLE regress_domain_ann;
SELECT i.blocks_shared > :first_inner_shared AS some_shared FROM f, import_model('ann in team', dark, replace => true) i;
SELECT domain FROM mosaic.models WHERE name = 'ann in team';
SELECT i.blocks_shared > :first_inner_shared AS some_shared FROM f, import_model('ann in team', dark, replace => true, domain => 'lab') i;
SELECT domain FROM mosaic.models WHERE name = 'ann in team';
-- who has left may keep a model there, not bring one or learn what is alike
RESET ROLE;
REVOKE regress_domain_team FROM regress_domain_ann;
SET ROLE regress_domain_ann;
SELECT import_model('ann dark', dark, replace => true) FROM f;
SELECT import_model('more', dark, domain => 'team') FROM f;
SELECT dedup_model('ann dark', 'SELECT array_fill(0.5::real, ''{784}'')', 'agreement');
SELECT rename_model('ann dark', 'dark'), rename_model('dark', 'ann dark');
SELECT i.blocks_shared = i.blocks FROM f, import_model('ann dark', dark, replace => true, domain => 'lab') i;

-- near duplicates only within the domain
SELECT i.blocks > 0 AS imported FROM f, import_model('alone', dark, domain => 'alone') i;
SELECT candidates, merged FROM dedup_model('alone', 'SELECT array_fill(0.5::real, ''{784}'')', 'agreement', 1);
RESET ROLE;
SELECT * FROM check_store();

-- a domain lasts as long as its models; then its name is free
SELECT name, owner FROM mosaic.domain ORDER BY 1, 2;
SET ROLE regress_domain_ann;
BEGIN;
SELECT drop_model('alone');
ROLLBACK;
SELECT drop_model(name) FROM mosaic.models WHERE domain IN ('lab', 'alone') AND owner = 'regress_domain_ann'::regrole;
SET ROLE regress_domain_eve;
SELECT i.blocks_shared = :first_inner_shared AS same_shared FROM f, import_model('mine', base, domain => 'lab') i;
RESET ROLE;
SELECT name, owner FROM mosaic.domain ORDER BY 1, 2;
SELECT * FROM check_store();

-- damage: a block said to be of another domain
SELECT min(block_id) AS block FROM mosaic.block_meta WHERE models > 1 \gset
UPDATE mosaic.block_meta SET domain = domain + 1 WHERE block_id = :block;
SELECT DISTINCT problem, block_id = :block AS that_one FROM check_store();
SELECT DISTINCT problem, repaired FROM repair_store();
SELECT * FROM check_store();

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE f;
DROP ROLE regress_domain_ann, regress_domain_bob, regress_domain_eve, regress_domain_team;
