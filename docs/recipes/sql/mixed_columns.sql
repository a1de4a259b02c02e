-- Who will leave? A table with texts, numbers and holes, scored by a pipeline of scikit-learn and by XGBoost.
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_RECIPES
\set customers :data '/customers.csv'
\set logistic :data '/churn_logistic.onnx'
\set xgboost :data '/churn_xgboost.onnx'
CREATE TABLE customer (id int PRIMARY KEY, plan text, age int, monthly_charge numeric, months int, support_calls smallint, left_us boolean);
COPY customer FROM :'customers' (FORMAT csv, HEADER);

-- The pipelines have an input for each column. Here they have the columns' names, so there is nothing to map.
SELECT model, i.tensors FROM import_model('churn', :'logistic') i;
SELECT model, i.tensors FROM import_model('churn_xgb', :'xgboost') i;
SELECT string_agg(format('%s %s', i ->> 'name', i ->> 'dtype'), ', ') AS inputs FROM mosaic.models, jsonb_array_elements(inputs) i WHERE name = 'churn';

-- A whole row has more columns than that, and holes: what is in the way is said at once.
SELECT predict_label('churn', c) FROM customer c;

-- Both models were trained with NaN for what is missing.
SELECT set_inputs(m, nulls => '{"age": "NaN", "monthly_charge": "NaN"}', ignore_others => true) FROM unnest('{churn,churn_xgb}'::text[]) m;

SELECT id, plan, age, monthly_charge, months, support_calls, predict_label('churn', c), round((predict_proba('churn', c) ->> 'leaves')::numeric, 3) AS leaves
  FROM customer c ORDER BY id LIMIT 5;

-- Whom to call first: all rows are scored in batches, by one node.
EXPLAIN (COSTS OFF)
SELECT id, predict_proba('churn', c) ->> 'leaves' AS p FROM customer c ORDER BY p DESC LIMIT 5;
SELECT id, round((predict_proba('churn', c) ->> 'leaves')::numeric, 2) AS p, left_us FROM customer c ORDER BY p DESC, id LIMIT 5;

-- By plan, and how good both are.
SELECT plan, count(*), round(avg((predict_proba('churn', c) ->> 'leaves')::numeric), 2) AS expected, round(avg(left_us::int), 2) AS happened
  FROM customer c GROUP BY plan ORDER BY plan;
SELECT round(avg(((predict_label('churn', c) = 'leaves') = left_us)::int), 3) AS scikit_learn,
       round(avg(((predict_label('churn_xgb', c) = 'leaves') = left_us)::int), 3) AS xgboost FROM customer c;

-- Columns of other names: say which. What is computed has the inputs' names, or is given in their order.
ALTER TABLE customer RENAME monthly_charge TO charge;
SELECT set_inputs('churn', '{"monthly_charge": "charge"}', '{"age": "NaN", "monthly_charge": "NaN"}', true);
SELECT round(avg((predict_proba('churn', c) ->> 'leaves')::numeric), 3) AS now FROM customer c;
SELECT round(avg((predict_proba('churn', s) ->> 'leaves')::numeric), 3) AS if_all_had_the_family_plan
  FROM (SELECT 'family' AS plan, age, charge, months, support_calls FROM customer) s;
SELECT predict_label('churn', ROW('basic', 30, 29.90, 3, 5)) AS one_that_is_asked_for;

DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE customer;
