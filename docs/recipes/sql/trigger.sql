-- Each row is scored when it comes in, and when what the score depends on changes.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set xgboost :data '/churn_xgboost.onnx'
SELECT model, i.tensors FROM import_model('churn', :'xgboost') i;
SELECT set_inputs('churn', nulls => '{"age": "NaN", "monthly_charge": "NaN"}', ignore_others => true);
CREATE TABLE customer (id int PRIMARY KEY, plan text NOT NULL, age int, monthly_charge numeric, months int, support_calls int NOT NULL,
                       risk real, scored_with bigint);

-- The version that it was scored with is kept beside the score: it tells what has to be scored anew after a new model.
CREATE FUNCTION score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.risk := (predict_proba('churn', NEW) ->> 'leaves')::real;
  NEW.scored_with := mosaic.model_id('churn');
  RETURN NEW;
END $$;
CREATE TRIGGER score_new BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION score();
CREATE TRIGGER score_changed BEFORE UPDATE OF plan, age, monthly_charge, months, support_calls ON customer FOR EACH ROW EXECUTE FUNCTION score();

INSERT INTO customer (id, plan, age, monthly_charge, months, support_calls) VALUES
  (1, 'prepaid', 64, 13.62, 5, 0), (2, 'basic', 30, NULL, 3, 6), (3, 'family', NULL, 33.92, 60, 1) RETURNING id, round(risk::numeric, 2) AS risk;
UPDATE customer SET support_calls = support_calls + 5 WHERE id = 1 RETURNING id, round(risk::numeric, 2) AS risk;
-- A row that cannot be scored does not come in.
INSERT INTO customer (id, plan, age, monthly_charge, months, support_calls) VALUES (4, 'basic', 30, 19.90, NULL, 6);

-- For many rows at once a statement's trigger is faster: a trigger for each row calls the model for each row, the plan of a query calls it for 256.
CREATE FUNCTION score_all_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE customer c SET risk = s.risk, scored_with = mosaic.model_id('churn')
    FROM (SELECT id, (predict_proba('churn', n) ->> 'leaves')::real AS risk FROM new_rows n) s WHERE c.id = s.id;
  RETURN NULL;
END $$;
DROP TRIGGER score_new ON customer;
CREATE TRIGGER score_new AFTER INSERT ON customer REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION score_all_new();
\set customers :data '/customers.csv'
CREATE TEMP TABLE arrived (id int, plan text, age int, monthly_charge numeric, months int, support_calls int, left_us boolean);
COPY arrived FROM :'customers' (FORMAT csv, HEADER);
INSERT INTO customer (id, plan, age, monthly_charge, months, support_calls) SELECT id, plan, age, monthly_charge, months, support_calls FROM arrived WHERE id > 100;
SELECT count(*), count(risk) AS scored, count(*) FILTER (WHERE risk > 0.5) AS at_risk, count(*) FILTER (WHERE scored_with = mosaic.model_id('churn')) AS by_this_version FROM customer;

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE customer;
DROP FUNCTION score(), score_all_new();
