-- Aliases: names for models and versions, and canaries: which items go where is the same alone, in batches, in every form.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE FUNCTION f(name text) RETURNS bytea LANGUAGE sql RETURN pg_read_binary_file(:'data' || '/models/' || name || '.onnx');
CREATE VIEW a AS SELECT alias, model, canary, share FROM mosaic.aliases ORDER BY alias COLLATE "C";
SELECT tensors FROM import_model('m', f('iris'), keep => 5);
SELECT tensors FROM import_model('m', f('iris'), dtype => 'bf16', keep => 5);
CREATE TABLE t AS SELECT i, ARRAY[i / 100.0, (i * 7 % 100) / 20.0, (i * 3 % 50) / 10.0, i % 3]::real[] AS f FROM generate_series(1, 2000) i;
ANALYZE t;
-- versions differ on every row, so that what predicted can be told
SELECT count(*) FROM t WHERE predict('m@1', f) = predict('m@2', f);

-- a version; the current one, whichever that is
SELECT set_alias('prod', 'm@1'), set_alias('newest', 'm');
SELECT * FROM a;
SELECT count(*) FILTER (WHERE predict('prod', f) = predict('m@1', f)) AS prod, count(*) FILTER (WHERE predict('newest', f) = predict('m@2', f)) AS newest FROM t;
SELECT mosaic.model_id('prod') = mosaic.model_id('m@1') AS id, prewarm_model('prod') >= 0 AS warm;
SELECT rollback_model('m');
SELECT predict('prod', f) = predict('m@1', f) AS prod, predict('newest', f) = predict('m@1', f) AS newest FROM t WHERE i = 1;
SELECT rollback_model('m', 2);
SELECT set_alias('prod', 'm@2');
SELECT predict('prod', f) = predict('m@2', f) AS prod FROM t WHERE i = 1;

-- a canary: a tenth of the rows
SELECT set_alias('prod', 'm@1', 'm@2', 0.1);
SELECT * FROM a WHERE alias = 'prod';
CREATE TABLE side AS SELECT i, f, p = predict('m@2', f) AS canary, p = predict('m@1', f) AS main FROM (SELECT i, f, predict('prod', f) AS p FROM t OFFSET 0) x;
SELECT count(*) FILTER (WHERE canary <> main) AS rows, count(*) FILTER (WHERE canary) BETWEEN 140 AND 260 AS a_tenth FROM side;
-- the same again, one by one, as other types, as columns, as JSON, in a parallel worker, in another order
SELECT count(*) FROM side WHERE canary <> (predict('prod', f) = predict('m@2', f));
SET pg_mosaic.batch = off;
SELECT count(*) FROM side WHERE canary <> (predict('prod', f) = predict('m@2', f));
RESET pg_mosaic.batch;
SELECT count(*) FROM side WHERE canary <> (predict('prod', f::numeric[]) = predict('m@2', f));
SELECT count(*) FROM side WHERE canary <> (predict('prod', f[1], f[2], f[3], f[4]) = predict('m@2', f));
SELECT count(*) FROM side WHERE canary <> (predict('prod', ARRAY[f]) = predict('m@2', ARRAY[f]));
SELECT count(*) FROM side WHERE canary <> (predict('prod', jsonb_build_object('features', f)) = predict('m@2', jsonb_build_object('features', f)));
SELECT count(*) FROM side, LATERAL (SELECT f[1] AS a, f[2] AS b, f[3] AS c, f[4] AS d) r WHERE canary <> (predict('prod', r) = predict('m@2', f));
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE side SET (parallel_workers = 2);
SELECT count(*) FROM (SELECT canary, predict('prod', f) = predict('m@2', f) AS now FROM side ORDER BY i % 17, i DESC) x WHERE canary <> now;
RESET parallel_setup_cost;
-- who is in stays in when the share grows; another alias has others
SELECT set_alias('prod', 'm@1', 'm@2', 0.3);
SELECT count(*) FILTER (WHERE canary AND NOT now) AS left_out, count(*) FILTER (WHERE now) BETWEEN 520 AND 680 AS share FROM (SELECT canary, predict('prod', f) = predict('m@2', f) AS now FROM side) x;
SELECT set_alias('other', 'm@1', 'm@2', 0.1);
SELECT count(*) BETWEEN 1 AND 60 AS both FROM side WHERE canary AND predict('other', f) = predict('m@2', f);
SELECT set_alias('other', 'm@1', 'm@2', 0), set_alias('prod', 'm@1', 'm@2', 1);
SELECT count(*) FILTER (WHERE predict('other', f) = predict('m@1', f)) AS other, count(*) FILTER (WHERE predict('prod', f) = predict('m@2', f)) AS prod FROM t;
SELECT drop_alias('other');
-- EXPLAIN names both, before and after
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, TIMING OFF, SUMMARY OFF' || query LOOP
    IF line LIKE '%Model:%' THEN RETURN NEXT regexp_replace(trim(line), 'version \d+', 'version N', 'g'); END IF;
  END LOOP;
