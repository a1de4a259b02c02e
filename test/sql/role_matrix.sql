-- Eight roles, and what each may do with every function, view, table and sequence of the extension, tried one by one.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT set_config('test.path', :'data' || '/models/iris.onnx', false) <> '' AS path;
SELECT set_config('test.vocab', :'data' || '/text/vocab.txt', false) <> '' AS path;
CREATE ROLE regress_m_dbowner;
CREATE ROLE regress_m_importer;
CREATE ROLE regress_m_admin;
CREATE ROLE regress_m_owner;
CREATE ROLE regress_m_reader;
CREATE ROLE regress_m_team;
CREATE ROLE regress_m_member IN ROLE regress_m_team;
CREATE ROLE regress_m_nobody;
SELECT current_database() AS db, current_user AS me \gset
ALTER DATABASE :"db" OWNER TO regress_m_dbowner;

-- importing and administration are given in one step each, by the extension's owner, and to roles that exist
\set VERBOSITY sqlstate
SELECT mosaic.grant_import(NULL);
SELECT mosaic.grant_admin(4000000000);
SET ROLE regress_m_dbowner;
SELECT mosaic.grant_import('regress_m_importer');
SELECT mosaic.revoke_admin('regress_m_importer');
RESET ROLE;
\set VERBOSITY default
-- who may call them may give no more than they may grant
GRANT EXECUTE ON FUNCTION mosaic.grant_import(regrole) TO regress_m_nobody;
SET ROLE regress_m_nobody;
SELECT mosaic.grant_import('regress_m_nobody');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION mosaic.grant_import(regrole) FROM regress_m_nobody;
CREATE VIEW granted AS
  SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, count(*)
    FROM (SELECT proacl AS acl FROM pg_proc UNION ALL SELECT relacl FROM pg_class WHERE relnamespace = 'mosaic'::regnamespace) x, aclexplode(acl) a
   WHERE a.grantee::regrole::text LIKE 'regress_m%' GROUP BY 1 ORDER BY 1;
SELECT mosaic.grant_import('regress_m_importer'), mosaic.grant_import('regress_m_owner'), mosaic.grant_admin('regress_m_admin');
SELECT * FROM granted;
SELECT mosaic.grant_import('regress_m_reader'), mosaic.grant_admin('regress_m_reader'), mosaic.revoke_import('regress_m_reader'), mosaic.revoke_admin('regress_m_reader');
SELECT mosaic.grant_import(0);
SELECT has_function_privilege('regress_m_nobody', 'drop_model(text)', 'execute') AS everyone;
SELECT mosaic.revoke_import(0);
SELECT has_function_privilege('regress_m_nobody', 'drop_model(text)', 'execute') AS everyone;
SELECT * FROM granted;

-- the models: one that two roles may read, one of the importer's, one of the superuser's that shares with nobody
CREATE TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/iris.onnx') AS iris;
ALTER TABLE f ADD vocab bytea;
ALTER TABLE f ADD text_model bytea;
ALTER TABLE f ADD weights bytea;
UPDATE f SET vocab = pg_read_binary_file(:'data' || '/text/vocab.txt'), text_model = pg_read_binary_file(:'data' || '/models/text_classes.onnx');
UPDATE f SET weights = '\x0a01000000000000'::bytea || '{"0.0.weight":{"dtype":"F32","shape":[16,4],"data_offsets":[0,256]},"0.0.bias":{"dtype":"F32","shape":[16],"data_offsets":[256,320]},"0.2.weight":{"dtype":"F32","shape":[3,16],"data_offsets":[320,512]},"0.2.bias":{"dtype":"F32","shape":[3],"data_offsets":[512,524]}}'::bytea || decode(repeat('00', 524), 'hex');
GRANT SELECT ON f TO PUBLIC;
SELECT lo_from_bytea(0, iris) AS lo FROM f \gset
GRANT SELECT ON LARGE OBJECT :lo TO PUBLIC;
SELECT set_config('test.lo', :'lo', false) <> '' AS lo;
SET ROLE regress_m_owner;
SELECT i.tensors FROM f, import_model('m', iris) i;
SELECT i.tensors FROM f, import_model('m', iris, keep => 1) i;
SELECT set_alias('prod', 'm'), grant_model('prod', 'regress_m_reader');
SELECT grant_model('m', 'regress_m_reader'), grant_model('m', 'regress_m_team');
SELECT set_tokenizer('m', vocab), set_labels('m', '{a,b,c}') FROM f;
SELECT i.tensors FROM f, import_model('t', text_model, labels => '{a,b}') i;
SELECT set_tokenizer('t', vocab), grant_model('t', 'regress_m_reader'), grant_model('t', 'regress_m_team') FROM f;
SELECT set_config('test.content', content_id('m')::text, false) <> '' AS content, set_config('test.text_content', content_id('t')::text, false) <> '' AS text_content;
SET ROLE regress_m_importer;
SELECT i.tensors FROM f, import_model('other', iris) i;
RESET ROLE;
SELECT i.tensors FROM f, import_model('hidden', iris) i;

