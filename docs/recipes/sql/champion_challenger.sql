-- Is the new model better? Both answer the same rows; the better one takes the name that the queries use.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set customers :data '/customers.csv'
\set logistic :data '/churn_logistic.onnx'
\set xgboost :data '/churn_xgboost.onnx'
CREATE TABLE customer (id int PRIMARY KEY, plan text, age int, monthly_charge numeric, months int, support_calls int, left_us boolean);
COPY customer FROM :'customers' (FORMAT csv, HEADER);
SELECT model, i.tensors FROM import_model('churn', :'logistic') i;
SELECT model, i.tensors FROM import_model('churn_next', :'xgboost') i;
SELECT set_inputs(m, nulls => '{"age": "NaN", "monthly_charge": "NaN"}', ignore_others => true) FROM unnest('{churn,churn_next}'::text[]) m;

-- Both in one pass over the table: accuracy, Brier score (mean squared error of the probability; smaller is better), and where they disagree.
CREATE VIEW duel AS
SELECT m.model, left_us, (p ->> 'leaves')::float8 AS p, id
  FROM customer c, LATERAL (VALUES ('churn', predict_proba('churn', c)), ('churn_next', predict_proba('churn_next', c))) m (model, p);
SELECT model, round(avg(((p >= 0.5) = left_us)::int), 3) AS accuracy, round(avg((p - left_us::int) ^ 2)::numeric, 3) AS brier FROM duel GROUP BY model ORDER BY model;
SELECT count(*) AS disagree, count(*) FILTER (WHERE (new >= 0.5) = left_us) AS challenger_is_right
  FROM (SELECT left_us, (predict_proba('churn', c) ->> 'leaves')::float8 AS old, (predict_proba('churn_next', c) ->> 'leaves')::float8 AS new FROM customer c) s
 WHERE (old >= 0.5) <> (new >= 0.5);

-- A few of the users get the challenger's answers, always the same ones; the name of the model may be any expression.
-- (Without a change of the queries: SELECT set_alias('churn_live', 'churn', 'churn_next', 0.1), docs/versions.md.)
SELECT model, count(*) AS customers, round(avg(p)::numeric, 2) AS expected, round(avg(left_us::int), 2) AS happened
  FROM (SELECT m AS model, left_us, (predict_proba(m, c) ->> 'leaves')::float8 AS p
          FROM customer c, LATERAL (SELECT CASE WHEN hashint4(c.id) % 10 = 0 THEN 'churn_next' ELSE 'churn' END AS m) m) s
 GROUP BY model ORDER BY model;

-- The change is a transaction: whoever asks for "churn" gets the one or the other, never none. The old one stays at hand.
BEGIN;
SELECT rename_model('churn', 'churn_before');
SELECT rename_model('churn_next', 'churn');
COMMIT;
SELECT round(avg(((predict_label('churn', c) = 'leaves') = left_us)::int), 3) AS accuracy FROM customer c;

DROP VIEW duel;
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE customer;
