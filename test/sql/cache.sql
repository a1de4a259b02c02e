-- Rates, residence and prewarming; settings; predictions do not depend on any of it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_base.onnx');
SELECT blocks FROM import_model('dark', :'data' || '/models/fashion_dark.onnx');
CREATE FUNCTION ask(name text, times int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE p text;
BEGIN
  FOR i IN 1..times LOOP
    EXECUTE format('SELECT predict(%L, array_fill(0.5::real, ''{784}''))::text', name) INTO p;
  END LOOP;
  RETURN md5(p);
END $$;

-- nobody asked yet; the pages are where the imports left them
SELECT c.model, c.pages = p.pages AS all_pages, resident = c.pages AS resident, shared_resident > 0 AS shared, hits, reads, rate
  FROM mosaic.cache c JOIN mosaic.model_pages p USING (model) ORDER BY 1;
SELECT * FROM mosaic.cache_classes;
SELECT prewarm_model('base') AS not_there;

-- requests are counted, one for each statement that asks, and their pages
SELECT ask('base', 1) IS NOT NULL AS warm;
SELECT hits AS base_hits, rate AS base_rate FROM mosaic.cache WHERE model = 'base' \gset
SELECT ask('base', 10) = ask('base', 1) AS same, ask('dark', 2) IS NOT NULL AS dark;
SELECT model, hits > 0 AS hits, reads, rate > 0 AS rate FROM mosaic.cache ORDER BY 1;
SELECT hits > 10 * :base_hits AS more_hits, rate > 8 * :base_rate AS higher_rate FROM mosaic.cache WHERE model = 'base';
-- a page's rate is the sum over the models that use it; every page of a model is in a class
SELECT models, pages > 0 AS pages, resident = pages AS resident,
       abs(rate - (SELECT sum(rate) FROM mosaic.cache m WHERE m.model = ANY (c.models))) < 0.01 * rate AS sum_of_rates, kept
  FROM mosaic.cache_classes c ORDER BY models;
SELECT sum(pages) = (SELECT pages FROM mosaic.cache WHERE model = 'base') AS all_in_classes
  FROM mosaic.cache_classes WHERE 'base' = ANY (models);

-- rates decay
SET pg_mosaic.cache_half_life = 1;
SELECT rate AS before FROM mosaic.cache WHERE model = 'base' \gset
SELECT pg_sleep(1.1);
SELECT rate < 0.6 * :before AS decayed, rate > 0 AS not_gone FROM mosaic.cache WHERE model = 'base';
RESET pg_mosaic.cache_half_life;

-- rolled back: nothing changes; dropped, replaced: gone
BEGIN;
SELECT drop_model('dark');
ROLLBACK;
SELECT models FROM mosaic.cache_classes ORDER BY 1;
SELECT drop_model('dark');
SELECT models FROM mosaic.cache_classes GROUP BY 1 ORDER BY 1;
SELECT blocks FROM import_model('base', :'data' || '/models/fashion_dark.onnx', replace => true);
SELECT model, hits, reads, rate FROM mosaic.cache;
SELECT count(*) FROM mosaic.cache_classes;
SELECT ask('base', 2) IS NOT NULL AS again;
SELECT DISTINCT models FROM mosaic.cache_classes;

-- moved pages: known again with the next request
SELECT blocks FROM import_model('shoes', :'data' || '/models/fashion_shoes.onnx');
SELECT drop_model('base');
VACUUM mosaic.block;
SELECT ask('shoes', 2) IS NOT NULL AS asked;
VACUUM FULL mosaic.block;
SELECT ask('shoes', 2) IS NOT NULL AS asked;
SELECT c.models, sum(c.pages) = max(p.pages) AS all_pages FROM mosaic.cache_classes c, mosaic.model_pages p
  WHERE p.model = 'shoes' GROUP BY 1;

-- predictions are the same under any setting
SELECT ask('shoes', 1) AS expected \gset
SET pg_mosaic.cache_policy = off;
SELECT ask('shoes', 1) = :'expected' AS same;
SET pg_mosaic.cache_policy = on;
SET pg_mosaic.cache_half_life = '30d';
SELECT ask('shoes', 1) = :'expected' AS same;
\set VERBOSITY sqlstate
SET pg_mosaic.cache_half_life = 0;
\set VERBOSITY default
RESET pg_mosaic.cache_half_life;

-- settings that affect others are the superuser's; so is seeing all models, but not prewarming one's own
CREATE ROLE mosaic_cache_user;
GRANT USAGE ON SCHEMA mosaic TO mosaic_cache_user;
SET ROLE mosaic_cache_user;
\set VERBOSITY sqlstate
SET pg_mosaic.cache_policy = off;
SET pg_mosaic.cache_half_life = 10;
SELECT * FROM mosaic.cache;
SELECT * FROM mosaic.cache_classes;
SELECT prewarm_model('shoes');
SELECT prewarm_model('nobody');
RESET ROLE;
SELECT grant_model('shoes', 'mosaic_cache_user');
SET ROLE mosaic_cache_user;
SELECT prewarm_model('shoes') AS not_there;
RESET ROLE;
\set VERBOSITY default
DROP EXTENSION pg_mosaic CASCADE;
DROP FUNCTION ask;
DROP ROLE mosaic_cache_user;
