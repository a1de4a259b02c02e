-- What mosaic.report() draws and no other view has.

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

-- Who may read mosaic.pages sees there which models share blocks; others see it of models that are all theirs.
CREATE VIEW mosaic.sharing WITH (security_barrier) AS
WITH seen AS (
  SELECT m.model_id FROM (SELECT m.* FROM mosaic.model m WHERE mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m
  WHERE pg_catalog.pg_has_role(m.owner::oid, 'USAGE')
     OR (SELECT pg_catalog.has_table_privilege('mosaic.pages'::regclass, 'SELECT'))
), block AS (
  SELECT u.block_id, array_agg(DISTINCT u.model_id ORDER BY u.model_id) AS model_ids
  FROM (SELECT t.model_id, unnest(mosaic.map_blocks(t.map)) AS block_id
        FROM seen m CROSS JOIN LATERAL (SELECT t.* FROM mosaic.tensor t WHERE t.model_id = m.model_id AND mosaic.is_sound(t.tableoid, t.ctid) OFFSET 0) t WHERE t.map IS NOT NULL) u
  GROUP BY u.block_id)
SELECT ARRAY(SELECT m.name FROM (SELECT m.* FROM mosaic.model m WHERE m.model_id = ANY (c.model_ids) AND mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m ORDER BY m.model_id) AS models,
       c.model_ids, c.others, c.blocks, c.bytes, c.stored_bytes, c.differences
FROM (SELECT b.model_ids, bm.models > cardinality(b.model_ids) AS others, count(*) AS blocks,
             sum(mosaic.geometry_bytes(bm.geometry))::int8 AS bytes,
             sum(coalesce(bm.delta_bytes + 32, mosaic.geometry_bytes(bm.geometry)))::int8 AS stored_bytes,
             count(bm.base) AS differences
      FROM block b JOIN mosaic.block_meta bm USING (block_id)
      GROUP BY b.model_ids, bm.models > cardinality(b.model_ids)) c;
COMMENT ON VIEW mosaic.sharing IS 'the blocks used by the same models and versions, of those that are the current role''s, or of all for whoever may read mosaic.pages';
COMMENT ON COLUMN mosaic.sharing.models IS 'the models and versions that use the blocks, in the order of model_ids';
COMMENT ON COLUMN mosaic.sharing.model_ids IS 'their identities';
COMMENT ON COLUMN mosaic.sharing.others IS 'whether others use the blocks, too: models that are not shown, or differences to them';
COMMENT ON COLUMN mosaic.sharing.blocks IS 'number of blocks';
COMMENT ON COLUMN mosaic.sharing.bytes IS 'bytes that they would take whole: once for all of the models';
COMMENT ON COLUMN mosaic.sharing.stored_bytes IS 'bytes that they take as they are stored';
COMMENT ON COLUMN mosaic.sharing.differences IS 'how many of them are stored as differences to other blocks';

CREATE VIEW mosaic.dedup_runs WITH (security_barrier) AS
SELECT m.name AS model, r.version = m.model_id AS current, r.validation, r.metric, r.max_drop,
       cardinality(r.value) AS evaluations,
       (SELECT max(p.merged) FROM unnest(r.merged, r.kept) AS p (merged, kept) WHERE p.kept) AS merged
FROM (SELECT m.* FROM mosaic.model m WHERE mosaic.is_sound(m.tableoid, m.ctid) OFFSET 0) m CROSS JOIN LATERAL (SELECT r.* FROM mosaic.dedup_run r WHERE r.model_id = m.model_id AND mosaic.is_sound(r.tableoid, r.ctid) OFFSET 0) r
WHERE pg_catalog.pg_has_role(m.owner::oid, 'USAGE');
COMMENT ON VIEW mosaic.dedup_runs IS 'the last deduplication of each model of the current role''s';
COMMENT ON COLUMN mosaic.dedup_runs.model IS 'name of the model';
COMMENT ON COLUMN mosaic.dedup_runs.current IS 'whether it was of the version that there is; mosaic.dedup_curve() has its points then';
COMMENT ON COLUMN mosaic.dedup_runs.validation IS 'the validation query; NULL: only weights were bounded';
COMMENT ON COLUMN mosaic.dedup_runs.metric IS 'the metric';
COMMENT ON COLUMN mosaic.dedup_runs.max_drop IS 'by how much it was allowed to fall';
COMMENT ON COLUMN mosaic.dedup_runs.evaluations IS 'how often it was measured';
COMMENT ON COLUMN mosaic.dedup_runs.merged IS 'most blocks merged within the bound';

GRANT SELECT ON mosaic.sharing, mosaic.dedup_runs TO PUBLIC;

CREATE FUNCTION mosaic.report_sharing(models int) RETURNS jsonb
  LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH class AS MATERIALIZED (
    SELECT row_number() OVER () AS no, s.models, s.model_ids, cardinality(s.model_ids) AS users, s.others,
           s.blocks, s.bytes, s.stored_bytes, s.differences
    FROM mosaic.sharing s
  ), cost AS (
    SELECT u.model_id, min(u.name) AS name, sum(c.blocks) AS blocks, sum(c.bytes) AS bytes,
           coalesce(sum(c.stored_bytes) FILTER (WHERE c.users = 1 AND NOT c.others), 0) AS own,
           sum(c.stored_bytes / c.users::numeric) AS part, sum(c.differences) AS differences,
           sum(c.bytes - c.stored_bytes) AS saved
    FROM class c CROSS JOIN LATERAL unnest(c.model_ids, c.models) AS u (model_id, name)
    GROUP BY u.model_id
  ), chosen AS (
    SELECT c.*, (row_number() OVER (ORDER BY c.bytes DESC, c.name))::int AS rank
    FROM cost c ORDER BY c.bytes DESC, c.name LIMIT report_sharing.models
  ), together AS (
    SELECT k.ranks, sum(k.bytes) AS bytes
    FROM (SELECT array_agg(h.rank) AS ranks, min(c.bytes) AS bytes
          FROM class c CROSS JOIN LATERAL unnest(c.model_ids) AS u (model_id) JOIN chosen h USING (model_id)
          GROUP BY c.no) k
    GROUP BY k.ranks
  ), pair AS (
    SELECT a.rank AS a, b.rank AS b, sum(t.bytes) AS bytes
    FROM together t CROSS JOIN LATERAL unnest(t.ranks) AS a (rank) CROSS JOIN LATERAL unnest(t.ranks) AS b (rank)
    GROUP BY a.rank, b.rank
  ), placed AS (
    -- Beside the largest one that has a quarter of it or more: what belongs together stands together.
    SELECT h.*, (row_number() OVER (ORDER BY l.rank, h.rank))::int AS place
    FROM chosen h JOIN (SELECT p.a, min(p.b) AS rank FROM pair p JOIN chosen h ON h.rank = p.a
                        WHERE p.bytes >= h.bytes / 4 GROUP BY p.a) l ON l.a = h.rank
  )
  SELECT jsonb_build_object(
    'models', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'blocks', p.blocks, 'bytes', p.bytes, 'own', p.own,
                        'part', round(p.part), 'differences', p.differences, 'saved', p.saved) ORDER BY p.place), '[]') FROM placed p),
    'pairs', (SELECT coalesce(jsonb_agg(jsonb_build_array(a.place, b.place, p.bytes, round(p.bytes / a.bytes, 4)) ORDER BY a.place, b.place), '[]')
              FROM pair p JOIN placed a ON a.rank = p.a JOIN placed b ON b.rank = p.b),
    'users', (SELECT coalesce(jsonb_agg(jsonb_build_array(d.most, d.blocks, d.stored_bytes, d.alone) ORDER BY d.most), '[]')
              FROM (SELECT 1 << length(ltrim((c.users - 1)::bit(32)::text, '0')) AS most, sum(c.blocks) AS blocks, sum(c.stored_bytes) AS stored_bytes,
                           sum(c.bytes * c.users) AS alone
                    FROM class c GROUP BY 1) d),
    'groups', (SELECT coalesce(jsonb_agg(jsonb_build_array(g.users, g.models, g.blocks, g.stored_bytes, g.bytes * g.users)), '[]')
               FROM (SELECT c.users, c.models[:3] AS models, c.blocks, c.stored_bytes, c.bytes FROM class c WHERE c.users > 1
                     ORDER BY c.bytes * (c.users - 1) DESC, c.models LIMIT report_sharing.models) g),
    'all', (SELECT jsonb_build_object('models', count(*), 'bytes', coalesce(sum(c.bytes), 0)) FROM cost c),
    'stored', (SELECT jsonb_build_object('blocks', coalesce(sum(c.blocks), 0), 'bytes', coalesce(sum(c.stored_bytes), 0)) FROM class c));
END;
COMMENT ON FUNCTION mosaic.report_sharing(int) IS 'what mosaic.report() draws of mosaic.sharing: the largest models, what pairs of them share, groups that share most, how many models use a block';

SET LOCAL search_path = @extschema@, pg_temp;
