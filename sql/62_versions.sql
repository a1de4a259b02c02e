-- Versions: what was replaced and is kept.

CREATE FUNCTION rollback_model(name text, version int DEFAULT NULL) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_rollback_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rollback_model(text, int) IS 'makes a kept version of a model the current one, without a number the one that the current one replaced; its number';
REVOKE ALL ON FUNCTION rollback_model(text, int) FROM PUBLIC;

CREATE FUNCTION drop_version(name text, version int) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_drop_version' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION drop_version(text, int) IS 'drops a kept version of a model, and the blocks that nothing else uses';
REVOKE ALL ON FUNCTION drop_version(text, int) FROM PUBLIC;

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.versions WITH (security_barrier) AS
SELECT CASE WHEN m.replaced IS NULL THEN m.name ELSE regexp_replace(m.name, '@[0-9]+$', '') END AS model,
       coalesce(m.version, 1) AS version, m.replaced IS NULL AS current, m.name AS predict_as, k.model_id,
       m.created, m.replaced, m.predecessor, m.parameters,
       b.blocks, b.total_bytes,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN b.total_bytes - b.exclusive_bytes END AS shared_bytes,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN b.exclusive_bytes END AS exclusive_bytes,
       m.description -> 'inputs' AS inputs, m.description -> 'outputs' AS outputs, m.labels, m.content
FROM mosaic.model k
CROSS JOIN LATERAL (SELECT m.* FROM mosaic.model m WHERE m.model_id = k.model_id AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
CROSS JOIN LATERAL (
  SELECT count(*) AS blocks,
         coalesce(sum(mosaic.geometry_bytes(bm.geometry)) FILTER (WHERE bm.models = 1), 0)::int8 AS exclusive_bytes,
         coalesce(sum(mosaic.geometry_bytes(bm.geometry)), 0)::int8 AS total_bytes
  FROM (SELECT DISTINCT unnest(mosaic.map_blocks(t.map)) AS block_id
        FROM (SELECT t.* FROM mosaic.tensor t WHERE t.model_id = m.model_id AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t) ids
  JOIN mosaic.block_meta bm USING (block_id)) b
WHERE mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.versions IS 'the versions of the models that the current role may use: the current ones, and those that were replaced and are kept';
COMMENT ON COLUMN mosaic.versions.model IS 'name of the model';
COMMENT ON COLUMN mosaic.versions.version IS 'number of the version: 1 is the first; none is given twice as long as the model is there';
COMMENT ON COLUMN mosaic.versions.current IS 'whether it is what the name of the model means';
COMMENT ON COLUMN mosaic.versions.predict_as IS 'the name that predict() takes for it; model@version goes for the current one, too';
COMMENT ON COLUMN mosaic.versions.model_id IS 'its identity';
COMMENT ON COLUMN mosaic.versions.created IS 'when it was imported';
COMMENT ON COLUMN mosaic.versions.replaced IS 'when it was replaced; NULL: it is the current one';
COMMENT ON COLUMN mosaic.versions.predecessor IS 'the version that was kept before it, where rollback_model() goes; it may have been dropped since';
COMMENT ON COLUMN mosaic.versions.parameters IS 'number of elements of its floating-point tensors';
COMMENT ON COLUMN mosaic.versions.blocks IS 'number of distinct blocks';
COMMENT ON COLUMN mosaic.versions.total_bytes IS 'bytes of all its blocks: what it would take alone';
COMMENT ON COLUMN mosaic.versions.shared_bytes IS 'of these, bytes of blocks that other versions or models use, too; NULL for all but the owner';
COMMENT ON COLUMN mosaic.versions.exclusive_bytes IS 'bytes of the blocks that only it uses: what keeping it costs; NULL for all but the owner';
COMMENT ON COLUMN mosaic.versions.inputs IS 'its inputs: name, type and shape';
COMMENT ON COLUMN mosaic.versions.outputs IS 'its outputs likewise';
COMMENT ON COLUMN mosaic.versions.labels IS 'names of its classes';
COMMENT ON COLUMN mosaic.versions.content IS 'its content id; NULL: it was not asked for since the model changed (content_id)';

CREATE VIEW mosaic.aliases WITH (security_barrier) AS
SELECT a.name AS alias, (SELECT r.oid::regrole FROM pg_catalog.pg_roles r WHERE r.oid = a.owner) AS owner,
       concat_ws('@', a.model, a.version) AS model,
       CASE WHEN a.canary IS NOT NULL THEN concat_ws('@', a.canary, a.canary_version) END AS canary, a.share,
       CASE WHEN pg_catalog.pg_has_role(a.owner::oid, 'USAGE') THEN ARRAY(
         SELECT r.role::oid::regrole FROM unnest(a.readers) r (role)
         WHERE r.role::oid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.oid = r.role) ORDER BY r.role::oid::regrole::text) END AS readers
FROM (SELECT a.* FROM mosaic.alias a WHERE mosaic.is_sound(a.tableoid, a.ctid) OFFSET 0) a
WHERE mosaic.may_use(a.owner, a.readers);
COMMENT ON VIEW mosaic.aliases IS 'the aliases that the current role may use';
COMMENT ON COLUMN mosaic.aliases.alias IS 'the name that predict() takes';
COMMENT ON COLUMN mosaic.aliases.owner IS 'who set it, or was given it; NULL: a role that is gone';
COMMENT ON COLUMN mosaic.aliases.model IS 'the model that it means, or the version, by number';
COMMENT ON COLUMN mosaic.aliases.canary IS 'a second one, which gets a share of the items; NULL: there is none';
COMMENT ON COLUMN mosaic.aliases.share IS 'the part of all items that the second one gets';
COMMENT ON COLUMN mosaic.aliases.readers IS 'roles that may predict with it besides the owner, - for every role; NULL for all but the owner';

GRANT SELECT ON mosaic.versions, mosaic.aliases TO PUBLIC;

CREATE FUNCTION @extschema@.model_info(name text) RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  -- The name first: that it may not be used is an error, also where the views show nothing.
  SELECT r.info
  FROM (SELECT mosaic.model_id(model_info.name) AS model_id OFFSET 0) i
  CROSS JOIN LATERAL (
    SELECT to_jsonb(m)
           || jsonb_build_object('tensors', (
                SELECT coalesce(jsonb_agg(to_jsonb(t) - '{model,model_id}'::text[] ORDER BY t.tensor_no), '[]')
                FROM mosaic.tensors t WHERE t.model_id = i.model_id))
           || coalesce((SELECT jsonb_build_object('tokenizer', to_jsonb(k) - '{model,model_id}'::text[])
                        FROM mosaic.tokenizers k WHERE k.model_id = i.model_id), '{}')
    FROM mosaic.models m WHERE m.model_id = i.model_id
    UNION ALL
    SELECT to_jsonb(v) FROM mosaic.versions v WHERE v.model_id = i.model_id AND NOT v.current) r (info);
END;
COMMENT ON FUNCTION @extschema@.model_info(text) IS 'all that is known of a model: inputs, outputs, operators, tensors, sizes; of a version that was replaced what mosaic.versions has';

SET LOCAL search_path = @extschema@, pg_temp;
