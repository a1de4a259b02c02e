-- Text: tokenizers of models, from text to token ids and back.

CREATE SEQUENCE mosaic.tokenizer_id_seq AS int4 NO CYCLE;
COMMENT ON SEQUENCE mosaic.tokenizer_id_seq IS 'ids of tokenizers; an id is never used twice';

CREATE TABLE mosaic.tokenizer (
  tokenizer_id int4  NOT NULL CONSTRAINT tokenizer_pkey PRIMARY KEY,
  hash         uuid  NOT NULL,
  bytes        int4  NOT NULL,
  description  jsonb NOT NULL,
  content      bytea NOT NULL
);
ALTER TABLE mosaic.tokenizer ALTER COLUMN description SET STATISTICS 0;
CREATE INDEX tokenizer_hash_idx ON mosaic.tokenizer (hash);
COMMENT ON TABLE mosaic.tokenizer IS 'one row per tokenizer; models with equal ones have one together; a row never changes';
COMMENT ON COLUMN mosaic.tokenizer.tokenizer_id IS 'identity of the tokenizer';
COMMENT ON COLUMN mosaic.tokenizer.hash IS 'XXH3-128 of the content; verified when a backend first needs it';
COMMENT ON COLUMN mosaic.tokenizer.bytes IS 'length of the content';
COMMENT ON COLUMN mosaic.tokenizer.description IS 'model, number of tokens, maximum length, made when it was set';
COMMENT ON COLUMN mosaic.tokenizer.content IS 'the bytes as they were given: a tokenizer.json, a SentencePiece model or a vocab.txt';

-- Who else has a tokenizer, when a model gives it up.
CREATE INDEX model_tokenizer_idx ON mosaic.model (tokenizer);

SELECT pg_catalog.pg_extension_config_dump('mosaic.tokenizer_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.tokenizer', '');

CREATE FUNCTION set_tokenizer(model text, content bytea, max_tokens int DEFAULT NULL, truncate bool DEFAULT true) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_tokenizer_bytea' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_tokenizer(text, bytea, int, bool) IS 'gives a model a tokenizer: the bytes of a tokenizer.json, a SentencePiece model or a vocab.txt';

CREATE FUNCTION set_tokenizer(model text, path text, max_tokens int DEFAULT NULL, truncate bool DEFAULT true) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_tokenizer_path' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_tokenizer(text, text, int, bool) IS 'gives a model a tokenizer from a file of the server (needs pg_read_server_files)';

CREATE FUNCTION drop_tokenizer(model text) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_drop_tokenizer' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION drop_tokenizer(text) IS 'takes its tokenizer from a model';

REVOKE ALL ON FUNCTION set_tokenizer(text, bytea, int, bool) FROM PUBLIC;
REVOKE ALL ON FUNCTION set_tokenizer(text, text, int, bool) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_tokenizer(text) FROM PUBLIC;

CREATE FUNCTION tokenize(model text, content text, special_tokens bool DEFAULT true, truncate bool DEFAULT true) RETURNS int[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_tokenize' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION tokenize(text, text, bool, bool) IS 'the token ids of a text, as the model''s tokenizer makes them';

CREATE FUNCTION token_count(model text, content text) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_token_count' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION token_count(text, text) IS 'how many tokens a text has for a model, special tokens included, nothing cut';

CREATE FUNCTION detokenize(model text, tokens int[], skip_special_tokens bool DEFAULT true) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_detokenize' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION detokenize(text, int[], bool) IS 'the text of token ids';

CREATE FUNCTION set_pooling(model text, pooling text DEFAULT 'mean', normalized bool DEFAULT false) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_pooling' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_pooling(text, text, bool) IS 'how embed() makes one vector of those of the tokens: mean, cls, max or last; and whether it gets length 1';
REVOKE ALL ON FUNCTION set_pooling(text, text, bool) FROM PUBLIC;

CREATE FUNCTION predict(model text, content text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, text) IS 'the first output of a model for a text';

CREATE FUNCTION predict(model text, content text, second text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict(text, text, text) IS 'the first output of a model for a pair of texts';

CREATE FUNCTION predict_class(model text, content text) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, text) IS 'the class of a text, from 0';

CREATE FUNCTION predict_class(model text, content text, second text) RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_class_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_class(text, text, text) IS 'the class of a pair of texts, from 0';

CREATE FUNCTION predict_label(model text, content text) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, text) IS 'the label of the class of a text';

CREATE FUNCTION predict_label(model text, content text, second text) RETURNS text
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_label_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_label(text, text, text) IS 'the label of the class of a pair of texts';

CREATE FUNCTION predict_proba(model text, content text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(text, text) IS 'the probabilities of the classes of a text, by label';

CREATE FUNCTION predict_proba(model text, content text, second text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_proba_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_proba(text, text, text) IS 'the probabilities of the classes of a pair of texts, by label';

CREATE FUNCTION predict_outputs(model text, content text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_outputs_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_outputs(text, text) IS 'all outputs of a model by name, exactly, for a text';

CREATE FUNCTION predict_outputs(model text, content text, second text) RETURNS jsonb
  AS 'MODULE_PATHNAME', 'mosaic_pg_predict_outputs_text' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION predict_outputs(text, text, text) IS 'all outputs of a model by name, exactly, for a pair of texts';

CREATE FUNCTION embed(model text, content text) RETURNS real[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_embed' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 SUPPORT mosaic.predict_support;
COMMENT ON FUNCTION embed(text, text) IS 'the vector of a text, pooled and normalised as set_pooling() says';
