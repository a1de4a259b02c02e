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

CREATE FUNCTION mosaic.pin_shares() RETURNS int
  AS 'MODULE_PATHNAME', 'mosaic_pg_pin_shares' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.pin_shares() IS 'how many of the 16 shares of half of shared_buffers queries of this server keep pinned now';

REVOKE ALL ON FUNCTION mosaic.cache_models(), mosaic.cache_sharing_classes() FROM PUBLIC;
REVOKE ALL ON FUNCTION mosaic.pin_shares() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mosaic.cache_models(), mosaic.cache_sharing_classes() TO pg_monitor;
GRANT EXECUTE ON FUNCTION mosaic.pin_shares() TO pg_monitor;

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

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
SELECT ARRAY(SELECT m.name FROM (SELECT m.* FROM mosaic.model m WHERE m.model_id = ANY (c.model_ids) AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m ORDER BY m.name) AS models,
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

SET LOCAL search_path = @extschema@, pg_temp;