END $$;
SELECT set_alias('prod', 'm@1', 'm@2', 0.1);
SELECT * FROM plan(') SELECT predict(''prod'', f) FROM t');
SELECT * FROM plan(', ANALYZE) SELECT predict(''prod'', f), predict(''newest'', f) FROM t');
CREATE FUNCTION plan_json(query text) RETURNS json LANGUAGE plpgsql AS $$ DECLARE j json; BEGIN EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON, COSTS OFF) ' || query INTO j; RETURN j; END $$;
SELECT m ->> 'Model' AS model, m ->> 'Main' AS main, m ->> 'Canary' AS canary, m ->> 'Share' AS share,
       (m ->> 'Version')::int8 = mosaic.model_id('m@1') AS version, (m ->> 'Canary Version')::int8 = mosaic.model_id('m@2') AS canary_version
  FROM jsonb_path_query(plan_json('SELECT predict(''prod'', f) FROM t')::jsonb, '$.**.Models[*]') m;
DROP FUNCTION plan, plan_json;
-- each counts what it predicted
SELECT set_alias('prod', 'm@1', 'm@2', 0.1), mosaic.stat_reset();
SELECT count(predict('prod', f)) FROM t;
DO $$ DECLARE r record; BEGIN FOR r IN SELECT f FROM t LOOP PERFORM predict('prod', r.f); END LOOP; END $$;
SELECT u.model, u.calls = 2 * s.n AS calls, u.rows = 2 * s.n AS rows, u.batched_rows = s.n AS batched, u.errors
  FROM mosaic.stat_models u JOIN (SELECT CASE WHEN canary THEN 'm' ELSE 'm@1' END AS model, count(*) AS n FROM side GROUP BY 1) s USING (model) ORDER BY 1;

-- texts; labels are those of the model that answers
SELECT count(import_model(n, f('text_classes'))) FROM unnest('{text,text_b}'::text[]) n;
SELECT set_tokenizer(n, :'data' || '/text/vocab.txt') FROM unnest('{text,text_b}'::text[]) n;
SELECT labels FROM mosaic.models WHERE name = 'text';
SELECT set_labels('text', array_agg('a' || i)), set_labels('text_b', array_agg('b' || i)) FROM generate_series(1, (SELECT jsonb_array_element(outputs, 0) -> 'shape' ->> -1 FROM mosaic.models WHERE name = 'text')::int) i;
SELECT set_alias('texts', 'text', 'text_b', 0.5);
CREATE TABLE w AS SELECT i, 'the film was good and ' || i AS w, left(l, 1) AS side FROM (SELECT i, predict_label('texts', 'the film was good and ' || i) AS l FROM generate_series(1, 200) i) x;
SELECT count(DISTINCT side), min(c) > 40 AS both FROM (SELECT side, count(*) AS c FROM w GROUP BY 1) x;
SET pg_mosaic.batch = off;
SELECT count(*) FROM w WHERE left(predict_label('texts', w), 1) <> side;
RESET pg_mosaic.batch;

