-- Every night: score what is new, what has changed, and all once more when there is a new model.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set customers :data '/customers.csv'
\set logistic :data '/churn_logistic.onnx'
\set xgboost :data '/churn_xgboost.onnx'
CREATE TABLE customer (id int PRIMARY KEY, plan text, age int, monthly_charge numeric, months int, support_calls int, left_us boolean);
COPY customer FROM :'customers' (FORMAT csv, HEADER);
ALTER TABLE customer ADD changed timestamptz DEFAULT '2026-01-01';
SELECT model, i.tensors FROM import_model('churn', :'logistic') i;
SELECT set_inputs('churn', nulls => '{"age": "NaN", "monthly_charge": "NaN"}', ignore_others => true);

-- A score for each customer, with the version that made it and the state of the row that it was made of.
CREATE TABLE score (customer int PRIMARY KEY REFERENCES customer, risk real NOT NULL, version bigint NOT NULL, row_changed timestamptz NOT NULL);
-- The job, of pg_cron or whatever runs it. The condition stands beneath the model, so that only what has to be scored is.
CREATE FUNCTION score_customers() RETURNS bigint LANGUAGE sql AS $$
  WITH done AS (
    INSERT INTO score
    SELECT c.id, (predict_proba('churn', c) ->> 'leaves')::real, mosaic.model_id('churn'), c.changed
      FROM customer c
     WHERE NOT EXISTS (SELECT FROM score s WHERE s.customer = c.id AND s.version = mosaic.model_id('churn') AND s.row_changed = c.changed)
    ON CONFLICT (customer) DO UPDATE SET risk = excluded.risk, version = excluded.version, row_changed = excluded.row_changed
    RETURNING 1)
  SELECT count(*) FROM done
$$;
EXPLAIN (COSTS OFF) SELECT c.id, predict_proba('churn', c) FROM customer c
 WHERE NOT EXISTS (SELECT FROM score s WHERE s.customer = c.id AND s.version = mosaic.model_id('churn') AND s.row_changed = c.changed);
SELECT score_customers();
SELECT score_customers();
UPDATE customer SET plan = 'family', changed = '2026-02-01' WHERE id IN (3, 5, 8);
INSERT INTO customer VALUES (1001, 'basic', NULL, 20, 1, 4, false, '2026-02-01');
SELECT score_customers();
-- A new version: all rows. What was set of the inputs stays.
SELECT model, i.tensors FROM import_model('churn', :'xgboost', replace => true) i;
SELECT score_customers();
SELECT count(*), count(DISTINCT version) AS versions, round(avg(risk)::numeric, 2) AS risk FROM score;

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE customer, score;
DROP FUNCTION score_customers();