-- A line for each function: how it is called. NULL: it cannot be called from SQL, its privilege is looked at.
CREATE TABLE calls (function regprocedure PRIMARY KEY, call text);
INSERT INTO calls VALUES
  ('init_store(int, int, int, float4)', 'init_store(63)'),
  ('import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.path'))$$),
  ('import_model(text, bytea, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('m', (SELECT iris FROM f), replace => true)$$),
  ('import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.lo')::oid)$$),
  ('check_model(text)', $$check_model(current_setting('test.path'))$$),
  ('check_model(bytea)', $$check_model((SELECT iris FROM f))$$),
  ('check_model(oid)', $$check_model(current_setting('test.lo')::oid)$$),
  ('import_model(text, text, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.path'), labels => '{a,b,c}')$$),
  ('import_model(text, bytea, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('m', (SELECT iris FROM f), labels => '{a,b,c}', replace => true)$$),
  ('import_model(text, oid, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.lo')::oid, labels => '{a,b,c}')$$),
  ('import_model(text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.path'), keep => 1)$$),
  ('import_model(text, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('m', (SELECT iris FROM f), keep => 1)$$),
  ('import_model(text, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.lo')::oid, keep => 1)$$),
  ('import_model(text, text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.path'), batch_axis => 'none')$$),
  ('import_model(text, bytea, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('m', (SELECT iris FROM f), batch_axis => 'none', replace => true)$$),
  ('import_model(text, oid, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', current_setting('test.lo')::oid, batch_axis => 'none')$$),
  ('import_model(text, text, varchar, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', weights => current_setting('test.path'), like => 'm')$$),
  ('import_model(text, bytea, varchar, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('m', weights => (SELECT weights FROM f), like => 'm', replace => true)$$),
  ('import_model(text, oid, varchar, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_model('new', weights => current_setting('test.lo')::oid, like => 'm')$$),
  ('import_adapter(text, text, text, text, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_adapter('new', 'm', current_setting('test.path'), config => '{"lora_alpha": 1}')$$),
  ('import_adapter(text, text, bytea, bytea, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_adapter('m', 'm', (SELECT weights FROM f), config => '{"lora_alpha": 1}', replace => true)$$),
  ('import_adapter(text, text, oid, oid, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text)', $$import_adapter('new', 'm', current_setting('test.lo')::oid, config => '{"lora_alpha": 1}')$$),
  ('drop_model(text)', $$drop_model('m')$$),
  ('set_alias(text, text, text, float8)', $$set_alias('a', 'm')$$),
  ('drop_alias(text)', $$drop_alias('prod')$$),
  ('export_model(text)', $$export_model('m')$$),
  ('export_model(text, text)', $$export_model('m', 'relative')$$),
  ('export_model(text, oid)', $$lo_unlink(export_model('m', 0::oid))$$),
  ('rollback_model(text, int)', $$rollback_model('m', 1)$$),
  ('drop_version(text, int)', $$drop_version('m', 1)$$),
  ('rename_model(text, text)', $$rename_model('m', 'n')$$),
  ('grant_model(text, regrole)', $$grant_model('m', 0)$$),
  ('revoke_model(text, regrole)', $$revoke_model('m', 0)$$),
  ('revoke_models(regrole)', $$revoke_models('regress_m_reader')$$),
  ('change_model_owner(text, regrole)', $$change_model_owner('m', 'regress_m_owner')$$),
  ('reassign_models(regrole, regrole)', $$reassign_models('regress_m_owner', 'regress_m_owner')$$),
  ('dedup_model(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8)', $$dedup_model('m', max_weight_error => 0)$$),
  ('plan_dedup(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, int)', $$plan_dedup('m', 'SELECT ''{1,2,3,4}''::real[]', 'agreement')$$),
  ('dedup_ladder(text, text, text, float8, int, regproc, bool, float8)', $$dedup_ladder('m', max_weight_error => 0)$$),
  ('plan_ladder(text, text, text, float8, int, regproc, bool, float8, int)', $$plan_ladder('m', 'SELECT ''{1,2,3,4}''::real[]', 'agreement')$$),
  ('mosaic.dedup_curve(text)', $$mosaic.dedup_curve('m')$$),
  ('predict(text, real[])', $$predict('m', '{1,2,3,4}'::real[])$$),
  ('predict(text, smallint[])', $$predict('m', '{1,2,3,4}'::smallint[])$$),
  ('predict(text, int[])', $$predict('m', '{1,2,3,4}'::int[])$$),
  ('predict(text, bigint[])', $$predict('m', '{1,2,3,4}'::bigint[])$$),
  ('predict(text, numeric[])', $$predict('m', '{1,2,3,4}'::numeric[])$$),
  ('predict(text, anyarray)', $$predict('m', '{t,t,f,f}'::bool[])$$),
  ('predict(text, double precision[])', $$predict('m', 1, 2, 3, 4)$$),
  ('predict(text, jsonb)', $$predict('m', '{"features": [1, 2, 3, 4]}'::jsonb)$$),
  ('predict(text, json)', $$predict('m', '{"features": [1, 2, 3, 4]}'::json)$$),
  ('predict_class(text, real[])', $$predict_class('m', '{1,2,3,4}'::real[])$$),
  ('predict_class(text, smallint[])', $$predict_class('m', '{1,2,3,4}'::smallint[])$$),
  ('predict_class(text, int[])', $$predict_class('m', '{1,2,3,4}'::int[])$$),
  ('predict_class(text, bigint[])', $$predict_class('m', '{1,2,3,4}'::bigint[])$$),
  ('predict_class(text, numeric[])', $$predict_class('m', '{1,2,3,4}'::numeric[])$$),
  ('predict_class(text, anyarray)', $$predict_class('m', '{t,t,f,f}'::bool[])$$),
  ('predict_class(text, double precision[])', $$predict_class('m', 1, 2, 3, 4)$$),
  ('predict_label(text, real[])', $$predict_label('m', '{1,2,3,4}'::real[])$$),
  ('predict_label(text, smallint[])', $$predict_label('m', '{1,2,3,4}'::smallint[])$$),
  ('predict_label(text, int[])', $$predict_label('m', '{1,2,3,4}'::int[])$$),
  ('predict_label(text, bigint[])', $$predict_label('m', '{1,2,3,4}'::bigint[])$$),
  ('predict_label(text, numeric[])', $$predict_label('m', '{1,2,3,4}'::numeric[])$$),
  ('predict_label(text, anyarray)', $$predict_label('m', '{t,t,f,f}'::bool[])$$),
  ('predict_label(text, double precision[])', $$predict_label('m', 1, 2, 3, 4)$$),
  ('predict_proba(text, anyarray)', $$predict_proba('m', '{1,2,3,4}'::real[])$$),
  ('predict_proba(text, double precision[])', $$predict_proba('m', 1, 2, 3, 4)$$),
  ('predict_proba(text, text)', $$predict_proba('t', 'text'::text)$$),
  ('predict_proba(text, text, text)', $$predict_proba('t', 'text'::text, 'more'::text)$$),
  ('predict(text, record)', $$predict('m', ROW(1, 2, 3, 4))$$),
  ('predict_class(text, record)', $$predict_class('m', ROW(1, 2, 3, 4))$$),
  ('predict_label(text, record)', $$predict_label('m', ROW(1, 2, 3, 4))$$),
  ('predict_proba(text, record)', $$predict_proba('m', ROW(1, 2, 3, 4))$$),
  ('set_inputs(text, jsonb, jsonb, bool)', $$set_inputs('m', ignore_others => false)$$),
  ('predict(text, anyarray, text)', $$predict('m', '{1,2,3,4}'::real[], 'probabilities')$$),
  ('predict(text, record, text)', $$predict('m', ROW(1, 2, 3, 4), 'probabilities')$$),
  ('predict_outputs(text, anyarray)', $$predict_outputs('m', '{1,2,3,4}'::real[])$$),
  ('predict_outputs(text, double precision[])', $$predict_outputs('m', 1, 2, 3, 4)$$),
  ('predict_outputs(text, record)', $$predict_outputs('m', ROW(1, 2, 3, 4))$$),
  ('predict_outputs(text, text)', $$predict_outputs('t', 'text'::text)$$),
  ('predict_outputs(text, text, text)', $$predict_outputs('t', 'text'::text, 'more'::text)$$),
  ('content_id(text)', $$content_id('m')$$),
  ('predict(uuid, anyarray)', $$predict(current_setting('test.content')::uuid, '{1,2,3,4}'::real[])$$),
  ('predict(uuid, double precision[])', $$predict(current_setting('test.content')::uuid, 1, 2, 3, 4)$$),
  ('predict(uuid, record)', $$predict(current_setting('test.content')::uuid, ROW(1, 2, 3, 4))$$),
  ('predict(uuid, jsonb)', $$predict(current_setting('test.content')::uuid, '{"features": [1, 2, 3, 4]}'::jsonb)$$),
  ('predict(uuid, text)', $$predict(current_setting('test.text_content')::uuid, 'text'::text)$$),
  ('predict_class(uuid, anyarray)', $$predict_class(current_setting('test.content')::uuid, '{1,2,3,4}'::real[])$$),
  ('predict_class(uuid, double precision[])', $$predict_class(current_setting('test.content')::uuid, 1, 2, 3, 4)$$),
  ('predict_class(uuid, record)', $$predict_class(current_setting('test.content')::uuid, ROW(1, 2, 3, 4))$$),
  ('predict_class(uuid, text)', $$predict_class(current_setting('test.text_content')::uuid, 'text'::text)$$),
  ('predict_label(uuid, anyarray)', $$predict_label(current_setting('test.content')::uuid, '{1,2,3,4}'::real[])$$),
  ('predict_label(uuid, double precision[])', $$predict_label(current_setting('test.content')::uuid, 1, 2, 3, 4)$$),
  ('predict_label(uuid, record)', $$predict_label(current_setting('test.content')::uuid, ROW(1, 2, 3, 4))$$),
  ('predict_label(uuid, text)', $$predict_label(current_setting('test.text_content')::uuid, 'text'::text)$$),
  ('predict_proba(uuid, anyarray)', $$predict_proba(current_setting('test.content')::uuid, '{1,2,3,4}'::real[])$$),
  ('predict_proba(uuid, double precision[])', $$predict_proba(current_setting('test.content')::uuid, 1, 2, 3, 4)$$),
  ('predict_proba(uuid, record)', $$predict_proba(current_setting('test.content')::uuid, ROW(1, 2, 3, 4))$$),
  ('predict_proba(uuid, text)', $$predict_proba(current_setting('test.text_content')::uuid, 'text'::text)$$),
  ('embed(uuid, text)', $$embed(current_setting('test.text_content')::uuid, 'text'::text)$$),
  ('set_labels(text, text[])', $$set_labels('m', '{a,b,c}')$$),
  ('set_tokenizer(text, bytea, int, bool)', $$set_tokenizer('m', (SELECT vocab FROM f))$$),
  ('set_tokenizer(text, text, int, bool)', $$set_tokenizer('m', current_setting('test.vocab'))$$),
  ('drop_tokenizer(text)', $$drop_tokenizer('m')$$),
  ('tokenize(text, text, bool, bool)', $$tokenize('m', 'text')$$),
  ('token_count(text, text)', $$token_count('m', 'text')$$),
  ('set_pooling(text, text, bool)', $$set_pooling('m')$$),
  ('predict(text, text)', $$predict('t', 'text'::text)$$),
  ('predict(text, text, text)', $$predict('t', 'text'::text, 'more'::text)$$),
  ('predict_class(text, text)', $$predict_class('t', 'text'::text)$$),
  ('predict_class(text, text, text)', $$predict_class('t', 'text'::text, 'more'::text)$$),
  ('predict_label(text, text)', $$predict_label('t', 'text'::text)$$),
  ('predict_label(text, text, text)', $$predict_label('t', 'text'::text, 'more'::text)$$),
  ('embed(text, text)', $$embed('t', 'text'::text)$$),
  ('detokenize(text, int[], bool)', $$detokenize('m', '{1}')$$),
  ('prewarm_model(text)', $$prewarm_model('m')$$),
  ('model_info(text)', $$model_info('m')$$),
  ('mosaic.model_id(text)', $$mosaic.model_id('m')$$),
  ('pack_models(text, bool, bool)', $$pack_models()$$),
  ('check_store()', 'check_store()'),
  ('repair_store(bool, bool)', 'repair_store()'),
  ('mosaic.model_checksum(int8)', 'mosaic.model_checksum(1)'),
  ('mosaic.page_reads()', 'mosaic.page_reads()'),
  ('mosaic.moved_blocks()', 'mosaic.moved_blocks()'),
  ('mosaic.sharing_classes()', 'mosaic.sharing_classes()'),
  ('mosaic.cache_models()', 'mosaic.cache_models()'),
  ('mosaic.cache_sharing_classes()', 'mosaic.cache_sharing_classes()'),
  ('mosaic.pin_shares()', 'mosaic.pin_shares()'),
  ('mosaic.report(int)', 'mosaic.report()'),
  ('mosaic.report_sharing(int)', 'mosaic.report_sharing(1)'),
  ('mosaic.report_text(text)', $$mosaic.report_text('a')$$),
  ('mosaic.report_bytes(numeric)', 'mosaic.report_bytes(1)'),
  ('mosaic.report_number(numeric)', 'mosaic.report_number(1)'),
  ('mosaic.report_percent(numeric, numeric)', 'mosaic.report_percent(1, 2)'),
  ('mosaic.report_bar(numeric, numeric[])', 'mosaic.report_bar(1, 1)'),
  ('mosaic.report_row(text, text[])', $$mosaic.report_row('a', 'b')$$),
  ('mosaic.report_table(text[], text, bigint)', $$mosaic.report_table('{a}', 'b')$$),
  ('mosaic.report_section(text, text, text)', $$mosaic.report_section('a', 'b', 'c')$$),
  ('mosaic.report_key(text[])', $$mosaic.report_key('a')$$),
  ('mosaic.report_matrix(jsonb)', $$mosaic.report_matrix('{}')$$),
  ('mosaic.report_curve(jsonb)', $$mosaic.report_curve('[]')$$),
  ('mosaic.report_models(bigint, text[])', $$mosaic.report_models(1, '{a}')$$),
  ('mosaic.report_costs(jsonb)', $$mosaic.report_costs('{}')$$),
  ('mosaic.report_shared(jsonb)', $$mosaic.report_shared('{}')$$),
  ('mosaic.report_pages(int)', 'mosaic.report_pages(1)'),
  ('mosaic.report_cache(int)', 'mosaic.report_cache(1)'),
  ('mosaic.report_merges(int)', 'mosaic.report_merges(1)'),
  ('mosaic.report_versions(int)', 'mosaic.report_versions(1)'),
  ('mosaic.report_use(int)', 'mosaic.report_use(1)'),
  ('mosaic.report_style()', 'mosaic.report_style()'),
  ('mosaic.report_charset()', 'mosaic.report_charset()'),
  ('mosaic.report_head(jsonb)', $$mosaic.report_head('{}')$$),
  ('mosaic.report_store()', 'mosaic.report_store()'),
  ('mosaic.stat_usage()', 'mosaic.stat_usage()'),
  ('mosaic.stat_reset()', 'mosaic.stat_reset()'),
  ('mosaic.grant_import(regrole)', $$mosaic.grant_import('regress_m_nobody')$$),
  ('mosaic.revoke_import(regrole)', $$mosaic.revoke_import('regress_m_nobody')$$),
  ('mosaic.grant_admin(regrole)', $$mosaic.grant_admin('regress_m_nobody')$$),
  ('mosaic.revoke_admin(regrole)', $$mosaic.revoke_admin('regress_m_nobody')$$),
  ('mosaic.may_use(mosaic.role, mosaic.role[])', $$mosaic.may_use('regress_m_owner', '{}')$$),
  ('mosaic.dtype_name(int2)', 'mosaic.dtype_name(1::int2)'),
  ('mosaic.geometry_bytes(int8)', 'mosaic.geometry_bytes(1)'),
  ('mosaic.is_sound(oid, tid)', $$mosaic.is_sound('mosaic.model'::regclass, NULL)$$),
  ('mosaic.map_blocks(bytea)', $$mosaic.map_blocks(NULL)$$),
  ('mosaic.catalog_version()', 'mosaic.catalog_version()'),
  ('mosaic.role_in(cstring)', $$mosaic.role_in('regress_m_owner')$$),
  ('mosaic.role_out(mosaic.role)', $$mosaic.role_out('regress_m_owner')$$),
  ('mosaic.role_send(mosaic.role)', $$mosaic.role_send('regress_m_owner')$$),
  ('mosaic.role_recv(internal)', NULL),
  ('mosaic.hold_roles()', NULL),
  ('mosaic.am_handler(internal)', NULL),
  ('mosaic.predict_support(internal)', NULL);
CREATE VIEW members AS
  SELECT d.classid, d.objid FROM pg_depend d
   WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic') AND d.deptype = 'e';
SELECT objid::regprocedure AS function_without_a_line FROM members WHERE classid = 'pg_proc'::regclass AND objid NOT IN (SELECT function FROM calls);

-- What comes of it when a role does something that is undone then.
CREATE FUNCTION tried(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n int8;
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', role);
  -- of the rows, so that all of their columns are computed
  EXECUTE 'SELECT count(x::text) FROM (' || statement || ') x' INTO n;
  RAISE EXCEPTION USING ERRCODE = 'UN000';
EXCEPTION
  WHEN SQLSTATE 'UN000' THEN RETURN n;
  WHEN insufficient_privilege THEN RETURN '-';
  WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE TABLE who (n int, role text);
INSERT INTO who VALUES (1, :'me'), (2, 'regress_m_dbowner'), (3, 'regress_m_importer'), (4, 'regress_m_admin'), (5, 'regress_m_owner'),
  (6, 'regress_m_reader'), (7, 'regress_m_member'), (8, 'regress_m_nobody');
CREATE FUNCTION row_of(outcomes text[], OUT super text, OUT dbowner text, OUT importer text, OUT admin text, OUT owner text,
                       OUT reader text, OUT member text, OUT nobody text) LANGUAGE sql AS
$$ SELECT $1[1], $1[2], $1[3], $1[4], $1[5], $1[6], $1[7], $1[8] $$;

-- the model m is owner's; reader and member may use it. ok: done, -: refused (42501)
SELECT split_part(c.function::text, '(', 1) || CASE WHEN c.function::text LIKE 'import_model%' OR c.function::text LIKE 'predict%'
         THEN '(' || rtrim(split_part(c.function::text, ',', 2), ')') || ')' ELSE '' END AS function, o.*
  FROM calls c, row_of(ARRAY(
    SELECT CASE WHEN c.call IS NULL THEN CASE WHEN has_function_privilege(w.role, c.function, 'execute') THEN 'ok' ELSE '-' END
             ELSE regexp_replace(tried(w.role, 'SELECT ' || c.call), '^\d{1,4}$', 'ok') END FROM who w ORDER BY w.n)) o
 ORDER BY c.function::text COLLATE "C";
-- views, tables, sequences: how many rows are seen (sequences: whether their value is)
SELECT r.objid::regclass AS relation, o.*
  FROM members r JOIN pg_class c ON c.oid = r.objid, row_of(ARRAY(
    SELECT tried(w.role, 'SELECT ' || CASE WHEN c.relkind = 'S' THEN 'last_value' ELSE '*' END || ' FROM ' || r.objid::regclass) FROM who w ORDER BY w.n)) o
 WHERE r.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v', 'S', 'm', 'p', 'f') ORDER BY c.relkind, c.relname COLLATE "C";
-- nobody but the superuser may write any of them
SELECT r.objid::regclass AS relation, w.role
  FROM members r JOIN pg_class c ON c.oid = r.objid, who w
 WHERE r.classid = 'pg_class'::regclass AND w.n > 1 AND c.relkind IN ('r', 'v', 'S', 'm', 'p', 'f')
   AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(w.role, c.oid, 'usage, update')
            ELSE has_table_privilege(w.role, c.oid, 'insert, update, delete, truncate, references, trigger') OR
                 has_any_column_privilege(w.role, c.oid, 'insert, update, references') END;
-- nor make anything in the schema
SELECT w.role FROM who w WHERE n > 1 AND has_schema_privilege(w.role, 'mosaic', 'create');
-- kinds of objects that this test looks at, or need not
SELECT classid::regclass, count(*) > 0 AS there FROM members GROUP BY 1 ORDER BY 1::text;

-- only the owner sees what is shared, and what would be freed: the others could learn of models that they may not know
SELECT o.* FROM row_of(ARRAY(SELECT tried(w.role, $$SELECT FROM mosaic.models WHERE name = 'm' AND shared_blocks IS NOT NULL AND exclusive_bytes IS NOT NULL$$) FROM who w ORDER BY w.n)) o;
SELECT o.* FROM row_of(ARRAY(SELECT tried(w.role, $$SELECT FROM mosaic.tensors WHERE model = 'm' AND shared_blocks IS NOT NULL$$) FROM who w ORDER BY w.n)) o;
SELECT o.* FROM row_of(ARRAY(SELECT tried(w.role, $$SELECT FROM (SELECT model_info('m') AS i) x WHERE i ->> 'shared_blocks' IS NOT NULL$$) FROM who w ORDER BY w.n)) o;

SELECT o.* FROM row_of(ARRAY(SELECT tried(w.role, $$SELECT FROM mosaic.models WHERE name = 'm' AND readers = '{regress_m_reader,regress_m_team}'::regrole[]$$) FROM who w ORDER BY w.n)) o;

-- roles of the server: who may read or write all tables may do so here; predicting is another matter
CREATE ROLE regress_m_read_all IN ROLE pg_read_all_data;
CREATE ROLE regress_m_write_all IN ROLE pg_write_all_data;
CREATE ROLE regress_m_monitor IN ROLE pg_monitor;
SELECT r AS role, tried(r, 'SELECT * FROM mosaic.tensor') AS weights, tried(r, 'SELECT * FROM mosaic.storage') AS storage,
       has_table_privilege(r, 'mosaic.model', 'update') AS writes, tried(r, $$SELECT predict_class('m', 1, 2, 3, 4)$$) AS predicts
  FROM unnest('{regress_m_read_all,regress_m_write_all,regress_m_monitor}'::text[]) r;
DROP ROLE regress_m_read_all, regress_m_write_all, regress_m_monitor;
-- what docs/security.md says that tenants can learn of each other: that a name is taken, on which pages others' blocks are
-- with theirs, how many models there were, how large all are, who has some
\set VERBOSITY sqlstate
SET ROLE regress_m_nobody;
SELECT predict_class('hidden', 1, 2, 3, 4);
SELECT predict_class('absent', 1, 2, 3, 4);
SET ROLE regress_m_importer;
SELECT import_model('hidden', iris) FROM f;
RESET ROLE;
\set VERBOSITY default
SELECT count(*) > 0 AS pages_of_several FROM (
  SELECT FROM mosaic.block b JOIN mosaic.block_meta USING (block_id) GROUP BY (b.ctid::text::point)[0] HAVING count(DISTINCT domain) > 1) x;
SET ROLE regress_m_nobody;
SELECT pg_relation_size('mosaic.block') > 0 AS size, (SELECT count(DISTINCT refobjid) FROM pg_shdepend WHERE classid = 'pg_class'::regclass AND objid = 'mosaic.model'::regclass) AS roles;
RESET ROLE;

ALTER DATABASE :"db" OWNER TO :"me";
SELECT lo_unlink(:lo);
DROP FUNCTION tried, row_of;
DROP VIEW granted, members;
DROP TABLE f, calls, who;
DROP EXTENSION pg_mosaic CASCADE;
DROP ROLE regress_m_dbowner, regress_m_importer, regress_m_admin, regress_m_owner, regress_m_reader, regress_m_team, regress_m_member, regress_m_nobody;
