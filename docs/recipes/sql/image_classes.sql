-- What is in the picture? Classes by name, in results, in conditions and in joins.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set signs :data '/signs.csv'
\set network :data '/signs.onnx'
CREATE TABLE picture (id int PRIMARY KEY, sign text, pixels smallint[]);
COPY picture FROM :'signs' (FORMAT csv, HEADER);

-- The names come with the model.
SELECT model, i.tensors FROM import_model('signs', :'network', labels => '{circle,cross,square,line}') i;
SELECT id, predict_class('signs', pixels), predict_label('signs', pixels), sign AS drawn FROM picture ORDER BY id LIMIT 4;

-- How often each is found, and how often it is right.
SELECT predict_label('signs', pixels) AS found, count(*), count(*) FILTER (WHERE sign = predict_label('signs', pixels)) AS right FROM picture GROUP BY found ORDER BY found;
-- What is mistaken for what.
SELECT sign, predict_label('signs', pixels) AS found, count(*) FROM picture WHERE predict_label('signs', pixels) <> sign GROUP BY 1, 2 ORDER BY 1, 2;

-- Only what is sure: the network gives logits, predict_proba makes probabilities of them.
SELECT count(*) AS sure, count(*) FILTER (WHERE found = sign) AS right
  FROM (SELECT sign, key AS found, value::numeric AS p FROM picture, LATERAL (SELECT * FROM jsonb_each_text(predict_proba('signs', pixels))) e) s WHERE p > 0.95;

-- More than a name: a table of the classes. The class is computed once a row, in batches, beneath the join.
CREATE TABLE kind (class int PRIMARY KEY, name text, corners int);
INSERT INTO kind VALUES (0, 'circle', 0), (1, 'cross', 4), (2, 'square', 4), (3, 'line', 2);
ANALYZE;
EXPLAIN (COSTS OFF) SELECT corners, count(*) FROM picture JOIN kind ON class = predict_class('signs', pixels) GROUP BY corners;
SELECT corners, count(*) FROM picture JOIN kind ON class = predict_class('signs', pixels) GROUP BY corners ORDER BY corners;
-- In a condition; and names of your own, without a table.
SELECT count(*) AS round_or_straight FROM picture WHERE predict_label('signs', pixels) IN ('circle', 'line');
SELECT id, (ARRAY['Kreis', 'Kreuz', 'Quadrat', 'Strich'])[1 + predict_class('signs', pixels)] AS auf_deutsch FROM picture ORDER BY id LIMIT 3;

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE picture, kind;
