-- mosaic.report(): a page of HTML about the store. Charts are SVG; nothing is fetched, and nothing in it runs.

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

-- ---- pieces of HTML: names come from anywhere, so all text goes through report_text() ----

CREATE FUNCTION mosaic.report_text(t text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN replace(replace(replace(replace(replace(regexp_replace(coalesce(t, ''), '[\x01-\x1f\x7f]', ' ', 'g'), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
COMMENT ON FUNCTION mosaic.report_text(text) IS 'a text as HTML shows it, in attributes too';

CREATE FUNCTION mosaic.report_bytes(bytes numeric) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN abs(bytes) >= 999.5e9 THEN to_char(bytes / 1e12, 'FM999999990.00') || '&#160;TB'
              WHEN abs(bytes) >= 999.5e6 THEN to_char(bytes / 1e9, 'FM990.00') || '&#160;GB'
              WHEN abs(bytes) >= 999.5e3 THEN to_char(bytes / 1e6, 'FM990.0') || '&#160;MB'
              WHEN abs(bytes) >= 999.5 THEN to_char(bytes / 1e3, 'FM990.0') || '&#160;kB'
              ELSE to_char(bytes, 'FM990') || '&#160;B' END;
COMMENT ON FUNCTION mosaic.report_bytes(numeric) IS 'a number of bytes for people';

CREATE FUNCTION mosaic.report_number(n numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(to_char(n, CASE WHEN abs(n) >= 100 OR n = trunc(n) THEN 'FM999,999,999,999,999,990' ELSE 'FM990.0' END), '&#8211;');
COMMENT ON FUNCTION mosaic.report_number(numeric) IS 'a number for people';

CREATE FUNCTION mosaic.report_percent(part numeric, whole numeric) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN coalesce(to_char(100 * part / nullif(whole, 0), 'FM9990') || '&#160;%', '&#8211;');
COMMENT ON FUNCTION mosaic.report_percent(numeric, numeric) IS 'a part in percent';

CREATE FUNCTION mosaic.report_bar(whole numeric, VARIADIC parts numeric[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="p0" width="100" height="10"/>'
         || coalesce(string_agg(format('<rect class="p%s" x="%s" width="%s" height="10"/>', s.no, round(s.x, 2), round(greatest(s.width, 0.4), 2)), ''
                                ORDER BY s.no) FILTER (WHERE s.width > 0), '') || '</svg>'
  FROM (SELECT p.no, 100 * p.part / nullif(report_bar.whole, 0) AS width,
               100 * coalesce(sum(p.part) OVER (ORDER BY p.no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) / nullif(report_bar.whole, 0) AS x
        FROM unnest(report_bar.parts) WITH ORDINALITY AS p (part, no)) s;
END;
COMMENT ON FUNCTION mosaic.report_bar(numeric, numeric[]) IS 'a bar of parts of a whole, as SVG';

CREATE FUNCTION mosaic.report_row(name text, VARIADIC cells text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '<tr><th scope="row" title="' || mosaic.report_text(name) || '"><bdi>' || mosaic.report_text(name) || '</bdi></th><td>'
         || array_to_string(cells, '</td><td>', '') || '</td></tr>' || chr(10);
COMMENT ON FUNCTION mosaic.report_row(text, text[]) IS 'a row of a table: a name and cells of HTML';

CREATE FUNCTION mosaic.report_table(heads text[], rows text, more int8 DEFAULT 0) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN rows IS NULL THEN '<p class="none">There is nothing to show.</p>'
              ELSE '<table><thead><tr><th scope="col">' || array_to_string(heads, '</th><th scope="col">') || '</th></tr></thead><tbody>'
                   || rows || '</tbody></table>'
                   || CASE WHEN more > 0 THEN '<p class="more">and ' || mosaic.report_number(more) || ' more</p>' ELSE '' END END || chr(10);
COMMENT ON FUNCTION mosaic.report_table(text[], text, int8) IS 'a table of HTML, and how many rows it leaves out';

CREATE FUNCTION mosaic.report_section(title text, about text, body text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN '<section><h2>' || title || '</h2><p class="about">' || about || '</p>' || chr(10)
         || coalesce(body, '<p class="none">Not shown: this is for roles with the privileges of <code>pg_monitor</code>, and administrators (<code>mosaic.grant_admin</code>).</p>')
         || '</section>' || chr(10);
COMMENT ON FUNCTION mosaic.report_section(text, text, text) IS 'a section of the page; without a body it says who may see it';

CREATE FUNCTION mosaic.report_key(VARIADIC labels text[]) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT '<p class="key">' || string_agg('<svg viewBox="0 0 10 10" aria-hidden="true"><rect class="p' || k.no || '" width="10" height="10"/></svg>' || k.label, ' ' ORDER BY k.no) || '</p>' || chr(10)
  FROM unnest(report_key.labels) WITH ORDINALITY AS k (label, no) WHERE k.label <> '';
END;
COMMENT ON FUNCTION mosaic.report_key(text[]) IS 'what the colours of bars mean';

-- ---- charts ----

CREATE FUNCTION mosaic.report_matrix(data jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH model AS (
    SELECT m.no::int AS no, m.model ->> 'name' AS name, mosaic.report_bytes((m.model ->> 'bytes')::numeric) AS bytes
    FROM jsonb_array_elements(report_matrix.data -> 'models') WITH ORDINALITY AS m (model, no)
  ), size AS (
    SELECT count(*)::int AS n, CASE WHEN count(*) <= 8 THEN 52 WHEN count(*) <= 16 THEN 36 ELSE 22 END AS cell, 230 AS gap FROM model
  ), cell AS (
    SELECT (p.pair ->> 0)::int AS a, (p.pair ->> 1)::int AS b, (p.pair ->> 2)::numeric AS bytes, (p.pair ->> 3)::numeric AS part
    FROM jsonb_array_elements(report_matrix.data -> 'pairs') AS p (pair)
  ), label AS (
    SELECT string_agg(
      format('<text x="%s" y="%s" text-anchor="end"><title>%s</title>%s <tspan class="no">%s</tspan></text>'
             '<text class="no" x="%s" y="16" text-anchor="middle">%5$s</text>',
             s.gap - 8, 28 + m.no * s.cell - s.cell / 2, mosaic.report_text(m.name),
             mosaic.report_text(CASE WHEN length(m.name) > 28 THEN left(m.name, 26) || '..' ELSE m.name END), m.no,
             s.gap + m.no * s.cell - s.cell / 2), chr(10) ORDER BY m.no) AS svg
    FROM model m, size s
  ), rect AS (
    SELECT string_agg(
      format('<rect class="%s" x="%s" y="%s" width="%s" height="%4$s" fill-opacity="%s"><title>%s</title></rect>',
             CASE WHEN c.a = c.b THEN 'self' ELSE 'cell' END, s.gap + (c.b - 1) * s.cell + 1, 25 + (c.a - 1) * s.cell, s.cell - 2,
             round(0.08 + 0.92 * c.part, 2),
             CASE WHEN c.a = c.b THEN mosaic.report_text(a.name) || ': ' || a.bytes
                  ELSE mosaic.report_text(a.name) || ' shares ' || mosaic.report_bytes(c.bytes) || ' with ' || mosaic.report_text(b.name)
                       || ': ' || mosaic.report_percent(c.part, 1) || ' of its own' END)
      || CASE WHEN s.cell < 36 OR c.a = c.b THEN '' ELSE
           format('<text class="%s" x="%s" y="%s" text-anchor="middle">%s</text>', CASE WHEN c.part > 0.55 THEN 'on' ELSE 'off' END,
                  s.gap + c.b * s.cell - s.cell / 2, 28 + c.a * s.cell - s.cell / 2, to_char(100 * c.part, 'FM990')) END,
      chr(10) ORDER BY c.a, c.b) AS svg
    FROM cell c JOIN model a ON a.no = c.a JOIN model b ON b.no = c.b, size s
  )
  SELECT CASE WHEN s.n = 0 THEN '<p class="none">There is nothing to show.</p>' ELSE
    format('<svg class="matrix" viewBox="0 0 %s %s" width="%1$s" height="%2$s" role="img" aria-label="Which models share blocks">'
           '<rect class="p0" x="%s" y="24" width="%s" height="%4$s"/>%s%s</svg>',
           s.gap + s.n * s.cell + 2, 26 + s.n * s.cell, s.gap, s.n * s.cell, l.svg, r.svg) || chr(10) END
  FROM size s, label l, rect r;
END;
COMMENT ON FUNCTION mosaic.report_matrix(jsonb) IS 'pairs of models and what they share, as a picture in SVG';

CREATE FUNCTION mosaic.report_curve(points jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH point AS (
    SELECT (p.point ->> 0)::numeric AS x, (p.point ->> 1)::numeric AS y, (p.point ->> 2)::bool AS kept, (p.point ->> 3)::int8 AS merged, (p.point ->> 4)::numeric AS error
    FROM jsonb_array_elements(report_curve.points) AS p (point)
  ), span AS (
    SELECT greatest(max(x), 1) AS x, min(y) - (max(y) - min(y)) * 0.08 - 0.0005 AS low, max(y) + (max(y) - min(y)) * 0.08 + 0.0005 AS high FROM point
  ), placed AS (
    SELECT round(56 + 250 * greatest(p.x, 0) / s.x, 1) AS px, round(140 - 124 * (p.y - s.low) / (s.high - s.low), 1) AS py, p.* FROM point p, span s
  )
  SELECT '<svg class="curve" viewBox="0 0 320 176" width="320" height="176" role="img" aria-label="Metric by bytes freed">'
    || '<path class="axis" d="M56 12V140H310"/>'
    || (SELECT string_agg(format('<path class="grid" d="M56 %sH310"/><text x="50" y="%s" text-anchor="end">%s</text>',
                                 140 - 31 * t, 144 - 31 * t, round(s.low + (s.high - s.low) * t / 4, 4)), '')
        FROM span s, unnest('{0,1,2,3,4}'::int[]) t)
    || (SELECT format('<text x="56" y="158" text-anchor="middle">0</text><text x="306" y="158" text-anchor="end">%s</text>'
                      '<text x="181" y="172" text-anchor="middle">bytes freed</text>', mosaic.report_bytes(s.x)) FROM span s)
    || coalesce((SELECT '<polyline class="line" points="' || string_agg(px || ',' || py, ' ' ORDER BY x, merged) || '"/>'
                 FROM placed WHERE kept HAVING count(*) > 1), '')
    || coalesce((SELECT string_agg(format('<circle class="%s" cx="%s" cy="%s" r="3.5"><title>%s blocks, %s freed: %s</title></circle>',
                                          CASE WHEN kept THEN 'kept' ELSE 'beyond' END, px, py, mosaic.report_number(merged), mosaic.report_bytes(x), round(y, 5) || coalesce(', standard error ' || round(error, 5), '')), '')
                 FROM placed), '') || '</svg>';
END;
COMMENT ON FUNCTION mosaic.report_curve(jsonb) IS 'a metric by the bytes that are freed, as SVG; points: [bytes, metric, whether within the bound, blocks, standard error]';

SET LOCAL search_path = @extschema@, pg_temp;
