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
COMMENT ON FUNCTION predict_class(text, real[]) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, features smallint[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, smallint[]) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, features int[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, int[]) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, features bigint[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, bigint[]) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, features numeric[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, numeric[]) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, features anyarray) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, anyarray) IS 'the class of one item, from 0: where the first output is largest, or what it is if it is one integer; of one other number whether that is 0.5 or more';

CREATE FUNCTION predict_class(model text, VARIADIC features double precision[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, double precision[]) IS 'the class of one item given as columns, from 0; NULL if any is NULL';

CREATE FUNCTION predict_label(model text, features real[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, real[]) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, features smallint[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, smallint[]) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, features int[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, int[]) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, features bigint[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, bigint[]) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, features numeric[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, numeric[]) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, features anyarray) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, anyarray) IS 'the label of the class of one item';

CREATE FUNCTION predict_label(model text, VARIADIC features double precision[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, double precision[]) IS 'the label of the class of one item given as columns; NULL if any is NULL';

-- Without declarations of its own for each element type: nothing is ambiguous with anyarray here.
CREATE FUNCTION predict_proba(model text, features anyarray) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(text, anyarray) IS 'the probabilities of the classes of one item, by label';

CREATE FUNCTION predict_proba(model text, VARIADIC features double precision[]) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(text, double precision[]) IS 'the probabilities of the classes of one item given as columns, by label; NULL if any is NULL';

CREATE FUNCTION set_labels(model text, labels text[]) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_labels' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_labels(text, text[]) IS 'names the classes of a model, from class 0 on; NULL: they have no names';
REVOKE ALL ON FUNCTION set_labels(text, text[]) FROM PUBLIC;

-- Rows: which columns fill which inputs is told by their names, and set_inputs().

CREATE FUNCTION predict(model text, columns record) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, record) IS 'the first output of a model for a row, whose columns are its inputs by name, or those of its one input in order';

CREATE FUNCTION predict_class(model text, columns record) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, record) IS 'the class of a row, from 0';

CREATE FUNCTION predict_label(model text, columns record) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, record) IS 'the label of the class of a row';

CREATE FUNCTION predict_proba(model text, columns record) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(text, record) IS 'the probabilities of the classes of a row, by label';

-- Other outputs than the first.

CREATE FUNCTION predict(model text, features anyarray, output text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_output' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, anyarray, text) IS 'an output of a model, by its name, for one item or a batch of items';

CREATE FUNCTION predict(model text, columns record, output text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_row_output' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, record, text) IS 'an output of a model, by its name, for a row';

CREATE FUNCTION predict_outputs(model text, features anyarray) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_outputs' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_outputs(text, anyarray) IS 'all outputs of a model by name, exactly, for one item';

CREATE FUNCTION predict_outputs(model text, VARIADIC features double precision[]) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_outputs_variadic' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_outputs(text, double precision[]) IS 'all outputs of a model by name, exactly, for one item given as columns; NULL if any is NULL';

CREATE FUNCTION predict_outputs(model text, columns record) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_outputs_row' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_outputs(text, record) IS 'all outputs of a model by name, exactly, for a row';

CREATE FUNCTION set_inputs(model text, columns jsonb DEFAULT NULL, nulls jsonb DEFAULT NULL, ignore_others bool DEFAULT false) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_inputs' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_inputs(text, jsonb, jsonb, bool) IS 'which columns of a row fill the inputs of a model, what NULL is for them, and whether other columns are ignored; without any of them: nothing is said';
REVOKE ALL ON FUNCTION set_inputs(text, jsonb, jsonb, bool) FROM PUBLIC;

CREATE FUNCTION predict(model text, inputs jsonb) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_json' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, jsonb) IS 'all outputs of a model by name, from its inputs by name';

-- Inlined, so that plans batch it too.
CREATE FUNCTION predict(model text, inputs json) RETURNS jsonb
  LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000 RETURN @extschema@.predict(model, inputs::jsonb);
COMMENT ON FUNCTION predict(text, json) IS 'all outputs of a model by name, from its inputs by name';

