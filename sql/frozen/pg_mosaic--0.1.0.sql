\echo Use "CREATE EXTENSION pg_mosaic" to load this file. \quit

-- The catalogs live in schema mosaic; what users call lives in the schema the extension is created in.
CREATE SCHEMA mosaic;
COMMENT ON SCHEMA mosaic IS 'pg_mosaic: the store of model blocks, its catalogs and views';
GRANT USAGE ON SCHEMA mosaic TO PUBLIC;

-- Read by the module, which refuses other catalogs than those it was built for.
CREATE FUNCTION mosaic.catalog_version() RETURNS int4
  AS 'SELECT 1' LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.catalog_version() IS 'version of the extension''s tables and functions, which the module must know';
-- The table access method of the store: heap pages whose tuples keep every payload aligned.

CREATE FUNCTION mosaic.am_handler(internal) RETURNS table_am_handler
  AS 'MODULE_PATHNAME', 'mosaic_pg_am_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION mosaic.am_handler(internal) IS 'handler of the access method mosaic';

CREATE ACCESS METHOD mosaic TYPE TABLE HANDLER mosaic.am_handler;
COMMENT ON ACCESS METHOD mosaic IS 'heap pages of immutable, aligned blocks (block_id int4, data bytea), computed on in place';
-- The store: blocks, what is known of each, and the store's own parameters.
-- No role but the owner may read the tables; functions written in C and the views of 60_views.sql do.

