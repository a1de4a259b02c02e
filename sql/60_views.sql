-- What there is, for people and monitoring. Views run with the extension owner's rights and show
-- only models that the caller may use. Of a table they take rows that mosaic.is_sound() has looked at, and nothing before
-- but the id that they are found by: hence OFFSET 0.

CREATE FUNCTION mosaic.may_use(owner mosaic.role, readers mosaic.role[]) RETURNS bool
  AS 'MODULE_PATHNAME', 'mosaic_pg_may_use' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.may_use(mosaic.role, mosaic.role[]) IS 'whether the current role may use a model with this owner and these readers';

CREATE FUNCTION mosaic.dtype_name(dtype int2) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_dtype_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.dtype_name(int2) IS 'numpy''s name of an element type given by its ONNX number';

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.models WITH (security_barrier) AS
SELECT m.name, k.model_id,
       (SELECT r.oid::regrole FROM pg_catalog.pg_roles r WHERE r.oid = m.owner) AS owner,
       (SELECT nullif(d.name, '') FROM (SELECT d.* FROM mosaic.domain d WHERE d.domain_id = m.domain AND mosaic.is_sound(d.tableoid, d.ctid) OFFSET 0) d) AS domain, m.created,
       m.description -> 'inputs'  AS inputs,
       m.description -> 'outputs' AS outputs,
       (m.description ->> 'opset')::int AS opset,
       m.description -> 'operators' AS operators,
       m.parameters, t.weight_dtype,
       t.tensors,
       b.blocks,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN b.shared_blocks END AS shared_blocks,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN b.exclusive_bytes END AS exclusive_bytes,
       b.total_bytes,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN ARRAY(
         SELECT r.role::oid::regrole FROM unnest(m.readers) r (role)
         WHERE r.role::oid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.oid = r.role) ORDER BY r.role::oid::regrole::text) END AS readers,
       m.labels, m.pooling, m.normalized, m.input_map::jsonb AS input_map, coalesce(m.version, 1) AS version, m.content,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN b.delta_blocks END AS delta_blocks
