-- The demo: one table of images, four models, plain SQL. Run by tools/demo.sh;
-- :data is the folder test/data of the checkout.
\set ECHO none
\set QUIET on
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic;
\set QUIET off
\set ECHO queries

\echo '\n-- 1. The extension.'
CREATE EXTENSION pg_mosaic;

\echo '\n-- 2. The data: 10,000 images of 28 x 28 pixels, ten kinds of clothing.'
SELECT label, count(*), round(avg(m)::numeric, 3) AS brightness
  FROM fashion, LATERAL (SELECT avg(p) AS m FROM unnest(pixels) AS p) AS image
  GROUP BY label ORDER BY label;

\echo '\n-- 3. Four models: one classifier and three fine-tunes of it. See how much of each was stored already.'
\set base   :data '/models/fashion_base.onnx'
\set dark   :data '/models/fashion_dark.onnx'
\set noise  :data '/models/fashion_noise.onnx'
\set shoes  :data '/models/fashion_shoes.onnx'
\set pytorch :data '/expected/fashion_accuracy.json'
SELECT * FROM import_model('fashion_base', :'base');
SELECT * FROM import_model('fashion_dark', :'dark');
SELECT * FROM import_model('fashion_noise', :'noise');
SELECT * FROM import_model('fashion_shoes', :'shoes');

\echo '\n-- 4. One prediction: ten scores, and the class with the highest.'
SELECT id, label, predict('fashion_base', pixels) AS scores, predict_class('fashion_base', pixels) AS class
  FROM fashion WHERE id <= 3 ORDER BY id;

\echo '\n-- 5. All 10,000 images with each model.'
\timing on
CREATE TEMP TABLE prediction AS
  SELECT name AS model, id, label, predict_class(name, pixels) AS class
  FROM fashion, (VALUES ('fashion_base'), ('fashion_dark'), ('fashion_noise'), ('fashion_shoes')) AS m (name);
\timing off

\echo '\n-- 6. Accuracy is plain SQL; in_pytorch is what PyTorch counts for the same model and images.'
\echo '-- fashion_shoes was fine-tuned on sandals (5), sneakers (7) and boots (9) only.'
SELECT model, count(*) FILTER (WHERE class = label) AS correct,
       (pg_read_file(:'pytorch')::jsonb -> model ->> 'correct')::int AS in_pytorch,
       round(100.0 * avg((class = label)::int), 2) AS percent,
       round(100.0 * avg((class = label)::int) FILTER (WHERE label IN (5, 7, 9)), 2) AS percent_of_shoes
  FROM prediction GROUP BY model ORDER BY model;

\echo '\n-- 7. In a dark room: the same images at a quarter of the light.'
WITH dark AS MATERIALIZED (
  SELECT id, label, ARRAY(SELECT p * 0.25 FROM unnest(pixels) WITH ORDINALITY AS u (p, i) ORDER BY i)::real[] AS pixels
  FROM fashion WHERE id <= 2000)
SELECT model, round(100.0 * avg((predict_class(model, pixels) = label)::int), 2) AS percent
  FROM dark, (VALUES ('fashion_base'), ('fashion_dark')) AS m (model)
  GROUP BY model ORDER BY model;

\echo '\n-- 8. What the models take on disk: equal blocks are stored once, whichever models they belong to.'
SELECT name, parameters, blocks, shared_blocks, pg_size_pretty(total_bytes) AS alone, pg_size_pretty(exclusive_bytes) AS not_shared
  FROM mosaic.models ORDER BY name;
SELECT models, block_references, blocks, pg_size_pretty(logical_bytes) AS without_sharing,
       pg_size_pretty(stored_bytes) AS with_sharing, ratio, pages
  FROM mosaic.storage;

\echo '\n-- 9. A copy under another name costs no block; dropping a model leaves the others as they are.'
SELECT * FROM import_model('fashion_copy', :'base');
SELECT models, block_references, blocks, ratio, pages FROM mosaic.storage;
SELECT drop_model('fashion_copy');