CREATE TABLE mosaic.store (
  only_row       bool        NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
  format_version int4        NOT NULL,
  block_height   int4        NOT NULL CHECK (block_height IN (126, 63, 31)),
  near_tables    int4        NOT NULL,
  near_hashes    int4        NOT NULL,
  near_width     float4      NOT NULL,
  created        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mosaic.store IS 'parameters of the store, fixed by init_store() or the first import; its lock serialises writers';
COMMENT ON COLUMN mosaic.store.only_row IS 'always true: there is one row, or none before the first import';
COMMENT ON COLUMN mosaic.store.format_version IS 'on-disk format of blocks and maps, see docs/page_format.md';
COMMENT ON COLUMN mosaic.store.block_height IS 'rows of 64 bytes in the largest block: 126, 63 or 31 (1, 2 or 4 blocks a page)';
COMMENT ON COLUMN mosaic.store.near_tables IS 'keys of a block in mosaic.near_key';
COMMENT ON COLUMN mosaic.store.near_hashes IS 'hashes joined in a key';
COMMENT ON COLUMN mosaic.store.near_width IS 'width of a hash for each weight of its sample';
COMMENT ON COLUMN mosaic.store.created IS 'when the parameters were fixed';

CREATE SEQUENCE mosaic.block_id_seq AS int4 NO CYCLE;
COMMENT ON SEQUENCE mosaic.block_id_seq IS 'block ids; an id is never used twice';

CREATE TABLE mosaic.block (
  block_id int4  NOT NULL,
  data     bytea NOT NULL
) USING mosaic;
ALTER TABLE mosaic.block ALTER COLUMN data SET STORAGE PLAIN;
-- ANALYZE would copy 30,000 payloads to learn nothing.
ALTER TABLE mosaic.block ALTER COLUMN data SET STATISTICS 0;
ALTER TABLE mosaic.block ADD CONSTRAINT block_pkey PRIMARY KEY (block_id);
COMMENT ON TABLE mosaic.block IS 'the blocks: immutable pieces of weights, computed on in place';
COMMENT ON COLUMN mosaic.block.block_id IS 'identity of the block';
COMMENT ON COLUMN mosaic.block.data IS 'payload in the layout of include/mosaic/page_format.h';

CREATE TABLE mosaic.block_meta (
  block_id int4 NOT NULL CONSTRAINT block_meta_pkey PRIMARY KEY,
  models   int4 NOT NULL CHECK (models > 0),
  geometry int8 NOT NULL,
  hash     uuid NOT NULL,
  domain   int4 NOT NULL
);
-- A hash index: finding and adding a block costs the same however many there are.
CREATE INDEX block_meta_hash_idx ON mosaic.block_meta USING hash (hash);
COMMENT ON TABLE mosaic.block_meta IS 'one row per block: what finds and frees it';
COMMENT ON COLUMN mosaic.block_meta.block_id IS 'the block';
COMMENT ON COLUMN mosaic.block_meta.models IS 'number of models whose maps contain the block; at 0 the block is deleted';
COMMENT ON COLUMN mosaic.block_meta.geometry IS 'element type, layout, rows and columns: dtype | layout << 8 | rows << 16 | cols << 32';
COMMENT ON COLUMN mosaic.block_meta.hash IS 'XXH3-128 over geometry, payload and domain: equal blocks of two domains have nothing in common';
COMMENT ON COLUMN mosaic.block_meta.domain IS 'the sharing domain whose models may use the block';

-- The leaves of a tree: a row for each key, with its btree entry, would take five times the room. A model changes many
-- rows: pages keep room for their next versions, which takes no more than what vacuum would find, and no vacuum.
CREATE TABLE mosaic.near_key (
  first   int8   NOT NULL CONSTRAINT near_key_pkey PRIMARY KEY,
  entries int8[] NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE mosaic.near_key ALTER COLUMN entries SET STORAGE PLAIN, ALTER COLUMN entries SET STATISTICS 0;
COMMENT ON TABLE mosaic.near_key IS 'the index of near duplicates: up to 64 keys of blocks a row, see docs/dedup.md';
COMMENT ON COLUMN mosaic.near_key.first IS 'no entry of the row is less, and none reaches that of the next row';
COMMENT ON COLUMN mosaic.near_key.entries IS 'LSH keys within their sharing domains, each with the block that has it: key << 32 | block_id, ascending';

SELECT pg_catalog.pg_extension_config_dump('mosaic.store', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block_meta', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.near_key', '');

CREATE FUNCTION init_store(
    block_height int DEFAULT 63, near_tables int DEFAULT 3, near_hashes int DEFAULT 8,
    near_width float4 DEFAULT 0.04)
  RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_init_store' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION init_store(int, int, int, float4) IS 'fixes the block height of the store (126, 63 or 31 rows) and how it finds near duplicates, before the first import';
REVOKE ALL ON FUNCTION init_store(int, int, int, float4) FROM PUBLIC;

CREATE FUNCTION mosaic.geometry_bytes(geometry int8) RETURNS int4
  AS 'MODULE_PATHNAME', 'mosaic_pg_geometry_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.geometry_bytes(int8) IS 'bytes that a block of this geometry takes in its page';

CREATE FUNCTION mosaic.map_blocks(map bytea) RETURNS int4[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_map_blocks' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.map_blocks(bytea) IS 'the block ids of a tensor''s map, in the order of the map';

-- Sharing domains, models and their tensors.

CREATE SEQUENCE mosaic.domain_id_seq AS int4 NO CYCLE;
COMMENT ON SEQUENCE mosaic.domain_id_seq IS 'ids of sharing domains; an id is never used twice';

CREATE TABLE mosaic.domain (
  domain_id int4    NOT NULL CONSTRAINT domain_pkey PRIMARY KEY,
  name      text    COLLATE "C" NOT NULL,
  owner     regrole NOT NULL,
  CONSTRAINT domain_name_key UNIQUE (name, owner)
);
COMMENT ON TABLE mosaic.domain IS 'one row per sharing domain in use: only models of one domain share blocks';
COMMENT ON COLUMN mosaic.domain.domain_id IS 'identity of the domain';
COMMENT ON COLUMN mosaic.domain.name IS 'the name that import_model() takes, once in the store; empty: the default domain of its owner';
COMMENT ON COLUMN mosaic.domain.owner IS 'who imported its first model; the members of this role may import into it';

CREATE SEQUENCE mosaic.model_id_seq AS int8 NO CYCLE;
COMMENT ON SEQUENCE mosaic.model_id_seq IS 'model ids; every import, also one that replaces, gets a new one';

CREATE TABLE mosaic.model (
  model_id     int8        NOT NULL CONSTRAINT model_pkey PRIMARY KEY,
  name         text        COLLATE "C" NOT NULL CONSTRAINT model_name_key UNIQUE,
  owner        regrole     NOT NULL,
  domain       int4        NOT NULL,
  readers      regrole[]   NOT NULL,
  created      timestamptz NOT NULL,
  parameters   int8        NOT NULL,
  weight_bytes int8        NOT NULL,
  description  jsonb       NOT NULL,
  graph        bytea       NOT NULL
);
COMMENT ON TABLE mosaic.model IS 'one row per model; a row''s content never changes but for name and readers';
COMMENT ON COLUMN mosaic.model.model_id IS 'identity of this version of the model';
COMMENT ON COLUMN mosaic.model.name IS 'the name that predict() takes';
COMMENT ON COLUMN mosaic.model.owner IS 'who imported it: may drop, replace, rename and grant it';
COMMENT ON COLUMN mosaic.model.domain IS 'its sharing domain';
COMMENT ON COLUMN mosaic.model.readers IS 'roles that may predict with it besides the owner; 0 ("-") means every role';
COMMENT ON COLUMN mosaic.model.created IS 'when it was imported';
COMMENT ON COLUMN mosaic.model.parameters IS 'number of elements of all its floating-point tensors';
COMMENT ON COLUMN mosaic.model.weight_bytes IS 'bytes of all its tensors, unshared and without padding';
COMMENT ON COLUMN mosaic.model.description IS 'inputs, outputs, operators and opset, made at import';
COMMENT ON COLUMN mosaic.model.graph IS 'the graph without weights, see docs/architecture.md';

CREATE TABLE mosaic.tensor (
  model_id     int8   NOT NULL,
  tensor_no    int4   NOT NULL,
  name         text   COLLATE "C" NOT NULL,
  dtype        int2   NOT NULL,
  dims         int8[] NOT NULL,
  layout       int2   NOT NULL,
  stored_dtype int2   NOT NULL,
  transposed   bool   NOT NULL,
  matrix_rows  int8   NOT NULL,
  matrix_cols  int8   NOT NULL,
  block_rows   int4   NOT NULL,
  block_cols   int4   NOT NULL,
  value        bytea,
  map          bytea,
  places       bytea,
  CONSTRAINT tensor_pkey PRIMARY KEY (model_id, tensor_no),
  CONSTRAINT tensor_value_or_map CHECK ((value IS NULL) <> (map IS NULL))
);
-- Maps and places are read whole and hardly compress.
ALTER TABLE mosaic.tensor ALTER COLUMN map SET STORAGE EXTERNAL;
ALTER TABLE mosaic.tensor ALTER COLUMN places SET STORAGE EXTERNAL;
COMMENT ON TABLE mosaic.tensor IS 'one row per tensor of a model; its map names the blocks that hold it';
COMMENT ON COLUMN mosaic.tensor.model_id IS 'the model';
COMMENT ON COLUMN mosaic.tensor.tensor_no IS 'number by which the graph refers to the tensor';
COMMENT ON COLUMN mosaic.tensor.name IS 'its name in the imported file';
COMMENT ON COLUMN mosaic.tensor.dtype IS 'element type in the graph, ONNX number';
COMMENT ON COLUMN mosaic.tensor.dims IS 'shape in the graph';
COMMENT ON COLUMN mosaic.tensor.layout IS '0 inline (small, in value), 1 strip (GEMM operand), 2 row';
COMMENT ON COLUMN mosaic.tensor.stored_dtype IS 'element type in the blocks, ONNX number';
COMMENT ON COLUMN mosaic.tensor.transposed IS 'strip: the matrix is the transpose of dims';
COMMENT ON COLUMN mosaic.tensor.matrix_rows IS 'rows of the stored matrix';
COMMENT ON COLUMN mosaic.tensor.matrix_cols IS 'columns of the stored matrix';
COMMENT ON COLUMN mosaic.tensor.block_rows IS 'rows of the matrix in each block';
COMMENT ON COLUMN mosaic.tensor.block_cols IS 'columns of the matrix in each block';
COMMENT ON COLUMN mosaic.tensor.value IS 'elements of an inline tensor';
COMMENT ON COLUMN mosaic.tensor.map IS 'its block ids, packed: include/mosaic/page_format.h';
COMMENT ON COLUMN mosaic.tensor.places IS 'where each block was seen last: a hint that readers check';

SELECT pg_catalog.pg_extension_config_dump('mosaic.domain_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.domain', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.model', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.tensor', '');

-- Import and administration of models. Not for PUBLIC: who may import is the administrator's choice.

CREATE FUNCTION import_model(
    name text, path text, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_path' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX file of the server (needs pg_read_server_files)';

CREATE FUNCTION import_model(
    name text, content bytea, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_bytea' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, bytea, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from its bytes';

CREATE FUNCTION import_model(
    name text, large_object oid, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from a large object (psql: \lo_import)';

CREATE FUNCTION drop_model(name text) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_drop_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION drop_model(text) IS 'drops a model and the blocks that no other model uses';

CREATE FUNCTION rename_model(name text, new_name text) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_rename_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rename_model(text, text) IS 'gives a model another name';

CREATE FUNCTION grant_model(name text, role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_grant_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION grant_model(text, regrole) IS 'lets a role predict with a model; role 0 means every role';

CREATE FUNCTION revoke_model(name text, role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_revoke_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION revoke_model(text, regrole) IS 'takes back what grant_model() gave';

REVOKE ALL ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_model(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION rename_model(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION grant_model(text, regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION revoke_model(text, regrole) FROM PUBLIC;

-- Prediction. Whom a model may be used by is checked in the functions (grant_model), so PUBLIC may call them.
-- STABLE: the result depends on the model as this statement's snapshot sees it.
--
-- One C function serves all arrays. The element types are declared one by one because a call with an
-- array that casts implicitly to real[] would otherwise be ambiguous with anyarray, which takes the
-- rest: double precision[] (its own declaration is the VARIADIC one), boolean[].

CREATE FUNCTION mosaic.predict_support(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_support' LANGUAGE C STRICT;
COMMENT ON FUNCTION mosaic.predict_support(internal) IS 'tells the planner what a prediction costs; loads the module while the first query is planned';
REVOKE ALL ON FUNCTION mosaic.predict_support(internal) FROM PUBLIC;

CREATE FUNCTION predict(model text, features real[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, real[]) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, features smallint[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, smallint[]) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, features int[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, int[]) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, features bigint[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, bigint[]) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, features numeric[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, numeric[]) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, features anyarray) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, anyarray) IS 'the first output of a model for one item, or for a batch of items (an array with one more dimension)';

CREATE FUNCTION predict(model text, VARIADIC features double precision[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, double precision[]) IS 'the first output of a model for one item given as columns; NULL if any is NULL';

CREATE FUNCTION predict_class(model text, features real[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, real[]) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, features smallint[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, smallint[]) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, features int[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, int[]) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, features bigint[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, bigint[]) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, features numeric[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, numeric[]) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, features anyarray) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, anyarray) IS 'index of the largest value of the first output (argmax) for one item';

CREATE FUNCTION predict_class(model text, VARIADIC features double precision[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, double precision[]) IS 'index of the largest value of the first output (argmax) for one item given as columns; NULL if any is NULL';

CREATE FUNCTION predict(model text, inputs jsonb) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_json' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION predict(text, jsonb) IS 'all outputs of a model by name, from its inputs by name';

-- What there is, for people and monitoring. Views run with the extension owner's rights and show
-- only models that the caller may use.

CREATE FUNCTION mosaic.may_use(owner regrole, readers regrole[]) RETURNS bool
  AS 'MODULE_PATHNAME', 'mosaic_pg_may_use' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.may_use(regrole, regrole[]) IS 'whether the current role may use a model with this owner and these readers';

CREATE FUNCTION mosaic.dtype_name(dtype int2) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_dtype_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.dtype_name(int2) IS 'numpy''s name of an element type given by its ONNX number';

CREATE VIEW mosaic.models WITH (security_barrier) AS
SELECT m.name, m.model_id, m.owner,
       (SELECT nullif(d.name, '') FROM mosaic.domain d WHERE d.domain_id = m.domain) AS domain, m.created,
       m.description -> 'inputs'  AS inputs,
       m.description -> 'outputs' AS outputs,
       (m.description ->> 'opset')::int AS opset,
       m.description -> 'operators' AS operators,
       m.parameters, t.weight_dtype,
       t.tensors,
       b.blocks, b.shared_blocks,
       b.exclusive_bytes, b.total_bytes
FROM mosaic.model m
CROSS JOIN LATERAL (
  SELECT count(*) AS tensors,
         mosaic.dtype_name((array_agg(t.stored_dtype ORDER BY t.matrix_rows * t.matrix_cols DESC, t.tensor_no)
                            FILTER (WHERE t.map IS NOT NULL))[1]) AS weight_dtype
  FROM mosaic.tensor t WHERE t.model_id = m.model_id) t
CROSS JOIN LATERAL (
  SELECT count(*) AS blocks,
         count(*) FILTER (WHERE bm.models > 1) AS shared_blocks,
         coalesce(sum(mosaic.geometry_bytes(bm.geometry)) FILTER (WHERE bm.models = 1), 0)::int8 AS exclusive_bytes,
         coalesce(sum(mosaic.geometry_bytes(bm.geometry)), 0)::int8 AS total_bytes
  FROM (SELECT DISTINCT unnest(mosaic.map_blocks(t.map)) AS block_id
        FROM mosaic.tensor t WHERE t.model_id = m.model_id) ids
  JOIN mosaic.block_meta bm USING (block_id)) b
WHERE mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.models IS 'the models that the current role may use';
COMMENT ON COLUMN mosaic.models.name IS 'the name that predict() takes';
COMMENT ON COLUMN mosaic.models.model_id IS 'identity of this version: every import gets a new one';
COMMENT ON COLUMN mosaic.models.owner IS 'who imported it';
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
COMMENT ON COLUMN mosaic.models.shared_blocks IS 'how many of them other models use too';
COMMENT ON COLUMN mosaic.models.exclusive_bytes IS 'bytes of the blocks that only this model uses: what dropping it frees';
COMMENT ON COLUMN mosaic.models.total_bytes IS 'bytes of all its blocks: what it would take alone';

CREATE VIEW mosaic.tensors WITH (security_barrier) AS
SELECT m.name AS model, t.tensor_no, t.name,
       mosaic.dtype_name(t.dtype) AS dtype, t.dims,
       (ARRAY['inline', 'strip', 'row'])[t.layout + 1] AS layout,
       mosaic.dtype_name(t.stored_dtype) AS stored_dtype,
       t.block_rows, t.block_cols,
       coalesce(b.blocks, 0) AS blocks,
       coalesce(b.shared_blocks, 0) AS shared_blocks,
       coalesce(b.bytes, octet_length(t.value))::int8 AS bytes
FROM mosaic.model m
JOIN mosaic.tensor t USING (model_id)
LEFT JOIN LATERAL (
  SELECT count(*) AS blocks, count(*) FILTER (WHERE bm.models > 1) AS shared_blocks,
         sum(mosaic.geometry_bytes(bm.geometry)) AS bytes
  FROM unnest(mosaic.map_blocks(t.map)) AS ids (block_id)
  JOIN mosaic.block_meta bm USING (block_id)) b ON t.map IS NOT NULL
WHERE mosaic.may_use(m.owner, m.readers);
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
COMMENT ON COLUMN mosaic.tensors.shared_blocks IS 'how many of them belong to other models too';
COMMENT ON COLUMN mosaic.tensors.bytes IS 'bytes of its blocks in their pages, or of its inline value';

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
      FROM mosaic.tensor t
      LEFT JOIN LATERAL unnest(mosaic.map_blocks(t.map)) AS ids (block_id) ON true
      LEFT JOIN mosaic.block_meta bm USING (block_id)) l,
     (SELECT count(*) AS blocks, coalesce(sum(mosaic.geometry_bytes(geometry)), 0)::int8 AS stored_bytes
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

GRANT SELECT ON mosaic.models, mosaic.tensors TO PUBLIC;
GRANT SELECT ON mosaic.storage TO pg_monitor;

CREATE FUNCTION mosaic.model_id(name text) RETURNS int8
  AS 'MODULE_PATHNAME', 'mosaic_pg_model_id' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.model_id(text) IS 'identity of the version of a model that this statement sees; an error where there is none or it may not be used';

CREATE FUNCTION model_info(name text) RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT to_jsonb(m)
         || jsonb_build_object('tensors', (
              SELECT coalesce(jsonb_agg(to_jsonb(t) - 'model' ORDER BY t.tensor_no), '[]')
              FROM mosaic.tensors t WHERE t.model = m.name))
  FROM mosaic.models m WHERE m.model_id = mosaic.model_id(model_info.name);
END;
COMMENT ON FUNCTION model_info(text) IS 'all that is known of a model: inputs, outputs, operators, tensors, sizes';

-- How far long commands are. Everyone sees their own; members of pg_read_all_stats see all.

CREATE VIEW mosaic.progress AS
SELECT s.pid, d.datname,
       (ARRAY['import', 'pack', 'check', 'repair', 'dedup'])[s.param12] AS command,
       (ARRAY['reading maps', 'planning', 'moving blocks', 'writing places', 'storing blocks',
              'verifying blocks', 'repairing', 'searching', 'evaluating', 'writing merges'])[s.param13] AS phase,
       s.param3 AS blocks_done,
       nullif(s.param14, 0) AS blocks_total,
       nullif(s.param15, 0) AS evaluations,
       CASE WHEN s.param15 > 0 AND s.param16 <> '-9223372036854775808'::int8 THEN s.param16 / 1e9::float8 END AS metric
FROM pg_catalog.pg_stat_get_progress_info('COPY') s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
WHERE s.param11 = x'6d6f73616963'::int8;
COMMENT ON VIEW mosaic.progress IS 'imports, packings, checks and deduplications under way in the cluster (needs track_activities)';
COMMENT ON COLUMN mosaic.progress.pid IS 'process id of the backend';
COMMENT ON COLUMN mosaic.progress.datname IS 'its database';
COMMENT ON COLUMN mosaic.progress.command IS 'import, pack, check, repair or dedup';
COMMENT ON COLUMN mosaic.progress.phase IS 'what it is at; NULL while it waits for another writer';
COMMENT ON COLUMN mosaic.progress.blocks_done IS 'blocks done in this phase';
COMMENT ON COLUMN mosaic.progress.blocks_total IS 'blocks that the phase has to do; NULL where that is not known';
COMMENT ON COLUMN mosaic.progress.evaluations IS 'deduplication: evaluations over the validation rows that are done';
COMMENT ON COLUMN mosaic.progress.metric IS 'deduplication: what the last of them measured';
GRANT SELECT ON mosaic.progress TO PUBLIC;

-- Packing: which blocks share a page. Not for PUBLIC: it reads, and may write, the whole store.

CREATE FUNCTION pack_models(
    aim text DEFAULT 'storage', dry_run bool DEFAULT false, give_back bool DEFAULT true,
    OUT model text, OUT blocks int8, OUT bytes int8,
    OUT pages_before int8, OUT pages_after int8, OUT pages_minimum int8,
    OUT runs_before int8, OUT runs_after int8, OUT blocks_moved int8, OUT bytes_moved int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_pack_models' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION pack_models(text, bool, bool) IS 'moves blocks so that models read few pages and the store has few; one row for the store (model NULL) and one per model';
REVOKE ALL ON FUNCTION pack_models(text, bool, bool) FROM PUBLIC;

CREATE FUNCTION mosaic.page_reads(
    OUT model text, OUT blocks int8, OUT bytes int8, OUT pages int8, OUT pages_minimum int8, OUT runs int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_page_reads' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.page_reads() IS 'what the view mosaic.model_pages shows';

CREATE FUNCTION mosaic.sharing_classes(
    OUT models text[], OUT blocks int8, OUT bytes int8, OUT pages int8, OUT pages_minimum int8, OUT fill float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_sharing_classes' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.sharing_classes() IS 'what the view mosaic.pages shows';

REVOKE ALL ON FUNCTION mosaic.page_reads() FROM PUBLIC;
REVOKE ALL ON FUNCTION mosaic.sharing_classes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mosaic.page_reads(), mosaic.sharing_classes() TO pg_monitor;

CREATE VIEW mosaic.model_pages AS
SELECT model, blocks, bytes, pages, pages_minimum, runs FROM mosaic.page_reads();
COMMENT ON VIEW mosaic.model_pages IS 'how many pages each model reads, and how many it would at best';
COMMENT ON COLUMN mosaic.model_pages.model IS 'name of the model';
COMMENT ON COLUMN mosaic.model_pages.blocks IS 'its distinct blocks';
COMMENT ON COLUMN mosaic.model_pages.bytes IS 'bytes that they take in their pages';
COMMENT ON COLUMN mosaic.model_pages.pages IS 'pages that hold one of them or more: what a prediction reads';
COMMENT ON COLUMN mosaic.model_pages.pages_minimum IS 'no packing has the blocks on fewer pages';
COMMENT ON COLUMN mosaic.model_pages.runs IS 'runs of consecutive pages that these form: seeks of a cold read';

CREATE VIEW mosaic.pages AS
SELECT models, blocks, bytes, pages, pages_minimum, fill FROM mosaic.sharing_classes();
COMMENT ON VIEW mosaic.pages IS 'sharing classes: the blocks used by exactly the same models, and the pages they lie on';
COMMENT ON COLUMN mosaic.pages.models IS 'the models that use the blocks; empty: no model does (see check_store)';
COMMENT ON COLUMN mosaic.pages.blocks IS 'number of blocks';
COMMENT ON COLUMN mosaic.pages.bytes IS 'bytes that they take in their pages';
COMMENT ON COLUMN mosaic.pages.pages IS 'pages that hold one of them or more';
COMMENT ON COLUMN mosaic.pages.pages_minimum IS 'no packing has the blocks on fewer pages';
COMMENT ON COLUMN mosaic.pages.fill IS 'part of these pages that the class fills';
GRANT SELECT ON mosaic.model_pages, mosaic.pages TO pg_monitor;

-- Check and repair of the store. Not for PUBLIC: they name models that not everyone may know.

CREATE FUNCTION check_store(OUT problem text, OUT model text, OUT tensor text, OUT block_id int, OUT detail text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_check_store' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION check_store() IS 'reads the whole store and returns what is wrong with it; changes and locks nothing';

CREATE FUNCTION repair_store(OUT problem text, OUT model text, OUT tensor text, OUT block_id int, OUT detail text, OUT repaired bool)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_repair_store' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION repair_store() IS 'repairs what check_store() finds: all but blocks and maps that are lost or damaged';

REVOKE ALL ON FUNCTION check_store() FROM PUBLIC;
REVOKE ALL ON FUNCTION repair_store() FROM PUBLIC;

-- Near duplicates: blocks that are almost equal are stored once, as far as a metric allows.

CREATE FUNCTION dedup_model(
    name text, validation text DEFAULT NULL, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7, max_evaluations int DEFAULT 0,
    metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true, reuse bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL,
    OUT model text, OUT blocks int8, OUT candidates int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_dedup_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dedup_model(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8) IS 'lets blocks of other models of its sharing domain stand in for nearly equal ones of a model, as long as a metric over the rows of a query falls by no more than max_drop';

CREATE FUNCTION plan_dedup(
    name text, validation text, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7, max_evaluations int DEFAULT 0,
    metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true, reuse bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL, curve_points int DEFAULT 0,
    OUT evaluation int, OUT merged int8, OUT bytes int8, OUT value float8, OUT kept bool)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_plan_dedup' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION plan_dedup(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, int) IS 'the curve that dedup_model() would measure: a row for each evaluation; stores nothing';

-- For whom may import models: like that, it decides what a store holds.
REVOKE ALL ON FUNCTION dedup_model(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8),
  plan_dedup(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, int) FROM PUBLIC;
-- What dedup_model() decided, and what it measured on the way: of each model, the last call.

CREATE TABLE mosaic.dedup_run (
    model_id int8 NOT NULL PRIMARY KEY,
    version int8 NOT NULL,
    validation text,
    metric text,
    max_drop float8,
    merged int8[] NOT NULL,
    bytes int8[] NOT NULL,
    value float8[] NOT NULL,
    kept bool[] NOT NULL);
COMMENT ON TABLE mosaic.dedup_run IS 'the last deduplication of each model, and the points it measured; kept for a version that replaces the model';
COMMENT ON COLUMN mosaic.dedup_run.model_id IS 'the model: the version there is';
COMMENT ON COLUMN mosaic.dedup_run.version IS 'the version that it is about: another model_id, where that was replaced since';
COMMENT ON COLUMN mosaic.dedup_run.validation IS 'the validation query; NULL: only weights were bounded';
COMMENT ON COLUMN mosaic.dedup_run.metric IS 'the metric';
COMMENT ON COLUMN mosaic.dedup_run.max_drop IS 'the bound';
COMMENT ON COLUMN mosaic.dedup_run.merged IS 'of each evaluation: blocks merged';
COMMENT ON COLUMN mosaic.dedup_run.bytes IS 'bytes that they took';
COMMENT ON COLUMN mosaic.dedup_run.value IS 'what the metric was';
COMMENT ON COLUMN mosaic.dedup_run.kept IS 'whether the bound was kept';

-- A row for each tensor, whatever the number of its blocks: arrays take a third of what rows would.
CREATE TABLE mosaic.dedup_decision (
    model_id int8 NOT NULL,
    tensor text NOT NULL,
    block int4[] NOT NULL,
    partner int4[] NOT NULL,
    similarity float4[] NOT NULL,
    outcome "char"[] NOT NULL,
    fingerprint int8[] NOT NULL,
    PRIMARY KEY (model_id, tensor));
COMMENT ON TABLE mosaic.dedup_decision IS 'what the last deduplication of a model decided on blocks that have a near duplicate';
COMMENT ON COLUMN mosaic.dedup_decision.model_id IS 'the model: the version there is';
COMMENT ON COLUMN mosaic.dedup_decision.tensor IS 'name of the tensor';
COMMENT ON COLUMN mosaic.dedup_decision.block IS 'places in its map, from 0';
COMMENT ON COLUMN mosaic.dedup_decision.partner IS 'the block that would stand in for each';
COMMENT ON COLUMN mosaic.dedup_decision.similarity IS 'share of weights that are alike';
COMMENT ON COLUMN mosaic.dedup_decision.outcome IS 'm: merged; b: beyond the bound; e: not evaluated; p: beyond the bound for the predecessor';
COMMENT ON COLUMN mosaic.dedup_decision.fingerprint IS 'of the block''s keys: what a later version recognises it by';

SELECT pg_catalog.pg_extension_config_dump('mosaic.dedup_run', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.dedup_decision', '');

CREATE VIEW mosaic.dedup_log WITH (security_barrier) AS
SELECT m.name AS model, d.tensor, b.block, b.partner, b.similarity,
       b.outcome = 'm' AS accepted,
       CASE b.outcome
         WHEN 'm' THEN 'merged'
         WHEN 'b' THEN 'beyond the bound'
         WHEN 'e' THEN 'not evaluated'
         WHEN 'p' THEN 'beyond the bound for the predecessor'
       END AS reason
FROM mosaic.model m
JOIN mosaic.dedup_run r ON r.model_id = m.model_id AND r.version = m.model_id
JOIN mosaic.dedup_decision d ON d.model_id = m.model_id
CROSS JOIN LATERAL ROWS FROM (unnest(d.block), unnest(d.partner), unnest(d.similarity), unnest(d.outcome))
  AS b (block, partner, similarity, outcome)
WHERE pg_catalog.pg_has_role(m.owner, 'USAGE');
COMMENT ON VIEW mosaic.dedup_log IS 'what was decided on the blocks of the current role''s models that have near duplicates';
COMMENT ON COLUMN mosaic.dedup_log.model IS 'name of the model';
COMMENT ON COLUMN mosaic.dedup_log.tensor IS 'name of the tensor';
COMMENT ON COLUMN mosaic.dedup_log.block IS 'place of the block in the tensor, from 0';
COMMENT ON COLUMN mosaic.dedup_log.partner IS 'id of the block that would stand in for it';
COMMENT ON COLUMN mosaic.dedup_log.similarity IS 'share of its weights that are alike';
COMMENT ON COLUMN mosaic.dedup_log.accepted IS 'whether it was merged';
COMMENT ON COLUMN mosaic.dedup_log.reason IS 'why, or why not';
GRANT SELECT ON mosaic.dedup_log TO PUBLIC;

CREATE FUNCTION mosaic.dedup_curve(model text,
    OUT evaluation int, OUT merged int8, OUT bytes int8, OUT value float8, OUT kept bool)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_dedup_curve' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.dedup_curve(text) IS 'what the last dedup_model() of a model measured, as plan_dedup() returns it, by the number of blocks merged; for its owner';
-- Cache: which pages of models are in shared_buffers, and how often they are wanted.

CREATE FUNCTION prewarm_model(name text) RETURNS int8
  AS 'MODULE_PATHNAME', 'mosaic_pg_prewarm_model' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION prewarm_model(text) IS 'reads all pages of a model into shared_buffers; the number of those that were not there';

CREATE FUNCTION mosaic.cache_models(
    OUT model text, OUT pages int8, OUT resident int8, OUT shared_resident int8, OUT hits int8, OUT reads int8, OUT rate float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_cache_models' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.cache_models() IS 'what the view mosaic.cache shows';

CREATE FUNCTION mosaic.cache_sharing_classes(
    OUT model_ids int8[], OUT pages int8, OUT resident int8, OUT hits int8, OUT reads int8, OUT rate float8, OUT kept float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_cache_classes' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.cache_sharing_classes() IS 'what the view mosaic.cache_classes shows, by model_id';

REVOKE ALL ON FUNCTION mosaic.cache_models(), mosaic.cache_sharing_classes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mosaic.cache_models(), mosaic.cache_sharing_classes() TO pg_monitor;

CREATE VIEW mosaic.cache AS
SELECT model, pages, resident, shared_resident, hits, reads, rate FROM mosaic.cache_models();
COMMENT ON VIEW mosaic.cache IS 'each model''s pages in shared_buffers, and how often it is requested';
COMMENT ON COLUMN mosaic.cache.model IS 'name of the model';
COMMENT ON COLUMN mosaic.cache.pages IS 'pages that hold one of its blocks or more';
COMMENT ON COLUMN mosaic.cache.resident IS 'how many of them are in shared_buffers';
COMMENT ON COLUMN mosaic.cache.shared_resident IS 'how many of these other models use too';
COMMENT ON COLUMN mosaic.cache.hits IS 'pages that its requests found there, since the server started';
COMMENT ON COLUMN mosaic.cache.reads IS 'pages that they had to read';
COMMENT ON COLUMN mosaic.cache.rate IS 'requests per second: a mean over some half-lives (pg_mosaic.cache_half_life)';

CREATE VIEW mosaic.cache_classes AS
SELECT ARRAY(SELECT m.name FROM mosaic.model m WHERE m.model_id = ANY (c.model_ids) ORDER BY m.name) AS models,
       pages, resident, hits, reads, rate, kept
FROM mosaic.cache_sharing_classes() c;
COMMENT ON VIEW mosaic.cache_classes IS 'the pages used by the same models, of those that were requested since the server started';
COMMENT ON COLUMN mosaic.cache_classes.models IS 'the models that use the pages';
COMMENT ON COLUMN mosaic.cache_classes.pages IS 'number of pages';
COMMENT ON COLUMN mosaic.cache_classes.resident IS 'how many of them are in shared_buffers';
COMMENT ON COLUMN mosaic.cache_classes.hits IS 'how often one was wanted and was there';
COMMENT ON COLUMN mosaic.cache_classes.reads IS 'how often one was wanted and had to be read';
COMMENT ON COLUMN mosaic.cache_classes.rate IS 'requests per second of all its models together';
COMMENT ON COLUMN mosaic.cache_classes.kept IS 'part of the pages that is to stay; 0 everywhere: left to PostgreSQL';

GRANT SELECT ON mosaic.cache, mosaic.cache_classes TO pg_monitor;

