-- mosaic.report(): a page of HTML. What is in it and for whom; how it looks is tap.115_report's.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE ROLE regress_r_owner;
CREATE ROLE regress_r_reader;
CREATE ROLE regress_r_admin;
CREATE ROLE regress_r_nobody;
SELECT mosaic.grant_admin('regress_r_admin'), mosaic.grant_import('regress_r_owner');
-- the page is well-formed XML, too, so that it can be asked
CREATE FUNCTION page() RETURNS xml LANGUAGE sql AS $$ SELECT xmlparse(document mosaic.report()) $$;
CREATE FUNCTION names(page xml, heading text) RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(n::text COLLATE "C" ORDER BY n::text COLLATE "C") FROM unnest(xpath('//section[h2="' || heading || '"]/table[1]/tbody/tr/th/bdi/text()', page)) n $$;

-- an empty store
SELECT xpath('//h1/bdi/text()', page())::text = '{' || current_database() || '}' AS title, names(page(), 'What models cost') AS names,
       array_length(xpath('//section/h2', page()), 1) AS sections;

-- pieces
SELECT mosaic.report_text(E'<a href="x">''&amp;''</a>\x01\n' || chr(233)), mosaic.report_text(NULL);
SELECT n, mosaic.report_bytes(n), mosaic.report_number(n) FROM unnest('{0, 1, 999, 1000, 999499, 999500, 1500000, 2e9, 3.25e12}'::numeric[]) n;
SELECT mosaic.report_percent(1, 3), mosaic.report_percent(1, 0), mosaic.report_number(0.5), mosaic.report_number(NULL);
-- a state that takes more bytes than it frees is drawn at none, and says so
SELECT x FROM regexp_matches(mosaic.report_curve('[[-200, 0.9, true, 1, null], [0, 0.9, true, 0, null], [800, 0.8, false, 2, null]]'), '(?:cx|points|<title)[=>][^<>]*', 'g') x;
SELECT mosaic.report_bar(200, 50, 100), mosaic.report_bar(0, 0), mosaic.report_bar(10, NULL, 5, 1e-9, -1);

-- sharing: the sums are those of mosaic.models
SELECT pg_read_binary_file(:'data' || '/models/fashion_base.onnx') AS base, pg_read_binary_file(:'data' || '/models/fashion_shoes.onnx') AS shoes,
       pg_read_binary_file(:'data' || '/models/fashion_noise.onnx') AS noise, pg_read_binary_file(:'data' || '/models/iris.onnx') AS iris INTO f;
GRANT SELECT ON f TO PUBLIC;
SELECT blocks, blocks_shared FROM f, import_model('base', base);
SELECT blocks, blocks_shared FROM f, import_model('<script>alert(1)</script>', shoes);
SELECT blocks, blocks_shared FROM f, import_model(E'"><img src=x onerror=''alert(2)''>&amp;\n', base);
SELECT blocks, blocks_shared FROM f, import_model('noise', noise, dedup => 'lossless');
SELECT blocks, blocks_shared FROM f, import_model('noise', base, keep => 1);
SELECT tensors FROM f, import_model('iris', iris);
SELECT set_alias('<b>prod</b>', 'noise@1', 'noise', 0.25);
SELECT models, others, blocks, bytes, stored_bytes < bytes AS smaller, differences FROM mosaic.sharing ORDER BY models;
SELECT m.name, m.total_bytes = sum(s.bytes) AS bytes, m.blocks = sum(s.blocks) AS blocks, m.delta_blocks = sum(s.differences) AS differences,
       m.exclusive_bytes = coalesce(sum(s.stored_bytes) FILTER (WHERE cardinality(s.model_ids) = 1 AND NOT s.others), 0) AS own
  FROM mosaic.models m JOIN mosaic.sharing s ON m.model_id = ANY (s.model_ids) GROUP BY 1, m.total_bytes, m.blocks, m.delta_blocks, m.exclusive_bytes ORDER BY 1;
