\echo Use "ALTER EXTENSION pg_mosaic UPDATE TO '0.2.0'" to load this file. \quit

-- What CREATE cannot replace: changes of tables, drops, what becomes of rows. CONTRIBUTING.md, "Changes of sql/".

-- The roles that tables name have a type of their own. Views that read such columns read nothing meanwhile: dropped, they
-- would take users' views with them.
CREATE OR REPLACE VIEW mosaic.models AS
SELECT NULL::text COLLATE "C" AS name, NULL::int8 AS model_id, NULL::regrole AS owner, NULL::text COLLATE "C" AS domain,
       NULL::timestamptz AS created, NULL::jsonb AS inputs, NULL::jsonb AS outputs, NULL::int AS opset, NULL::jsonb AS operators,
       NULL::int8 AS parameters, NULL::text AS weight_dtype, NULL::int8 AS tensors, NULL::int8 AS blocks, NULL::int8 AS shared_blocks,
       NULL::int8 AS exclusive_bytes, NULL::int8 AS total_bytes;
CREATE OR REPLACE VIEW mosaic.tensors AS
SELECT NULL::text COLLATE "C" AS model, NULL::int4 AS tensor_no, NULL::text COLLATE "C" AS name, NULL::text AS dtype, NULL::int8[] AS dims,
       NULL::text AS layout, NULL::text AS stored_dtype, NULL::int4 AS block_rows, NULL::int4 AS block_cols, NULL::int8 AS blocks,
       NULL::int8 AS shared_blocks, NULL::int8 AS bytes;
CREATE OR REPLACE VIEW mosaic.dedup_log AS
SELECT NULL::text COLLATE "C" AS model, NULL::text AS tensor, NULL::int4 AS block, NULL::int4 AS partner, NULL::float4 AS similarity,
       NULL::bool AS accepted, NULL::text AS reason;
DROP FUNCTION mosaic.may_use(regrole, regrole[]);
DROP FUNCTION repair_store();

-- Rows that have one column more. Replacing a function adds none; dropping it would lose what administrators granted, and fail
-- where something of theirs depends on it. Grants, comments and all else stay, as where CREATE OR REPLACE comes next.
SET LOCAL search_path = pg_catalog, pg_temp;
UPDATE pg_catalog.pg_proc p
SET proallargtypes = p.proallargtypes || 'float8'::regtype::oid, proargmodes = p.proargmodes || 'o'::"char", proargnames = p.proargnames || 'standard_error'::text
WHERE p.proname IN ('import_model', 'dedup_model', 'plan_dedup', 'dedup_curve')
  AND EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
              WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND e.extname = 'pg_mosaic');
SET LOCAL search_path = @extschema@, pg_temp;

-- @changed statements before CREATE TABLE mosaic.store@

ALTER TABLE mosaic.block_meta
  ADD COLUMN base int4,
  ADD COLUMN delta_bytes int4;
ALTER TABLE mosaic.domain DROP CONSTRAINT domain_name_key;
ALTER TABLE mosaic.domain ALTER COLUMN owner TYPE mosaic.role USING owner::mosaic.role;
ALTER TABLE mosaic.model ALTER COLUMN owner TYPE mosaic.role USING owner::mosaic.role,
  ALTER COLUMN readers TYPE mosaic.role[] USING readers::mosaic.role[],
  ADD COLUMN checksum uuid,
  ADD COLUMN tokenizer int4,
  ADD COLUMN labels text[],
  ADD COLUMN max_tokens int4,
  ADD COLUMN pooling text,
  ADD COLUMN normalized bool,
  ADD COLUMN input_map text,
  ADD COLUMN version int4,
  ADD COLUMN predecessor int4,
  ADD COLUMN replaced timestamptz,
  ADD COLUMN last_version int4,
  ADD COLUMN content uuid,
  ADD COLUMN truncates bool;
ALTER TABLE mosaic.dedup_run
  ADD COLUMN standard_error float8[];

-- @changed statements@

-- The triggers give what roles that are gone had to whoever updates, and hold all others.
UPDATE mosaic.domain SET owner = owner;
-- Models are taken as they are; from now on their checksum is verified.
UPDATE mosaic.model SET owner = owner, readers = readers, checksum = mosaic.model_checksum(model_id);
