-- How far long commands are. Everyone sees their own; members of pg_read_all_stats see all.

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.progress AS
SELECT s.pid, d.datname,
       (ARRAY['import', 'pack', 'check', 'repair', 'dedup'])[s.param12] AS command,
       (ARRAY['reading maps', 'planning', 'moving blocks', 'writing places', 'storing blocks',
              'verifying blocks', 'repairing', 'searching', 'evaluating', 'writing merges'])[s.param13] AS phase,
       s.param3 AS blocks_done,
       nullif(s.param14, 0) AS blocks_total,
       nullif(s.param15, 0) AS evaluations,
       CASE WHEN s.param15 > 0 AND s.param16 <> '-9223372036854775808'::int8 THEN s.param16 / 1e9::float8 END AS metric
FROM pg_catalog.pg_stat_get_progress_info('COPY') s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.datid
WHERE s.param11 = x'6d6f73616963'::int8;
COMMENT ON VIEW mosaic.progress IS 'imports, packings, checks and deduplications under way in the cluster (needs track_activities)';
COMMENT ON COLUMN mosaic.progress.pid IS 'process id of the backend';
COMMENT ON COLUMN mosaic.progress.datname IS 'its database';
COMMENT ON COLUMN mosaic.progress.command IS 'import, pack, check, repair or dedup';
COMMENT ON COLUMN mosaic.progress.phase IS 'what it is at; NULL while it waits for another writer';
COMMENT ON COLUMN mosaic.progress.blocks_done IS 'blocks done in this phase';
COMMENT ON COLUMN mosaic.progress.blocks_total IS 'blocks that the phase has to do; NULL where that is not known';
COMMENT ON COLUMN mosaic.progress.evaluations IS 'deduplication: evaluations over the validation rows that are done';
COMMENT ON COLUMN mosaic.progress.metric IS 'deduplication: what the last of them measured';
GRANT SELECT ON mosaic.progress TO PUBLIC;

SET LOCAL search_path = @extschema@, pg_temp;
