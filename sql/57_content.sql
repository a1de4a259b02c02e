-- Predictions of a content: what a model is, whatever it is called. Such an answer never changes, so the functions are IMMUTABLE: for generated
-- columns, indexes, constraints.

CREATE FUNCTION content_id(model text) RETURNS uuid
  AS 'MODULE_PATHNAME', 'mosaic_pg_content_id' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION content_id(text) IS 'the id of what a model is, for predict(content uuid, ...): the same in every database, another one as soon as its answers may be others';
REVOKE ALL ON FUNCTION content_id(text) FROM PUBLIC;

CREATE FUNCTION predict(content uuid, features anyarray) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(uuid, anyarray) IS 'the first output of the model with this content, for one item, or a batch';

CREATE FUNCTION predict(content uuid, VARIADIC features double precision[]) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_variadic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(uuid, double precision[]) IS 'the first output of the model with this content, for one item given as columns';

CREATE FUNCTION predict(content uuid, columns record) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_row' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(uuid, record) IS 'the first output of the model with this content, for a row';

CREATE FUNCTION predict(content uuid, input text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(uuid, text) IS 'the first output of the model with this content, for a text';

CREATE FUNCTION predict_class(content uuid, features anyarray) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(uuid, anyarray) IS 'the class of the model with this content, from 0, for one item';

CREATE FUNCTION predict_class(content uuid, VARIADIC features double precision[]) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_variadic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(uuid, double precision[]) IS 'the class of the model with this content, from 0, for one item given as columns';

CREATE FUNCTION predict_class(content uuid, columns record) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_row' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(uuid, record) IS 'the class of the model with this content, from 0, for a row';

CREATE FUNCTION predict_class(content uuid, input text) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(uuid, text) IS 'the class of the model with this content, from 0, for a text';

CREATE FUNCTION predict(content uuid, inputs jsonb) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(uuid, jsonb) IS 'all outputs of the model with this content by name, from its inputs by name';

CREATE FUNCTION predict_label(content uuid, features anyarray) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(uuid, anyarray) IS 'the label of the class of the model with this content, for one item';

CREATE FUNCTION predict_label(content uuid, VARIADIC features double precision[]) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_variadic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(uuid, double precision[]) IS 'the label of the class of the model with this content, for one item given as columns';

CREATE FUNCTION predict_label(content uuid, columns record) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_row' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(uuid, record) IS 'the label of the class of the model with this content, for a row';

CREATE FUNCTION predict_label(content uuid, input text) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(uuid, text) IS 'the label of the class of the model with this content, for a text';

CREATE FUNCTION predict_proba(content uuid, features anyarray) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(uuid, anyarray) IS 'the probabilities of the classes of the model with this content, by label, for one item';

CREATE FUNCTION predict_proba(content uuid, VARIADIC features double precision[]) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_variadic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(uuid, double precision[]) IS 'the probabilities of the classes of the model with this content, by label, for one item given as columns';

CREATE FUNCTION predict_proba(content uuid, columns record) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_row' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(uuid, record) IS 'the probabilities of the classes of the model with this content, by label, for a row';

CREATE FUNCTION predict_proba(content uuid, input text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(uuid, text) IS 'the probabilities of the classes of the model with this content, by label, for a text';

CREATE FUNCTION embed(content uuid, input text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_embed' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION embed(uuid, text) IS 'the vector of a text, of the model with this content';