-- pairs: places of the models, bytes, part of the first; what belongs together stands together
SELECT m.no, m.model ->> 'name' AS name, (m.model ->> 'part')::int AS part FROM jsonb_array_elements(mosaic.report_sharing(10) -> 'models') WITH ORDINALITY m (model, no);
SELECT p FROM jsonb_array_elements(mosaic.report_sharing(10) -> 'pairs') p WHERE (p ->> 0)::int < (p ->> 1)::int;
SELECT k, v FROM jsonb_each(mosaic.report_sharing(2)) j (k, v) WHERE k IN ('all', 'stored', 'users') ORDER BY 1;
SELECT sum((m ->> 'part')::numeric) - (max(s.data #>> '{stored,bytes}'))::numeric BETWEEN -10 AND 10 AS parts_are_the_whole
  FROM (SELECT mosaic.report_sharing(10) AS data) s, jsonb_array_elements(s.data -> 'models') m;

-- names are text everywhere; there is no script, and nothing is fetched
CREATE TABLE x (f real[], c int);
INSERT INTO x SELECT (SELECT array_agg(((i * j) % 97 / 97.0)::real ORDER BY j) FROM generate_series(1, 784) j), i % 10 FROM generate_series(1, 20) i;
SELECT evaluations FROM dedup_model('<script>alert(1)</script>', 'SELECT f, c FROM x', 'accuracy', 0.5);
SELECT model, current, metric, max_drop, evaluations > 0 AS measured FROM mosaic.dedup_runs;
SELECT count(predict_class('<script>alert(1)</script>', f)) FROM x;
SELECT predict('iris', 1, 2);
SELECT names(page(), 'What models cost');
SELECT names(page(), 'Use'), names(page(), 'Versions that are kept'), xpath('//table[preceding-sibling::h3[1]="Aliases"]/tbody/tr/th/bdi/text()', page())::text AS aliases;
SELECT xpath('//figcaption/b/bdi/text()', page())::text AS curves, array_length(xpath('//svg[@class="curve"]/circle', page()), 1) > 0 AS points,
       array_length(xpath('//svg[@class="curve"]/circle', page()), 1) = array_length(xpath('//svg[@class="curve"]/circle/title[contains(text(), " freed: ") and contains(text(), ", standard error 0.")]', page()), 1) AS errors;
SELECT array_length(xpath('//svg[@class="matrix"]/rect[@class="self"]', page()), 1) AS self, array_length(xpath('//svg[@class="matrix"]/rect[@class="cell"]', page()), 1) AS cells;
SELECT xpath('//script | //img | //b[text()="prod"] | //@src | //@href | //@onerror | //link | //iframe', page())::text AS foreign_code,
       mosaic.report() !~* '(url\s*\(|@import|https?:)' AS fetches_nothing, mosaic.report() LIKE '%default-src ''none''; style-src ''unsafe-inline''%' AS policy;
-- no more models than asked for, and at least one
SELECT n, cardinality(names(xmlparse(document mosaic.report(n)), 'What models cost')) FROM unnest('{1, 3, 0, -5, NULL, 1000000}'::int[]) n;

-- everyone sees what the views show them
SET ROLE regress_r_owner;
SELECT blocks, blocks_shared FROM f, import_model('secret of the owner', base);
SELECT grant_model('secret of the owner', 'regress_r_reader');
SELECT count(predict_class('secret of the owner', ARRAY(SELECT i / 784.0 FROM generate_series(1, 784) i)::real[])) FROM generate_series(1, 3);
RESET ROLE;
CREATE FUNCTION seen(OUT role text, OUT costs int, OUT used text[], OUT cache bool, OUT pages bool, OUT names_base bool, OUT names_secret bool, OUT disk bool) LANGUAGE sql AS $$
  SELECT current_user::text, cardinality(names(p, 'What models cost')), names(p, 'Use'), xpath_exists('//section[h2="Cache"]/table', p), xpath_exists('//section[h2="Pages"]/table', p),
         p::text LIKE '%noise%', p::text LIKE '%secret of the owner%', p::text LIKE '%on disk%' FROM page() p $$;
SET ROLE regress_r_owner;
SELECT * FROM seen();
SET ROLE regress_r_reader;
SELECT * FROM seen();
SELECT count(*) FROM mosaic.sharing;
SET ROLE regress_r_nobody;
SELECT * FROM seen();
SET ROLE regress_r_admin;
SELECT * FROM seen();
SELECT count(*), count(DISTINCT m) FROM mosaic.sharing s, unnest(s.models) m;
SELECT * FROM mosaic.dedup_runs;
RESET ROLE;
GRANT pg_monitor TO regress_r_nobody;
SET ROLE regress_r_nobody;
SELECT * FROM seen();
RESET ROLE;

-- what the caller's search_path has does not matter; the encoding of the client is named
CREATE SCHEMA trap;
CREATE FUNCTION trap.report_text(text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE FUNCTION trap.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
SET search_path = trap, mosaic, public, pg_catalog;
SELECT mosaic.report() LIKE '%trapped%' AS trapped;
RESET search_path;
DROP SCHEMA trap CASCADE;
SELECT mosaic.report_charset();
SET client_encoding = 'WIN1252';
SELECT mosaic.report_charset();
RESET client_encoding;

-- nor is the name of a time zone anything but text
SET timezone = '<a<svg onload=alert(1)>3';
SELECT mosaic.report() ~* '<svg onload' AS markup, mosaic.report() ~* '&lt;svg onload' AS said;
RESET timezone;

-- a store whose rows are damaged is an error that says so
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE map IS NOT NULL;
\set VERBOSITY sqlstate
SELECT mosaic.report();
ROLLBACK;
\set VERBOSITY default
DROP FUNCTION seen, page, names;
DROP TABLE f, x;
DROP EXTENSION pg_mosaic CASCADE;
DROP ROLE regress_r_owner, regress_r_reader, regress_r_admin, regress_r_nobody;
