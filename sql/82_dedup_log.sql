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
    kept bool[] NOT NULL,
    standard_error float8[]);
ALTER TABLE mosaic.dedup_run ALTER COLUMN merged SET STATISTICS 0, ALTER COLUMN bytes SET STATISTICS 0, ALTER COLUMN value SET STATISTICS 0,
    ALTER COLUMN kept SET STATISTICS 0, ALTER COLUMN standard_error SET STATISTICS 0;
COMMENT ON TABLE mosaic.dedup_run IS 'the last deduplication of each model, and the points it measured; kept for a version that replaces the model';
COMMENT ON COLUMN mosaic.dedup_run.model_id IS 'the model: the version there is';
COMMENT ON COLUMN mosaic.dedup_run.version IS 'the version that it is about: another model_id, where that was replaced since';
COMMENT ON COLUMN mosaic.dedup_run.validation IS 'the validation query; NULL: only weights were bounded';
COMMENT ON COLUMN mosaic.dedup_run.metric IS 'the metric';
COMMENT ON COLUMN mosaic.dedup_run.max_drop IS 'the bound';
COMMENT ON COLUMN mosaic.dedup_run.merged IS 'of each evaluation: blocks merged; down the ladder also those that are differences of few bits';
COMMENT ON COLUMN mosaic.dedup_run.bytes IS 'bytes that this frees in the store, net of the differences that are stored; negative where those take more; measured before 0.2.0: bytes that the blocks merged took';
COMMENT ON COLUMN mosaic.dedup_run.value IS 'what the metric was';
COMMENT ON COLUMN mosaic.dedup_run.kept IS 'whether the bound was kept';
COMMENT ON COLUMN mosaic.dedup_run.standard_error IS 'of the metric, NaN where that is not known; NULL: measured before 0.2.0';

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
ALTER TABLE mosaic.dedup_decision ALTER COLUMN block SET STATISTICS 0, ALTER COLUMN partner SET STATISTICS 0, ALTER COLUMN similarity SET STATISTICS 0,
    ALTER COLUMN outcome SET STATISTICS 0, ALTER COLUMN fingerprint SET STATISTICS 0;
COMMENT ON TABLE mosaic.dedup_decision IS 'what the last deduplication of a model decided on blocks that have a near duplicate';
COMMENT ON COLUMN mosaic.dedup_decision.model_id IS 'the model: the version there is';
COMMENT ON COLUMN mosaic.dedup_decision.tensor IS 'name of the tensor';
COMMENT ON COLUMN mosaic.dedup_decision.block IS 'places in its map, from 0';
COMMENT ON COLUMN mosaic.dedup_decision.partner IS 'the block that would stand in for each';
COMMENT ON COLUMN mosaic.dedup_decision.similarity IS 'share of weights that are alike';
COMMENT ON COLUMN mosaic.dedup_decision.outcome IS 'm: merged; b: beyond the bound; e: not evaluated; p: beyond the bound for the predecessor; down the ladder also 1, 2, 4, 8: bits of a weight; l: lossless; w: as it was';
COMMENT ON COLUMN mosaic.dedup_decision.fingerprint IS 'of the block''s keys: what a later version recognises it by';

SELECT pg_catalog.pg_extension_config_dump('mosaic.dedup_run', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.dedup_decision', '');

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.dedup_log WITH (security_barrier) AS
SELECT m.name AS model, d.tensor, b.block, b.partner, b.similarity,
       b.outcome IN ('m', '1', '2', '4', '8', 'l') AS accepted,
       CASE b.outcome
         WHEN 'm' THEN 'merged'
         WHEN 'b' THEN 'beyond the bound'
         WHEN 'e' THEN 'not evaluated'
         WHEN 'p' THEN 'beyond the bound for the predecessor'
         WHEN '1' THEN '1 bit a weight'
         WHEN '2' THEN '2 bits a weight'
         WHEN '4' THEN '4 bits a weight'
         WHEN '8' THEN '8 bits a weight'
         WHEN 'l' THEN 'lossless difference'
         WHEN 'w' THEN 'as it was'
       END AS reason
FROM (SELECT m.* FROM mosaic.model m WHERE mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
CROSS JOIN LATERAL (SELECT r.* FROM mosaic.dedup_run r WHERE r.model_id = m.model_id AND mosaic.is_sound(r.tableoid, r.ctid) OFFSET 0) r
CROSS JOIN LATERAL (SELECT d.* FROM mosaic.dedup_decision d WHERE d.model_id = m.model_id AND mosaic.is_sound(d.tableoid, d.ctid) OFFSET 0) d
CROSS JOIN LATERAL ROWS FROM (unnest(d.block), unnest(d.partner), unnest(d.similarity), unnest(d.outcome))
  AS b (block, partner, similarity, outcome)
WHERE r.version = m.model_id AND pg_catalog.pg_has_role(m.owner::oid, 'USAGE');
COMMENT ON VIEW mosaic.dedup_log IS 'what was decided on the blocks of the current role''s models that have near duplicates';
COMMENT ON COLUMN mosaic.dedup_log.model IS 'name of the model';
COMMENT ON COLUMN mosaic.dedup_log.tensor IS 'name of the tensor';
COMMENT ON COLUMN mosaic.dedup_log.block IS 'place of the block in the tensor, from 0';
COMMENT ON COLUMN mosaic.dedup_log.partner IS 'id of the block that would stand in for it, or that it is a difference to';
COMMENT ON COLUMN mosaic.dedup_log.similarity IS 'share of its weights that are alike';
COMMENT ON COLUMN mosaic.dedup_log.accepted IS 'whether it was merged, or became a difference to its partner';
COMMENT ON COLUMN mosaic.dedup_log.reason IS 'why, or why not';
GRANT SELECT ON mosaic.dedup_log TO PUBLIC;

SET LOCAL search_path = @extschema@, pg_temp;

CREATE FUNCTION mosaic.dedup_curve(model text,
    OUT evaluation int, OUT merged int8, OUT bytes int8, OUT value float8, OUT kept bool, OUT standard_error float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_dedup_curve' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.dedup_curve(text) IS 'what the last dedup_model() of a model measured, as plan_dedup() returns it, or the last dedup_ladder() (merged: blocks that lose something), by the number of blocks merged; bytes: that are freed; for its owner';
