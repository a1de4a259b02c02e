-- The sections of mosaic.report(), and the page. What a section reads, it reads as the caller.

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION mosaic.report_models(n int8, first text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN n = 0 THEN 'no model'
              ELSE CASE WHEN n > 1 THEN n || ': ' ELSE '' END || array_to_string(first, ', ') || CASE WHEN n > cardinality(first) THEN ', ..' ELSE '' END END;
COMMENT ON FUNCTION mosaic.report_models(int8, text[]) IS 'the models of a group in a few words';

CREATE FUNCTION mosaic.report_costs(data jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT mosaic.report_section('What models cost',
    'Models of your own; administrators see all. Alone: the bytes of all blocks of a model. Its own: what only it uses; dropping it frees that. Its part: its own, and of each shared block what falls to it when all users pay alike.',
    mosaic.report_key('its own', 'its part of what is shared', 'paid by others', CASE WHEN bool_or(m.saved > 0) THEN 'saved by differences' END)
    || mosaic.report_table(ARRAY['model', '', 'alone', 'own', 'part', 'blocks', 'of them differences'],
      string_agg(mosaic.report_row(m.name,
        mosaic.report_bar(max_bytes, m.own, m.part - m.own, greatest(m.bytes - m.part - m.saved, 0), m.saved),
        mosaic.report_bytes(m.bytes), mosaic.report_bytes(m.own), mosaic.report_bytes(m.part),
        mosaic.report_number(m.blocks), mosaic.report_number(m.differences)), '' ORDER BY m.bytes DESC, m.name),
      (report_costs.data #>> '{all,models}')::int8 - count(*)))
  FROM (SELECT x.*, max(x.bytes) OVER () AS max_bytes
        FROM jsonb_to_recordset(report_costs.data -> 'models') AS x
          (name text, bytes numeric, own numeric, part numeric, blocks int8, differences int8, saved numeric)) m;
END;
COMMENT ON FUNCTION mosaic.report_costs(jsonb) IS 'section of mosaic.report(): what models cost';

CREATE FUNCTION mosaic.report_shared(data jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT mosaic.report_section('Who shares blocks with whom',
    'Each row: the part of this model''s bytes that the model of the column has, too, of the largest models.'
    || CASE WHEN jsonb_array_length(report_shared.data -> 'models') <= 16 THEN ' In percent.' ELSE ' The darker, the more; the number is in the title of a cell.' END,
    mosaic.report_matrix(report_shared.data))
  || mosaic.report_section('How many models use a block', 'Of all blocks: those of one model, of two, of three or four, and so on.',
    mosaic.report_key('stored', 'not stored again, since models share')
    || mosaic.report_table(ARRAY['models', '', 'blocks', 'stored', 'alone'], (
      SELECT string_agg(mosaic.report_row(
          CASE WHEN u.most <= 2 THEN u.most::text WHEN u.most = 4 THEN '3 or 4' ELSE u.most / 2 + 1 || ' to ' || u.most END,
          mosaic.report_bar(u.top, u.stored, u.alone - u.stored), mosaic.report_number(u.blocks),
          mosaic.report_bytes(u.stored), mosaic.report_bytes(u.alone)), '' ORDER BY u.most)
      FROM (SELECT (x.u ->> 0)::int8 AS most, (x.u ->> 1)::int8 AS blocks, (x.u ->> 2)::numeric AS stored, (x.u ->> 3)::numeric AS alone,
                   max((x.u ->> 3)::numeric) OVER () AS top
            FROM jsonb_array_elements(report_shared.data -> 'users') AS x (u)) u))
    || '<h3>Groups that save most</h3>'
    || mosaic.report_table(ARRAY['models', '', 'blocks', 'stored', 'alone'], (
      SELECT string_agg(mosaic.report_row(mosaic.report_models(g.users, g.models), mosaic.report_bar(g.top, g.stored, g.alone - g.stored),
          mosaic.report_number(g.blocks), mosaic.report_bytes(g.stored), mosaic.report_bytes(g.alone)), '' ORDER BY g.no)
      FROM (SELECT x.no, (x.g ->> 0)::int8 AS users, ARRAY(SELECT jsonb_array_elements_text(x.g -> 1)) AS models, (x.g ->> 2)::int8 AS blocks,
                   (x.g ->> 3)::numeric AS stored, (x.g ->> 4)::numeric AS alone, max((x.g ->> 4)::numeric) OVER () AS top
            FROM jsonb_array_elements(report_shared.data -> 'groups') WITH ORDINALITY AS x (g, no)) g)));
END;
COMMENT ON FUNCTION mosaic.report_shared(jsonb) IS 'sections of mosaic.report(): which models share blocks, and how many models use a block';

CREATE FUNCTION mosaic.report_pages(models int) RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT mosaic.report_key('filled by the class', 'by others, or free') || mosaic.report_table(ARRAY['used by', '', 'pages', 'at best', 'fill', 'blocks', 'bytes'], (
    SELECT string_agg(mosaic.report_row(
        mosaic.report_models(cardinality(p.models), p.models[:3]),
        mosaic.report_bar(p.top, p.pages * least(p.fill, 1)::numeric, p.pages - p.pages * least(p.fill, 1)::numeric),
        mosaic.report_number(p.pages), mosaic.report_number(p.pages_minimum), mosaic.report_percent(p.fill::numeric, 1),
        mosaic.report_number(p.blocks), mosaic.report_bytes(p.bytes)), '' ORDER BY p.pages DESC, p.models)
    FROM (SELECT c.*, max(c.pages) OVER () AS top FROM mosaic.pages c ORDER BY c.pages DESC, c.models LIMIT report_pages.models) p))
  || '<h3>Pages that a prediction reads</h3>' || mosaic.report_key('pages at best', 'pages more than that')
  || mosaic.report_table(ARRAY['model', '', 'pages', 'at best', 'runs'], (
    SELECT string_agg(mosaic.report_row(p.model, mosaic.report_bar(p.top, p.pages_minimum, p.pages - p.pages_minimum), mosaic.report_number(p.pages),
        mosaic.report_number(p.pages_minimum), mosaic.report_number(p.runs)), '' ORDER BY p.pages DESC, p.model)
    FROM (SELECT m.*, max(m.pages) OVER () AS top FROM mosaic.model_pages m WHERE m.pages > 0 ORDER BY m.pages DESC, m.model LIMIT report_pages.models) p));
END;
COMMENT ON FUNCTION mosaic.report_pages(int) IS 'section of mosaic.report(): how pages are filled';

CREATE FUNCTION mosaic.report_cache(models int) RETURNS text
  LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT mosaic.report_key('in shared_buffers, its own', 'in shared_buffers, shared', 'not there')
    || mosaic.report_table(ARRAY['model', '', 'pages', 'there', 'hits', 'reads', 'requests a second'],
      string_agg(mosaic.report_row(c.model,
        mosaic.report_bar(c.top, c.resident - c.shared_resident, c.shared_resident, c.pages - c.resident), mosaic.report_number(c.pages),
        mosaic.report_percent(c.resident, c.pages), mosaic.report_number(c.hits), mosaic.report_number(c.reads),
        to_char(c.rate, 'FM999,999,990.000')), '' ORDER BY c.rate DESC, c.resident DESC, c.model), max(c.n) - count(*))
  FROM (SELECT m.*, max(m.pages) OVER () AS top, count(*) OVER () AS n FROM mosaic.cache m WHERE m.pages > 0
        ORDER BY m.rate DESC, m.resident DESC, m.model LIMIT report_cache.models) c;
END;
COMMENT ON FUNCTION mosaic.report_cache(int) IS 'section of mosaic.report(): which pages are in shared_buffers';

CREATE FUNCTION mosaic.report_merges(models int) RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT coalesce('<div class="curves">' || string_agg(format(
      '<figure><figcaption><b><bdi>%s</bdi></b><br/>%s%s, %s blocks merged or in fewer bits</figcaption>%s</figure>',
      mosaic.report_text(r.model), mosaic.report_text(coalesce(r.metric, 'weights')),
      coalesce(' may fall by ' || r.max_drop, ''), mosaic.report_number(coalesce(r.merged, 0)), mosaic.report_curve(r.points)), '' ORDER BY r.model)
    || '</div>', '<p class="none">No model was deduplicated with a metric.</p>')
  FROM (SELECT d.model, d.metric, d.max_drop, d.merged,
               (SELECT jsonb_agg(jsonb_build_array(c.bytes, c.value, c.kept, c.merged, c.standard_error) ORDER BY c.merged)
                FROM mosaic.dedup_curve(d.model) c
                WHERE c.value > '-Infinity' AND c.value < 'Infinity') AS points
        FROM (SELECT * FROM mosaic.dedup_runs k WHERE k.current AND k.evaluations > 0 ORDER BY k.merged DESC NULLS LAST, k.model LIMIT report_merges.models) d) r
  WHERE r.points IS NOT NULL;
END;
COMMENT ON FUNCTION mosaic.report_merges(int) IS 'section of mosaic.report(): what merging near duplicates cost';

CREATE FUNCTION mosaic.report_versions(models int) RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT (SELECT mosaic.report_table(ARRAY['version', 'imported', 'replaced', 'alone', 'keeping it costs', 'parameters'],
      string_agg(mosaic.report_row(v.predict_as, to_char(v.created, 'YYYY-MM-DD HH24:MI'), to_char(v.replaced, 'YYYY-MM-DD HH24:MI'),
        mosaic.report_bytes(v.total_bytes), coalesce(mosaic.report_bytes(v.exclusive_bytes), '&#8211;'), mosaic.report_number(v.parameters)), ''
        ORDER BY v.replaced DESC, v.predict_as), max(k.n) - count(*))
    FROM (SELECT x.model_id, count(*) OVER () AS n FROM mosaic.versions x WHERE NOT x.current ORDER BY x.replaced DESC LIMIT report_versions.models) k
    JOIN mosaic.versions v USING (model_id) WHERE NOT v.current)
  || '<h3>Aliases</h3>'
  || (SELECT mosaic.report_table(ARRAY['alias', '', 'means', 'canary', 'its share'],
      string_agg(mosaic.report_row(a.alias, CASE WHEN a.canary IS NULL THEN '' ELSE mosaic.report_bar(1, 1 - a.share::numeric, a.share::numeric) END,
        mosaic.report_text(a.model), coalesce(mosaic.report_text(a.canary), '&#8211;'), mosaic.report_percent(a.share::numeric, 1)), '' ORDER BY a.alias),
      max(a.n) - count(*))
    FROM (SELECT x.*, count(*) OVER () AS n FROM mosaic.aliases x ORDER BY x.alias LIMIT report_versions.models) a);
END;
COMMENT ON FUNCTION mosaic.report_versions(int) IS 'section of mosaic.report(): versions that are kept, and aliases';

CREATE FUNCTION mosaic.report_use(models int) RETURNS text
  LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT mosaic.report_key('', 'from the first use, or the reset, to the last', '')
    || mosaic.report_table(ARRAY['model', coalesce(to_char(min(u.first), 'MM-DD HH24:MI') || ' to now', ''), 'last used', 'calls', 'rows', 'rows an hour', 'one by one', 'seconds', 'errors'],
      string_agg(mosaic.report_row(u.model,
        '<div class="span">' || mosaic.report_bar(u.span, extract(epoch FROM u.since - u.first), greatest(extract(epoch FROM u.last_used - u.since), u.span / 100)) || '</div>',
        to_char(u.last_used, 'YYYY-MM-DD HH24:MI:SS'), mosaic.report_number(u.calls), mosaic.report_number(u.rows),
        mosaic.report_number(round(u.rows * 3600 / greatest(extract(epoch FROM clock_timestamp() - u.since), 1))),
        mosaic.report_percent(u.single_plan + u.single_model + u.single_batch, u.rows),
        to_char(u.seconds, 'FM999,999,990.000'), CASE WHEN u.errors > 0 THEN '<b class="bad">' || mosaic.report_number(u.errors) || '</b>' ELSE '0' END), ''
        ORDER BY u.seconds DESC, u.model), max(u.n) - count(*))
  FROM (SELECT s.*, count(*) OVER () AS n, min(s.since) OVER () AS first,
               greatest(extract(epoch FROM clock_timestamp() - min(s.since) OVER ()), 1) AS span
        FROM mosaic.stat_models s WHERE s.calls > 0 ORDER BY s.seconds DESC, s.model LIMIT report_use.models) u;
END;
COMMENT ON FUNCTION mosaic.report_use(int) IS 'section of mosaic.report(): what models are used for';

-- ---- the page ----

CREATE FUNCTION mosaic.report_style() RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN $css$
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5a6475; --paper: #fff; --rule: #d9dee6; --empty: #eef1f5;
        --one: #1f5fa8; --two: #e0912f; --three: #a9c4e4; --four: #6fae7a; --bad: #b3261e; --on: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa5b5; --paper: #14181e; --rule: #333b47; --empty: #20262f;
          --one: #6ea8ea; --two: #e5a557; --three: #3d5878; --four: #79bd86; --bad: #ff8a80; --on: #10141a; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --rule: #bbb; --empty: #eee;
          --one: #1f5fa8; --two: #e0912f; --three: #a9c4e4; --four: #6fae7a; --bad: #b3261e; --on: #fff; }
  body { max-width: none; font-size: 9pt; } .tiles li { flex-basis: 5.5rem; } tr, figure, svg { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
* { box-sizing: border-box; }
body { margin: 2.5rem auto; padding: 0 1.5rem; max-width: 68rem; background: var(--paper); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; overflow-wrap: anywhere; } h2 { margin: 0; font-size: 1.2rem; } h3 { margin: 1.8rem 0 .4rem; font-size: 1rem; }
header p { margin: .3rem 0 0; color: var(--soft); }
section { margin-top: 2.6rem; border-top: 1px solid var(--rule); padding-top: 1.1rem; }
.about { margin: .2rem 0 1rem; max-width: 46rem; color: var(--soft); } .none, .more { color: var(--soft); font-style: italic; margin: .4rem 0; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.6rem 0 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 8rem; padding: .7rem .9rem; border: 1px solid var(--rule); border-radius: 6px; color: var(--soft); font-size: .85rem; }
.tiles b { display: block; color: var(--ink); font-size: 1.35rem; line-height: 1.3; font-weight: 600; white-space: nowrap; }
table { width: 100%; border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem 0 .28rem 1rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
thead th { color: var(--soft); font-weight: 500; vertical-align: bottom; white-space: normal; }
tbody th { max-width: 18rem; overflow: hidden; text-overflow: ellipsis; font-weight: 500; } th:first-child { text-align: left; padding-left: 0; }
td:nth-child(2):has(.bar) { width: 34%; } .bar { display: block; width: 100%; height: .8rem; min-width: 6rem; border-radius: 2px; }
.key { margin: 0 0 .5rem; color: var(--soft); font-size: .85rem; } .key svg { width: .8em; height: .8em; margin: 0 .4em 0 1.2em; } .key svg:first-child { margin-left: 0; }
.span .p1 { fill: none; } .p0 { fill: var(--empty); } .p1 { fill: var(--one); } .p2 { fill: var(--two); } .p3 { fill: var(--three); } .p4 { fill: var(--four); }
.matrix, .curve { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, "DejaVu Sans", sans-serif; } svg .no { fill: var(--soft); }
.cell { fill: var(--one); } .self { fill: var(--rule); } svg text.on { fill: var(--on); }
.curves { display: flex; flex-wrap: wrap; gap: 1.5rem; } figure { margin: 0; } figcaption { font-size: .87rem; color: var(--soft); max-width: 320px; overflow-wrap: anywhere; } figcaption b { color: var(--ink); }
.axis { stroke: var(--soft); fill: none; } .grid { stroke: var(--rule); } .curve text { font-size: 10px; fill: var(--soft); }
.line { fill: none; stroke: var(--one); stroke-width: 1.5; } .kept { fill: var(--one); } .beyond { fill: var(--paper); stroke: var(--bad); stroke-width: 1.5; } .bad { color: var(--bad); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; } code { font-size: .95em; }
$css$;
COMMENT ON FUNCTION mosaic.report_style() IS 'how mosaic.report() looks: light, dark, printed';

CREATE FUNCTION mosaic.report_charset() RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN current_setting('client_encoding') ~ '^WIN[0-9]+$' THEN replace(current_setting('client_encoding'), 'WIN', 'windows-')
              WHEN current_setting('client_encoding') = 'LATIN1' THEN 'iso-8859-1'
              WHEN current_setting('client_encoding') = 'LATIN9' THEN 'iso-8859-15'
              WHEN current_setting('client_encoding') IN ('EUC_JP', 'EUC_KR', 'BIG5', 'GBK', 'GB18030') THEN replace(current_setting('client_encoding'), '_', '-')
              WHEN current_setting('client_encoding') = 'SJIS' THEN 'shift_jis'
              ELSE 'utf-8' END;
COMMENT ON FUNCTION mosaic.report_charset() IS 'what HTML calls the encoding of the client';

CREATE FUNCTION mosaic.report_head(data jsonb) RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
  RETURN '<header><h1>Models in <bdi>' || mosaic.report_text(current_database()) || '</bdi></h1><p>'
    || mosaic.report_text(to_char(now(), 'YYYY-MM-DD HH24:MI:SS TZ')) || ' &#183; as <bdi>' || mosaic.report_text(current_user::text) || '</bdi> &#183; pg_mosaic '
    || (SELECT mosaic.report_text(e.extversion) FROM pg_catalog.pg_extension e WHERE e.extname = 'pg_mosaic')
    || ' &#183; PostgreSQL ' || mosaic.report_text(current_setting('server_version')) || '</p></header><ul class="tiles">'
    || '<li><b>' || mosaic.report_number((data #>> '{all,models}')::numeric) || '</b>models and versions with blocks</li>'
    || '<li><b>' || mosaic.report_bytes((data #>> '{all,bytes}')::numeric) || '</b>alone</li>'
    || '<li><b>' || mosaic.report_bytes((data #>> '{stored,bytes}')::numeric) || '</b>stored</li>'
    || '<li><b>' || coalesce(to_char((data #>> '{all,bytes}')::numeric / nullif((data #>> '{stored,bytes}')::numeric, 0), 'FM9990.00'), '&#8211;') || '</b>times smaller</li>';
COMMENT ON FUNCTION mosaic.report_head(jsonb) IS 'head of mosaic.report()';

CREATE FUNCTION mosaic.report_store() RETURNS text
  LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT '<li><b>' || mosaic.report_bytes(s.disk_bytes) || '</b>on disk, indexes included</li><li><b>'
    || mosaic.report_percent(s.stored_bytes, s.pages * current_setting('block_size')::numeric) || '</b>of ' || mosaic.report_number(s.pages) || ' pages filled</li>'
  FROM mosaic.storage s;
END;
COMMENT ON FUNCTION mosaic.report_store() IS 'head of mosaic.report(), for who may see the whole store';

CREATE FUNCTION mosaic.report(models int DEFAULT 30) RETURNS text
  LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH few AS MATERIALIZED (
    SELECT least(greatest(coalesce(report.models, 30), 1), 100) AS n
  ), known AS MATERIALIZED (
    SELECT mosaic.report_sharing(f.n) AS data FROM few f
  ), may AS MATERIALIZED (
    SELECT has_table_privilege('mosaic.storage'::regclass, 'SELECT') AS store,
           has_table_privilege('mosaic.pages'::regclass, 'SELECT') AND has_table_privilege('mosaic.model_pages'::regclass, 'SELECT')
             AND has_function_privilege('mosaic.sharing_classes()'::regprocedure, 'EXECUTE')
             AND has_function_privilege('mosaic.page_reads()'::regprocedure, 'EXECUTE') AS pages,
           has_table_privilege('mosaic.cache'::regclass, 'SELECT')
             AND has_function_privilege('mosaic.cache_models()'::regprocedure, 'EXECUTE') AS cache
  )
  SELECT '<!DOCTYPE html>' || chr(10) || '<html lang="en"><head><meta charset="' || mosaic.report_charset() || '"/>'
    || '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''"/>'
    || '<meta name="viewport" content="width=device-width, initial-scale=1"/><title>Models in ' || mosaic.report_text(current_database())
    || '</title><style>' || mosaic.report_style() || '</style></head><body>' || chr(10)
    || mosaic.report_head(k.data) || CASE WHEN m.store THEN mosaic.report_store() ELSE '' END || '</ul>' || chr(10)
    || mosaic.report_costs(k.data) || mosaic.report_shared(k.data)
    || mosaic.report_section('Use', 'Of each version since the server started, or since <code>mosaic.stat_reset()</code>, by the time that it took.', mosaic.report_use(f.n))
    || mosaic.report_section('Cache', 'Which pages of models are in <code>shared_buffers</code>, by how often models are requested now.',
                             CASE WHEN m.cache THEN mosaic.report_cache(f.n) END)
    || mosaic.report_section('Pages', 'Blocks used by the same models, and the pages that they lie on. <code>pack_models()</code> brings them together.',
                             CASE WHEN m.pages THEN mosaic.report_pages(f.n) END)
    || mosaic.report_section('Merges of near duplicates', 'What the last <code>dedup_model()</code>, <code>dedup_ladder()</code> or import measured: filled points kept the bound, hollow ones did not.', mosaic.report_merges(f.n))
    || mosaic.report_section('Versions that are kept', 'What was replaced and can be rolled back to.', mosaic.report_versions(f.n))
    || '<footer>Made by <code>mosaic.report()</code>. Lists show up to ' || f.n || ' models.</footer></body></html>' || chr(10)
  FROM few f, known k, may m;
END;
COMMENT ON FUNCTION mosaic.report(int) IS 'a page of HTML about the models that the current role may see: who shares what, what it costs, what it is used for';

SET LOCAL search_path = @extschema@, pg_temp;
