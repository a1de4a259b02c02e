-- What is there: views, model_info(), comments and properties of every object.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
-- before the first import
SELECT * FROM mosaic.models;
SELECT models, block_references, blocks, logical_bytes, stored_bytes, ratio, pages, format_version, block_height FROM mosaic.storage;

SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
SELECT blocks FROM import_model('dark', :'data' || '/models/fashion_dark.onnx');
SELECT blocks FROM import_model('text', :'data' || '/models/text_classifier.onnx');
\x
SELECT name, owner = current_user::regrole AS mine, inputs, outputs, opset, operators, parameters, tensors, blocks, shared_blocks, exclusive_bytes, total_bytes
  FROM mosaic.models ORDER BY name;
\x
SELECT model, tensor_no, name, dtype, dims, layout, stored_dtype, block_rows, block_cols, blocks, shared_blocks, bytes FROM mosaic.tensors ORDER BY 1, 2;
-- exclusive bytes are what a drop frees
SELECT stored_bytes AS before FROM mosaic.storage \gset
SELECT exclusive_bytes AS frees FROM mosaic.models WHERE name = 'dark' \gset
SELECT drop_model('dark');
SELECT :before - stored_bytes = :frees AS as_said FROM mosaic.storage;
-- sums agree
SELECT s.logical_bytes = sum(m.total_bytes) AS logical, s.stored_bytes = sum(m.total_bytes) AS stored, s.ratio
  FROM mosaic.storage s, mosaic.models m GROUP BY s.logical_bytes, s.stored_bytes, s.ratio;
SELECT jsonb_pretty(model_info('text') - 'created' - 'owner' - 'model_id');
SELECT model_info('nobody');
SELECT model_info(NULL);

-- every object of the extension has a comment
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
  FROM pg_depend d
  WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic')
    AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass
    AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind FROM pg_class WHERE oid = d.objid) = 'i')
    AND obj_description(d.objid, d.classid::regclass::name) IS NULL;
SELECT attrelid::regclass || '.' || attname AS without_comment
  FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
  WHERE c.relnamespace = 'mosaic'::regnamespace AND c.relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
    AND col_description(attrelid, attnum) IS NULL;
-- what PUBLIC may call
SELECT p.oid::regprocedure AS for_public
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic')
    AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass AND has_function_privilege('public', p.oid, 'execute')
  ORDER BY p.proname, p.oid::regprocedure::text;
-- what changes the database says so
SELECT p.proname, p.provolatile, p.proparallel, p.proisstrict
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
  WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_mosaic')
    AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
  GROUP BY 1, 2, 3, 4 ORDER BY 1;
-- the module refuses catalogs of another build, in a session that has used them, too; a change of what is above raises the version
SELECT mosaic.catalog_version() AS version \gset
CREATE OR REPLACE FUNCTION mosaic.catalog_version() RETURNS int4 AS 'SELECT 0' LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE;
\set VERBOSITY sqlstate
SELECT predict('base', '{}'::real[]);
SELECT import_model('m', ''::bytea);
SELECT * FROM mosaic.model_pages;
SELECT init_store(31);
SELECT pack_models();
SELECT dedup_model('text', max_weight_error => 0);
\set VERBOSITY terse
SELECT drop_model('text');
\set VERBOSITY default
SELECT 'SELECT ' || :version AS right_one \gset
CREATE OR REPLACE FUNCTION mosaic.catalog_version() RETURNS int4 AS :'right_one' LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE;
SELECT drop_model('text');
-- in another schema everything is found all the same
DROP EXTENSION pg_mosaic CASCADE;
CREATE SCHEMA elsewhere;
CREATE EXTENSION pg_mosaic SCHEMA elsewhere;
SELECT blocks FROM elsewhere.import_model('base', :'data' || '/models/iris.onnx');
SELECT elsewhere.predict_class('base', 5.1, 3.5, 1.4, 0.2), elsewhere.model_info('base') -> 'opset' AS opset;
DROP EXTENSION pg_mosaic CASCADE;
DROP SCHEMA elsewhere;
-- without the extension's tables a left-over function call is a clear error: nothing is left over
SELECT count(*) FROM pg_proc WHERE proname IN ('predict', 'import_model');
