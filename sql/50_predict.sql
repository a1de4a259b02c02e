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

