-- Sharing domains, models and their tensors.

CREATE SEQUENCE mosaic.domain_id_seq AS int4 NO CYCLE;
COMMENT ON SEQUENCE mosaic.domain_id_seq IS 'ids of sharing domains; an id is never used twice';

CREATE TABLE mosaic.domain (
  domain_id int4        NOT NULL CONSTRAINT domain_pkey PRIMARY KEY,
  name      text        COLLATE "C" NOT NULL,
  owner     mosaic.role NOT NULL
);
-- Not unique: who takes over from another, or restores the models of roles that are gone, has two default domains.
CREATE INDEX domain_name_idx ON mosaic.domain (name, owner pg_catalog.oid_ops);
CREATE TRIGGER hold_roles BEFORE INSERT OR UPDATE OF owner ON mosaic.domain FOR EACH ROW EXECUTE FUNCTION mosaic.hold_roles();
ALTER TABLE mosaic.domain ENABLE ALWAYS TRIGGER hold_roles;
COMMENT ON TABLE mosaic.domain IS 'one row per sharing domain in use: only models of one domain share blocks';
COMMENT ON COLUMN mosaic.domain.domain_id IS 'identity of the domain';
COMMENT ON COLUMN mosaic.domain.name IS 'the name that import_model() takes, once in the store; empty: the default domain of its owner';
COMMENT ON COLUMN mosaic.domain.owner IS 'who imported its first model, or took it over; the members of this role may import into it';

CREATE SEQUENCE mosaic.model_id_seq AS int8 NO CYCLE;
COMMENT ON SEQUENCE mosaic.model_id_seq IS 'model ids; every import, also one that replaces, gets a new one';

CREATE TABLE mosaic.model (
  model_id     int8        NOT NULL CONSTRAINT model_pkey PRIMARY KEY,
  name         text        COLLATE "C" NOT NULL CONSTRAINT model_name_key UNIQUE,
  owner        mosaic.role NOT NULL,
  domain       int4        NOT NULL,
  readers      mosaic.role[] NOT NULL,
  created      timestamptz NOT NULL,
  parameters   int8        NOT NULL,
  weight_bytes int8        NOT NULL,
  description  jsonb       NOT NULL,
  graph        bytea       NOT NULL,
  checksum     uuid,
  tokenizer    int4,
  labels       text[],
  max_tokens   int4,
  pooling      text,
  normalized   bool,
  input_map    text,
  version      int4,
  predecessor  int4,
  replaced     timestamptz,
  last_version int4,
  content      uuid,
  truncates    bool
);
-- ANALYZE reads what it takes statistics of without a look at it first: arrays and jsonb are for those who look (mosaic.is_sound).
ALTER TABLE mosaic.model ALTER COLUMN readers SET STATISTICS 0, ALTER COLUMN description SET STATISTICS 0, ALTER COLUMN labels SET STATISTICS 0;
CREATE INDEX model_content_idx ON mosaic.model (content);
CREATE TRIGGER hold_roles BEFORE INSERT OR UPDATE OF owner, readers ON mosaic.model FOR EACH ROW EXECUTE FUNCTION mosaic.hold_roles();
ALTER TABLE mosaic.model ENABLE ALWAYS TRIGGER hold_roles;
COMMENT ON TABLE mosaic.model IS 'one row per model, and per version of one that was replaced and is kept; graph and tensors never change, all else may';
COMMENT ON COLUMN mosaic.model.model_id IS 'identity of this version of the model';
COMMENT ON COLUMN mosaic.model.name IS 'the name that predict() takes; of a version that was replaced: model@version';
COMMENT ON COLUMN mosaic.model.owner IS 'who imported it, or was given it: may drop, replace, rename, grant and hand it on';
COMMENT ON COLUMN mosaic.model.domain IS 'its sharing domain';
COMMENT ON COLUMN mosaic.model.readers IS 'roles that may predict with it besides the owner; - means every role';
COMMENT ON COLUMN mosaic.model.created IS 'when it was imported';
COMMENT ON COLUMN mosaic.model.parameters IS 'number of elements of all its floating-point tensors';
COMMENT ON COLUMN mosaic.model.weight_bytes IS 'bytes of all its tensors, unshared and without padding';
COMMENT ON COLUMN mosaic.model.description IS 'inputs, outputs, operators and opset, made at import';
COMMENT ON COLUMN mosaic.model.graph IS 'the graph without weights, see docs/architecture.md';
COMMENT ON COLUMN mosaic.model.checksum IS 'of graph and tensors (mosaic.model_checksum), verified when the model is loaded; NULL: imported by 0.1.0, and not verified';
COMMENT ON COLUMN mosaic.model.tokenizer IS 'what makes its tokens of text (mosaic.tokenizer); kept by versions that replace it';
COMMENT ON COLUMN mosaic.model.labels IS 'names of its classes, from class 0 on (set_labels); kept likewise';
COMMENT ON COLUMN mosaic.model.max_tokens IS 'to how many tokens texts are cut; NULL: as the tokenizer says; kept likewise';
COMMENT ON COLUMN mosaic.model.pooling IS 'how the vectors of tokens become that of a text (set_pooling); NULL: mean; kept likewise';
COMMENT ON COLUMN mosaic.model.normalized IS 'whether vectors of texts get length 1; NULL: no; kept likewise';
COMMENT ON COLUMN mosaic.model.input_map IS 'which columns of a row fill its inputs, and what NULL is (set_inputs), as JSON; kept likewise';
COMMENT ON COLUMN mosaic.model.version IS 'number of the version among those of its name; NULL: 1';
COMMENT ON COLUMN mosaic.model.predecessor IS 'number of the version that it replaced or, where that was not kept, of what that replaced';
COMMENT ON COLUMN mosaic.model.replaced IS 'when it was replaced, and kept; NULL: it is the current version';
COMMENT ON COLUMN mosaic.model.last_version IS 'of the current version: the highest number that was given; NULL: version';
COMMENT ON COLUMN mosaic.model.truncates IS 'false: texts of more tokens are an error instead of being cut; kept likewise';
COMMENT ON COLUMN mosaic.model.content IS 'over all that its answers depend on, the same in every database (content_id); NULL: not asked for since it changed';

CREATE FUNCTION mosaic.model_checksum(model_id int8) RETURNS uuid
  AS 'MODULE_PATHNAME', 'mosaic_pg_model_checksum' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mosaic.model_checksum(int8) IS 'XXH3-128 over a model''s graph and its tensors'' rows, maps included, as they are now; NULL where they cannot be read';
REVOKE ALL ON FUNCTION mosaic.model_checksum(int8) FROM PUBLIC;

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
ALTER TABLE mosaic.tensor ALTER COLUMN dims SET STATISTICS 0;
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

