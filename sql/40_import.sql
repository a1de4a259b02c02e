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
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
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
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
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
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from a large object (psql: \lo_import)';

-- With labels, apart: the functions above have the arguments that those of 0.1.0 have, for the grants that dumps give on them.
CREATE FUNCTION import_model(
    name text, path text, labels text[], replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_path_labels' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, text, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX file of the server (needs pg_read_server_files), with the names of its classes';

CREATE FUNCTION import_model(
    name text, content bytea, labels text[], replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_bytea_labels' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, bytea, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from its bytes, with the names of its classes';

CREATE FUNCTION import_model(
    name text, large_object oid, labels text[], replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo_labels' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from a large object, with the names of its classes';

-- With the number of versions that are kept, apart for the same reason.
CREATE FUNCTION import_model(
    name text, path text, keep int, labels text[] DEFAULT NULL, replace bool DEFAULT true, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_path_keep' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX file of the server (needs pg_read_server_files) as a new version, and keeps so many of those before it';

CREATE FUNCTION import_model(
    name text, content bytea, keep int, labels text[] DEFAULT NULL, replace bool DEFAULT true, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_bytea_keep' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from its bytes as a new version, and keeps so many of those before it';

CREATE FUNCTION import_model(
    name text, large_object oid, keep int, labels text[] DEFAULT NULL, replace bool DEFAULT true, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo_keep' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from a large object as a new version, and keeps so many of those before it';

-- With the dimension that counts items.
CREATE FUNCTION import_model(
    name text, path text, batch_axis text, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_path_axis' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX file of the server (needs pg_read_server_files), whose items are counted by this dimension, or "none"';

CREATE FUNCTION import_model(
    name text, content bytea, batch_axis text, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_bytea_axis' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, bytea, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from its bytes, whose items are counted by this dimension, or "none"';

CREATE FUNCTION import_model(
    name text, large_object oid, batch_axis text, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo_axis' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports an ONNX model from a large object, whose items are counted by this dimension, or "none"';

-- New weights on the graph of a stored model. like is not text, so that nothing that calls the functions above by position becomes ambiguous.
CREATE FUNCTION import_model(
    name text, weights text, "like" varchar, base_weights text DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_path_like' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, text, varchar, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports new weights for the graph of a stored model, from a safetensors file of the server (needs pg_read_server_files)';

CREATE FUNCTION import_model(
    name text, weights bytea, "like" varchar, base_weights bytea DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_bytea_like' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, bytea, varchar, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports new weights for the graph of a stored model, from the bytes of a safetensors file';

CREATE FUNCTION import_model(
    name text, weights oid, "like" varchar, base_weights oid DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL, replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_import_lo_like' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_model(text, oid, varchar, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports new weights for the graph of a stored model, from a safetensors file in a large object';

-- LoRA adapters beside the weights of a stored model.
CREATE FUNCTION import_adapter(
    name text, base text, adapter text, base_weights text DEFAULT NULL, config jsonb DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL,
    replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_adapter_path' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_adapter(text, text, text, text, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports a LoRA adapter of a stored model, from a file, or PEFT''s folder, of the server (needs pg_read_server_files)';

CREATE FUNCTION import_adapter(
    name text, base text, adapter bytea, base_weights bytea DEFAULT NULL, config jsonb DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL,
    replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_adapter_bytea' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_adapter(text, text, bytea, bytea, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports a LoRA adapter of a stored model, from its bytes';

CREATE FUNCTION import_adapter(
    name text, base text, adapter oid, base_weights oid DEFAULT NULL, config jsonb DEFAULT NULL, keep int DEFAULT NULL, labels text[] DEFAULT NULL,
    replace bool DEFAULT false, domain text DEFAULT NULL,
    dedup text DEFAULT 'exact', validation text DEFAULT NULL, metric text DEFAULT 'accuracy',
    max_drop float8 DEFAULT 0.01, tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL,
    higher_is_better bool DEFAULT true, reuse bool DEFAULT true, max_weight_error float8 DEFAULT NULL,
    dtype text DEFAULT 'f32',
    OUT model text, OUT tensors int, OUT blocks int, OUT blocks_shared int,
    OUT weight_bytes int8, OUT new_bytes int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_adapter_lo' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION import_adapter(text, text, oid, oid, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) IS 'imports a LoRA adapter of a stored model, from a large object';

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

CREATE FUNCTION revoke_models(role regrole) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_revoke_models' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION revoke_models(regrole) IS 'takes from a role what it was granted on the current role''s models; on how many';

CREATE FUNCTION change_model_owner(name text, role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_change_model_owner' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION change_model_owner(text, regrole) IS 'gives a model to another role';

CREATE FUNCTION reassign_models(old_role regrole, new_role regrole) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_reassign_models' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reassign_models(regrole, regrole) IS 'gives all models and sharing domains of a role (NULL: of roles that are gone) to another, as REASSIGN OWNED does with what is PostgreSQL''s; how many models';

REVOKE ALL ON FUNCTION import_model(text, text, varchar, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, varchar, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, varchar, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_adapter(text, text, text, text, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_adapter(text, text, bytea, bytea, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_adapter(text, text, oid, oid, jsonb, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, text, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, text, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, text, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, bytea, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION import_model(text, oid, int, text[], bool, text, text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_model(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION rename_model(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION grant_model(text, regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION revoke_model(text, regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION revoke_models(regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION change_model_owner(text, regrole) FROM PUBLIC;
REVOKE ALL ON FUNCTION reassign_models(regrole, regrole) FROM PUBLIC;

