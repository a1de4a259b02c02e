-- Near duplicates: blocks that are almost equal are stored once, as far as a metric allows.

CREATE FUNCTION dedup_model(
    name text, validation text DEFAULT NULL, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7, max_evaluations int DEFAULT 0,
    metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true, reuse bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL,
    OUT model text, OUT blocks int8, OUT candidates int8, OUT merged int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT evaluations int, OUT seconds float8, OUT standard_error float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_dedup_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dedup_model(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8) IS 'lets blocks of other models of its sharing domain stand in for nearly equal ones of a model, as long as a metric over the rows of a query falls by no more than max_drop';

CREATE FUNCTION plan_dedup(
    name text, validation text, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    tolerance float4 DEFAULT 0.01, min_similarity float8 DEFAULT 0.7, max_evaluations int DEFAULT 0,
    metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true, reuse bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL, curve_points int DEFAULT 0,
    OUT evaluation int, OUT merged int8, OUT bytes int8, OUT value float8, OUT kept bool, OUT standard_error float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_plan_dedup' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION plan_dedup(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, int) IS 'the curve that dedup_model() would measure: a row for each evaluation; stores nothing';

CREATE FUNCTION dedup_ladder(
    name text, validation text DEFAULT NULL, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL,
    OUT model text, OUT blocks int8, OUT candidates int8, OUT merged int8, OUT bits_1 int8, OUT bits_2 int8,
    OUT bits_4 int8, OUT bits_8 int8, OUT lossless int8, OUT bytes_freed int8,
    OUT metric_before float8, OUT metric_after float8, OUT standard_error float8, OUT evaluations int, OUT seconds float8)
  AS 'MODULE_PATHNAME', 'mosaic_pg_dedup_ladder' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION dedup_ladder(text, text, text, float8, int, regproc, bool, float8) IS 'stores blocks of a model as differences of few bits to blocks of others of its sharing domain, or merges them, as long as a metric over the rows of a query falls by no more than max_drop';

CREATE FUNCTION plan_ladder(
    name text, validation text, metric text DEFAULT 'accuracy', max_drop float8 DEFAULT 0.01,
    max_evaluations int DEFAULT 0, metric_function regproc DEFAULT NULL, higher_is_better bool DEFAULT true,
    max_weight_error float8 DEFAULT NULL, curve_points int DEFAULT 0,
    OUT evaluation int, OUT lowered int8, OUT bytes int8, OUT value float8, OUT kept bool, OUT standard_error float8,
    OUT stored int8, OUT shared int8, OUT merged int8, OUT bits_1 int8, OUT bits_2 int8, OUT bits_4 int8, OUT bits_8 int8, OUT lossless int8, OUT as_it_is int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_plan_ladder' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION plan_ladder(text, text, text, float8, int, regproc, bool, float8, int) IS 'the curve that dedup_ladder() would measure, of bytes and the metric over all rungs: a row for each evaluation; stores nothing';

-- For whom may import models: like that, it decides what a store holds.
REVOKE ALL ON FUNCTION dedup_model(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8),
  plan_dedup(text, text, text, float8, float4, float8, int, regproc, bool, bool, float8, int) FROM PUBLIC;
REVOKE ALL ON FUNCTION dedup_ladder(text, text, text, float8, int, regproc, bool, float8),
  plan_ladder(text, text, text, float8, int, regproc, bool, float8, int) FROM PUBLIC;