-- errors
\set VERBOSITY sqlstate
SELECT predict('prod', '{{1,2,3,4},{1,2,3,5}}'::real[]);
SELECT predict('prod', '{"features": [[1,2,3,4],[1,2,3,5]]}'::jsonb);
SELECT set_alias('x', 'absent');
SELECT set_alias('x', 'prod');
SELECT set_alias('x', 'm@9');
SELECT set_alias('m', 'm@1');
SELECT set_alias('x@1', 'm');
SELECT set_alias('', 'm');
SELECT set_alias(NULL, 'm');
SELECT set_alias('x', NULL);
SELECT set_alias('x', 'm', 'm@1');
SELECT set_alias('x', 'm', NULL, 0.5);
SELECT set_alias('x', 'm', 'm@1', 1.5);
SELECT set_alias('x', 'm', 'm@1', 'NaN');
SELECT set_alias('x', 'm', 'text', 0.5);
SELECT drop_alias('x');
SELECT drop_alias(NULL);
-- names are of models or of aliases; what an alias means stays
SELECT import_model('prod', f('iris'));
SELECT rename_model('text', 'prod');
SELECT drop_model('m');
SELECT drop_version('m', 1);
SELECT predict('prod@1', '{1,2,3,4}'::real[]);
\set VERBOSITY default
SELECT drop_version('m', 1);
SELECT predict('prod', '{{1,2,3,4},{1,2,3,5}}'::real[]);
SELECT set_alias('x', 'm', 'text', 0.5);
-- also where it is replaced, with keep or without
SELECT tensors FROM import_model('m', f('iris_float64'), replace => true);
SELECT tensors FROM import_model('m', f('iris'), keep => 0);
SELECT version, current FROM mosaic.versions WHERE model = 'm' ORDER BY 1;
SELECT count(*) FILTER (WHERE canary <> (predict('prod', f) = predict('m@2', f))) FROM side;
-- renamed, it is meant by its new name
SELECT rename_model('m', 'n');
SELECT * FROM a;
SELECT count(*) FILTER (WHERE canary <> (predict('prod', f) = predict('n@2', f))) FROM side;
-- two that take the same inputs no more
SELECT set_alias('pair', 'n@1', 'n', 0.5);
SELECT tensors FROM import_model('n', f('two_inputs'), replace => true);
\set VERBOSITY sqlstate
SELECT predict('pair', '{1,2,3,4}'::real[]);
\set VERBOSITY default
SELECT drop_alias('pair');

-- rights are of the alias: its readers need none to the model, and its owner must own what it means
CREATE ROLE regress_a_owner;
CREATE ROLE regress_a_user;
CREATE ROLE regress_a_other;
SELECT mosaic.grant_import('regress_a_owner'), mosaic.grant_import('regress_a_other');
SELECT grant_model('prod', 'regress_a_user');
SET ROLE regress_a_user;
SELECT predict('prod', '{1,2,3,4}'::real[]) IS NOT NULL AS predicted;
SELECT alias, model, readers FROM mosaic.aliases;
\set VERBOSITY sqlstate
SELECT predict('n@1', '{1,2,3,4}'::real[]);
SELECT predict('newest', '{1,2,3,4}'::real[]);
SELECT set_alias('prod', 'n@1');
SET ROLE regress_a_other;
SELECT set_alias('prod', 'n@1');
SELECT set_alias('mine', 'n@1');
SELECT drop_alias('prod');
SELECT grant_model('prod', 'regress_a_other');
SELECT predict('prod', '{1,2,3,4}'::real[]);
\set VERBOSITY default
SELECT * FROM mosaic.aliases;
RESET ROLE;
SELECT i.tensors FROM import_model('mine', f('iris')) i;
SELECT change_model_owner('n', 'regress_a_owner');
SELECT alias, owner = 'regress_a_owner'::regrole AS given, readers FROM mosaic.aliases ORDER BY 1;
SET ROLE regress_a_user;
SELECT predict('prod', '{1,2,3,4}'::real[]) IS NOT NULL AS predicted;
RESET ROLE;
\set VERBOSITY sqlstate
DROP ROLE regress_a_owner;
DROP ROLE regress_a_user;
-- an alias of one's own over another's model
SELECT set_alias('prod', 'mine');
\set VERBOSITY default
SET ROLE regress_a_owner;
SELECT revoke_models('regress_a_user');
RESET ROLE;
DROP ROLE regress_a_user;
SELECT reassign_models('regress_a_owner', current_user::regrole);
SELECT count(DISTINCT owner) FROM mosaic.aliases;
DROP OWNED BY regress_a_owner, regress_a_other;
DROP ROLE regress_a_owner, regress_a_other;
SELECT * FROM check_store();

