-- Statistics: what models are used for.

CREATE FUNCTION mosaic.stat_usage(
    OUT model_id int8, OUT calls int8, OUT rows int8, OUT errors int8, OUT batches int8, OUT batched_rows int8,
    OUT single_plan int8, OUT single_model int8, OUT single_batch int8,
    OUT tokens int8, OUT hits int8, OUT reads int8, OUT seconds float8, OUT last_used timestamptz, OUT since timestamptz)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_stat_usage' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.stat_usage() IS 'what the view mosaic.stat_models shows, of the models that the current role may use and that were used';

CREATE FUNCTION mosaic.stat_reset() RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_stat_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.stat_reset() IS 'sets the counters of mosaic.stat_models to zero, for all models of the database';
REVOKE ALL ON FUNCTION mosaic.stat_reset() FROM PUBLIC;

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.stat_models WITH (security_barrier) AS
SELECT m.name AS model, k.model_id, coalesce(u.calls, 0) AS calls, coalesce(u.rows, 0) AS rows, coalesce(u.errors, 0) AS errors,
       coalesce(u.batches, 0) AS batches, coalesce(u.batched_rows, 0) AS batched_rows,
       coalesce(u.single_plan, 0) AS single_plan, coalesce(u.single_model, 0) AS single_model,
       coalesce(u.single_batch, 0) AS single_batch,
       coalesce(u.tokens, 0) AS tokens, coalesce(u.hits, 0) AS hits, coalesce(u.reads, 0) AS reads,
       coalesce(u.seconds, 0) AS seconds, u.last_used, u.since
FROM mosaic.model k
CROSS JOIN LATERAL (SELECT m.* FROM mosaic.model m WHERE m.model_id = k.model_id AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
LEFT JOIN mosaic.stat_usage() u ON u.model_id = k.model_id
WHERE mosaic.may_use(m.owner, m.readers);
COMMENT ON VIEW mosaic.stat_models IS 'what the models that the current role may use were used for, since the server started or mosaic.stat_reset()';
COMMENT ON COLUMN mosaic.stat_models.model IS 'name of the model';
COMMENT ON COLUMN mosaic.stat_models.model_id IS 'its version: one that replaces it begins at zero';
COMMENT ON COLUMN mosaic.stat_models.calls IS 'calls of predict() and its kin, errors included';
COMMENT ON COLUMN mosaic.stat_models.rows IS 'items that were predicted; a call with an array of items has several';
COMMENT ON COLUMN mosaic.stat_models.errors IS 'calls that ended in an error, or were cancelled';
COMMENT ON COLUMN mosaic.stat_models.batches IS 'how often rows were computed at once';
COMMENT ON COLUMN mosaic.stat_models.batched_rows IS 'rows in these';
COMMENT ON COLUMN mosaic.stat_models.single_plan IS 'rows computed one by one because the plan has no node for the call: EXPLAIN shows where there is one';
COMMENT ON COLUMN mosaic.stat_models.single_model IS 'rows computed one by one because the model mixes its items';
COMMENT ON COLUMN mosaic.stat_models.single_batch IS 'rows computed one by one because no batch can have them, or theirs could not be computed at once: memory, an error of one of them';
COMMENT ON COLUMN mosaic.stat_models.tokens IS 'tokens made of texts';
COMMENT ON COLUMN mosaic.stat_models.hits IS 'pages that predictions found in shared_buffers; one that stays pinned is found once';
COMMENT ON COLUMN mosaic.stat_models.reads IS 'pages that they had to read';
COMMENT ON COLUMN mosaic.stat_models.seconds IS 'running the model, pages included; single rows of microseconds are measured one in sixteen';
COMMENT ON COLUMN mosaic.stat_models.last_used IS 'end of the last statement that used it; NULL: none did';
COMMENT ON COLUMN mosaic.stat_models.since IS 'since when it is counted: its first use, or mosaic.stat_reset()';

GRANT SELECT ON mosaic.stat_models TO PUBLIC;

SET LOCAL search_path = @extschema@, pg_temp;