FROM mosaic.model k
CROSS JOIN LATERAL (SELECT m.* FROM mosaic.model m WHERE m.model_id = k.model_id AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
CROSS JOIN LATERAL (
  SELECT count(*) AS tensors,
         mosaic.dtype_name((array_agg(t.stored_dtype ORDER BY t.matrix_rows * t.matrix_cols DESC, t.tensor_no)
                            FILTER (WHERE t.map IS NOT NULL))[1]) AS weight_dtype
  FROM (SELECT t.* FROM mosaic.tensor t WHERE t.model_id = m.model_id AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t) t
CROSS JOIN LATERAL (
  SELECT count(*) AS blocks,
         count(*) FILTER (WHERE bm.models > 1) AS shared_blocks,
         coalesce(sum(coalesce(bm.delta_bytes + 32, mosaic.geometry_bytes(bm.geometry))) FILTER (WHERE bm.models = 1), 0)::int8 AS exclusive_bytes,
         count(bm.base) AS delta_blocks,
         coalesce(sum(mosaic.geometry_bytes(bm.geometry)), 0)::int8 AS total_bytes
  FROM (SELECT DISTINCT unnest(mosaic.map_blocks(t.map)) AS block_id
        FROM (SELECT t.* FROM mosaic.tensor t WHERE t.model_id = m.model_id AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t) ids
  JOIN mosaic.block_meta bm USING (block_id)) b
WHERE m.replaced IS NULL AND mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.models IS 'the models that the current role may use';
COMMENT ON COLUMN mosaic.models.name IS 'the name that predict() takes';
COMMENT ON COLUMN mosaic.models.model_id IS 'identity of this version: every import gets a new one';
COMMENT ON COLUMN mosaic.models.owner IS 'who imported it, or was given it; NULL: a role that is gone';
COMMENT ON COLUMN mosaic.models.domain IS 'the domain within which it shares blocks; NULL: the default one of whoever began it, as a rule the owner';
COMMENT ON COLUMN mosaic.models.created IS 'when it was imported';
COMMENT ON COLUMN mosaic.models.inputs IS 'its inputs: name, type and shape; a symbolic dimension is a string';
COMMENT ON COLUMN mosaic.models.outputs IS 'its outputs likewise';
COMMENT ON COLUMN mosaic.models.opset IS 'version of ONNX''s operators that it uses';
COMMENT ON COLUMN mosaic.models.operators IS 'how often it uses each operator';
COMMENT ON COLUMN mosaic.models.parameters IS 'number of elements of its floating-point tensors';
COMMENT ON COLUMN mosaic.models.weight_dtype IS 'element type in the blocks of its largest tensor; NULL where it has no blocks';
COMMENT ON COLUMN mosaic.models.tensors IS 'number of tensors that hold its constants';
COMMENT ON COLUMN mosaic.models.blocks IS 'number of distinct blocks';
COMMENT ON COLUMN mosaic.models.shared_blocks IS 'how many of them other models use too; NULL for all but the owner';
COMMENT ON COLUMN mosaic.models.exclusive_bytes IS 'bytes of the blocks that only this model uses, as they are stored: what dropping it frees; NULL for all but the owner';
COMMENT ON COLUMN mosaic.models.total_bytes IS 'bytes of all its blocks: what it would take alone';
COMMENT ON COLUMN mosaic.models.readers IS 'roles that may predict with it besides the owner, - for every role; NULL for all but the owner';
COMMENT ON COLUMN mosaic.models.labels IS 'names of its classes, from class 0 on; NULL: it has none';
COMMENT ON COLUMN mosaic.models.pooling IS 'how embed() makes one vector of those of the tokens: mean, cls, max or last; NULL: mean';
COMMENT ON COLUMN mosaic.models.normalized IS 'whether embed() gives vectors of length 1; NULL: no';
COMMENT ON COLUMN mosaic.models.input_map IS 'which columns of a row fill its inputs, and what NULL is (set_inputs); NULL: nothing is set';
COMMENT ON COLUMN mosaic.models.version IS 'its number: each import that replaces a model gives the next; mosaic.versions shows those that are kept';
COMMENT ON COLUMN mosaic.models.content IS 'its content id; NULL: it was not asked for since the model changed (content_id)';
COMMENT ON COLUMN mosaic.models.delta_blocks IS 'how many of its blocks are stored as differences to others; NULL for all but the owner';

CREATE VIEW mosaic.tensors WITH (security_barrier) AS
SELECT m.name AS model, t.tensor_no, t.name,
       mosaic.dtype_name(t.dtype) AS dtype, t.dims,
       (ARRAY['inline', 'strip', 'row'])[t.layout + 1] AS layout,
       mosaic.dtype_name(t.stored_dtype) AS stored_dtype,
       t.block_rows, t.block_cols,
       coalesce(b.blocks, 0) AS blocks,
       CASE WHEN pg_catalog.pg_has_role(m.owner::oid, 'USAGE') THEN coalesce(b.shared_blocks, 0) END AS shared_blocks,
       coalesce(b.bytes, octet_length(t.value))::int8 AS bytes, k.model_id
FROM mosaic.model k
CROSS JOIN LATERAL (SELECT m.* FROM mosaic.model m WHERE m.model_id = k.model_id AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
CROSS JOIN LATERAL (SELECT t.* FROM mosaic.tensor t WHERE t.model_id = m.model_id AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t
LEFT JOIN LATERAL (
  SELECT count(*) AS blocks, count(*) FILTER (WHERE bm.models > 1) AS shared_blocks,
         sum(mosaic.geometry_bytes(bm.geometry)) AS bytes
  FROM unnest(mosaic.map_blocks(t.map)) AS ids (block_id)
  JOIN mosaic.block_meta bm USING (block_id)) b ON t.map IS NOT NULL
WHERE m.replaced IS NULL AND mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.tensors IS 'the tensors of the models that the current role may use';
COMMENT ON COLUMN mosaic.tensors.model IS 'name of the model';
COMMENT ON COLUMN mosaic.tensors.tensor_no IS 'number of the tensor in its model';
COMMENT ON COLUMN mosaic.tensors.name IS 'its name in the imported file';
COMMENT ON COLUMN mosaic.tensors.dtype IS 'element type in the graph';
COMMENT ON COLUMN mosaic.tensors.dims IS 'shape';
COMMENT ON COLUMN mosaic.tensors.layout IS 'inline (no blocks), strip (operand of a matrix product) or row';
COMMENT ON COLUMN mosaic.tensors.stored_dtype IS 'element type in the blocks';
COMMENT ON COLUMN mosaic.tensors.block_rows IS 'rows of each block; in a strip of bfloat16 each holds two rows of the matrix';
COMMENT ON COLUMN mosaic.tensors.block_cols IS 'columns of the matrix in each block';
COMMENT ON COLUMN mosaic.tensors.blocks IS 'entries of its map';
COMMENT ON COLUMN mosaic.tensors.shared_blocks IS 'how many of them belong to other models too; NULL for all but the owner';
COMMENT ON COLUMN mosaic.tensors.bytes IS 'bytes of its blocks in their pages, or of its inline value';
COMMENT ON COLUMN mosaic.tensors.model_id IS 'the model''s identity';

CREATE VIEW mosaic.storage AS
SELECT l.models, l.block_references, s.blocks,
       l.logical_bytes, s.stored_bytes,
       round(l.logical_bytes / nullif(s.stored_bytes, 0)::numeric, 3) AS ratio,
       pg_catalog.pg_relation_size('mosaic.block') / current_setting('block_size')::int8 AS pages,
       pg_catalog.pg_total_relation_size('mosaic.block') + pg_catalog.pg_total_relation_size('mosaic.block_meta')
         + pg_catalog.pg_total_relation_size('mosaic.model') + pg_catalog.pg_total_relation_size('mosaic.tensor') AS disk_bytes,
       (SELECT format_version FROM mosaic.store) AS format_version,
       (SELECT block_height FROM mosaic.store) AS block_height
FROM (SELECT count(DISTINCT t.model_id) AS models, count(ids.block_id) AS block_references,
             coalesce(sum(mosaic.geometry_bytes(bm.geometry)), 0)::int8 AS logical_bytes
      FROM (SELECT t.* FROM mosaic.tensor t WHERE mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t
      LEFT JOIN LATERAL unnest(mosaic.map_blocks(t.map)) AS ids (block_id) ON true
      LEFT JOIN mosaic.block_meta bm USING (block_id)) l,
     (SELECT count(*) AS blocks, coalesce(sum(coalesce(delta_bytes + 32, mosaic.geometry_bytes(geometry))), 0)::int8 AS stored_bytes
      FROM mosaic.block_meta) s;
COMMENT ON VIEW mosaic.storage IS 'the whole store: what all models would take alone, and what they take';
COMMENT ON COLUMN mosaic.storage.models IS 'number of models that have tensors';
COMMENT ON COLUMN mosaic.storage.block_references IS 'entries of all maps';
COMMENT ON COLUMN mosaic.storage.blocks IS 'blocks stored';
COMMENT ON COLUMN mosaic.storage.logical_bytes IS 'bytes of all map entries: the store without sharing';
COMMENT ON COLUMN mosaic.storage.stored_bytes IS 'bytes of the blocks stored';
COMMENT ON COLUMN mosaic.storage.ratio IS 'logical_bytes / stored_bytes';
COMMENT ON COLUMN mosaic.storage.pages IS 'pages of the block table, also free ones';
COMMENT ON COLUMN mosaic.storage.disk_bytes IS 'all tables and indexes of the store on disk';
COMMENT ON COLUMN mosaic.storage.format_version IS 'on-disk format; NULL before the first import';
COMMENT ON COLUMN mosaic.storage.block_height IS 'rows of the largest block; NULL before the first import';

CREATE VIEW mosaic.tokenizers WITH (security_barrier) AS
SELECT m.name AS model, t.description ->> 'model' AS kind, (t.description ->> 'tokens')::int AS tokens,
       (t.description ->> 'added_tokens')::int AS added_tokens, (t.description ->> 'special_tokens')::int AS special_tokens,
       coalesce(m.max_tokens, (t.description ->> 'max_length')::int) AS max_length, t.bytes, coalesce(m.truncates, true) AS truncates, k.model_id
FROM mosaic.model k
CROSS JOIN LATERAL (SELECT m.* FROM mosaic.model m WHERE m.model_id = k.model_id AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
CROSS JOIN LATERAL (SELECT t.* FROM mosaic.tokenizer t WHERE t.tokenizer_id = m.tokenizer AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t
WHERE m.replaced IS NULL AND mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.tokenizers IS 'the tokenizers of the models that the current role may use';
COMMENT ON COLUMN mosaic.tokenizers.model IS 'name of the model';
COMMENT ON COLUMN mosaic.tokenizers.kind IS 'how words become tokens: WordPiece, BPE, Unigram or WordLevel';
COMMENT ON COLUMN mosaic.tokenizers.tokens IS 'size of the vocabulary';
COMMENT ON COLUMN mosaic.tokenizers.added_tokens IS 'tokens that are found in the text before anything else';
COMMENT ON COLUMN mosaic.tokenizers.special_tokens IS 'tokens that are set around a text';
COMMENT ON COLUMN mosaic.tokenizers.max_length IS 'tokens that a text has at most; NULL: any number';
COMMENT ON COLUMN mosaic.tokenizers.bytes IS 'length of its content';
COMMENT ON COLUMN mosaic.tokenizers.truncates IS 'whether predictions cut longer texts; false: they are an error';
COMMENT ON COLUMN mosaic.tokenizers.model_id IS 'the model''s identity';

GRANT SELECT ON mosaic.models, mosaic.tensors TO PUBLIC;
GRANT SELECT ON mosaic.tokenizers TO PUBLIC;
GRANT SELECT ON mosaic.storage TO pg_monitor;

CREATE FUNCTION mosaic.model_id(name text) RETURNS int8
  AS 'MODULE_PATHNAME', 'mosaic_pg_model_id' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.model_id(text) IS 'identity of the version of a model that this statement sees; an error where there is none or it may not be used';

SET LOCAL search_path = @extschema@, pg_temp;