-- an alias goes with its first model, and its owner has to own both
CREATE ROLE regress_a_owner;
CREATE ROLE regress_a_other;
CREATE ROLE regress_a_user;
GRANT regress_a_other TO regress_a_owner;
SELECT mosaic.grant_import('regress_a_owner'), mosaic.grant_import('regress_a_other');
SELECT count(import_model(name, f('iris'))) FROM unnest('{first,second}'::text[]) name;
SELECT count(change_model_owner(name, 'regress_a_owner')) FROM unnest('{first,second}'::text[]) name;
SET ROLE regress_a_owner;
SELECT set_alias('shared', 'first', 'second', 0.5), grant_model('shared', 'regress_a_user');
SELECT change_model_owner('second', 'regress_a_other');
SELECT owner FROM mosaic.aliases WHERE alias = 'shared';
SET ROLE regress_a_user;
SELECT count(predict('shared', ARRAY[i, 2, 3, 4]::real[])) FROM generate_series(1, 20) i;
-- the right to the second is lent no longer than its owner has it, but the alias remains theirs
RESET ROLE;
REVOKE regress_a_other FROM regress_a_owner;
SET ROLE regress_a_user;
SELECT count(predict('shared', ARRAY[i, 2, 3, 4]::real[])) FROM generate_series(1, 20) i;
SET ROLE regress_a_owner;
SELECT set_alias('shared', 'first');
SET ROLE regress_a_user;
SELECT count(predict('shared', ARRAY[i, 2, 3, 4]::real[])) FROM generate_series(1, 20) i;
RESET ROLE;
SELECT change_model_owner('second', 'regress_a_owner');
SELECT set_alias('shared', 'first', 'second', 0.5);
SELECT change_model_owner('first', 'regress_a_other');
SELECT change_model_owner('second', 'regress_a_other');
SELECT reassign_models('regress_a_owner', 'regress_a_other');
SELECT owner FROM mosaic.aliases WHERE alias = 'shared';
SET ROLE regress_a_user;
SELECT count(predict('shared', ARRAY[i, 2, 3, 4]::real[])) FROM generate_series(1, 20) i;
RESET ROLE;
-- nor is one broken by giving all that a role has: the first model with the alias, the second alone, whoever owns the alias
GRANT regress_a_other TO regress_a_owner;
SELECT reassign_models('regress_a_other', 'regress_a_owner');
SELECT change_model_owner('second', 'regress_a_other');
CREATE ROLE regress_a_third;
SELECT mosaic.grant_import('regress_a_third');
\set VERBOSITY default
SELECT reassign_models('regress_a_owner', 'regress_a_third');
SELECT reassign_models('regress_a_other', 'regress_a_third');
SELECT change_model_owner('second', 'regress_a_third');
SELECT alias, owner FROM mosaic.aliases WHERE alias = 'shared';
SET ROLE regress_a_user;
SELECT count(predict('shared', ARRAY[i, 2, 3, 4]::real[])) FROM generate_series(1, 20) i;
RESET ROLE;
-- unless it is broken already
REVOKE regress_a_other FROM regress_a_owner;
SELECT reassign_models('regress_a_owner', 'regress_a_third');
SELECT alias, owner FROM mosaic.aliases WHERE alias = 'shared';
DROP OWNED BY regress_a_third;
SELECT drop_alias('shared');
SELECT count(drop_model(name)) FROM unnest('{first,second}'::text[]) name;
DROP OWNED BY regress_a_owner, regress_a_other;
DROP ROLE regress_a_owner, regress_a_other, regress_a_user, regress_a_third;

-- transactions
BEGIN;
SELECT set_alias('prod', 'n');
SELECT * FROM a WHERE alias = 'prod';
ROLLBACK;
SELECT * FROM a WHERE alias = 'prod';
SELECT drop_alias('prod'), drop_alias('newest');
SELECT drop_alias('texts');
SELECT count(drop_model(name)) FROM mosaic.models;
SELECT count(*) FROM mosaic.model;
DROP VIEW a;
DROP TABLE t, side, w;
DROP FUNCTION f;
DROP EXTENSION pg_mosaic CASCADE;
