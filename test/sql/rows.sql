-- Rows as inputs: by name, in order, mapped; types, NULL, what does not fit; alone and in batches.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
SET TimeZone = 'UTC';
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set exports :data '/../exports'
SELECT m.model, i.tensors FROM unnest('{row_columns,row_exact,iris,two_inputs}'::text[]) m (model), import_model(m.model, :'models' || '/' || m.model || '.onnx') i;
SELECT m.model, i.tensors FROM unnest('{sklearn_mixed_pipeline,sklearn_random_forest}'::text[]) m (model), import_model(m.model, :'exports' || '/' || m.model || '/model.onnx') i;

-- by name, whatever the case and the order of columns
CREATE TYPE town AS ENUM ('Berlin', 'Zürich');
CREATE TABLE customer (seen timestamptz, city varchar(20), rooms smallint, active boolean, age numeric);
INSERT INTO customer VALUES ('1970-01-02 00:00', 'Zürich', 3, true, 41.5), ('2000-01-01', 'Berlin', -1, false, 7), ('infinity', 'nowhere', 0, true, 'NaN');
SELECT predict('row_columns', c), predict('row_columns', c.*) = predict('row_columns', c) AS same FROM customer c;
SELECT predict('row_columns', s) FROM (SELECT age AS "Age", rooms, city::text, active, extract(epoch FROM seen) AS seen FROM customer) s;
SELECT predict('row_columns', s) FROM (SELECT 1 AS age, 2::numeric AS rooms, t AS city, 1::int AS active, date '1970-01-03' AS seen FROM unnest('{Berlin,Zürich}'::town[]) t) s;
SELECT predict('row_columns', s) FROM (SELECT 1::float4 AS age, 2::float8 AS rooms, c AS city, true AS active, timestamp '-infinity' AS seen FROM (VALUES ('Zürich   '::char(9)), ('Berlin')) v (c)) s;
SELECT predict('row_columns', ROW(1, 2, true, 3, 'Berlin'));
SELECT predict_class('row_exact', r) FROM (SELECT 1234567890 AS i, '{1,2}'::numeric[] AS d, '{a,ü}'::text[] AS s) r;
SELECT predict('row_exact', r) FROM (SELECT 9007199254740993 AS i, '{1,2}'::numeric[] AS d, '{a,ü}'::text[] AS s) r;
-- one wide input takes them in order, or the column that is called as it is
SELECT predict('iris', ROW(5.1, 3.5, 1.4::real, 0)) = predict('iris', 5.1, 3.5, 1.4, 0) AS same, predict_class('iris', ROW(5.1, 3.5, 1.4, 0.2));
CREATE TABLE flower AS SELECT i AS id, 4 + i % 4 + 0.1 AS a, (2 + i % 3)::real AS b, (1 + i % 6)::smallint AS c, i % 3 * 0.9 AS d FROM generate_series(1, 1000) i;
SELECT count(*) FROM (SELECT a, b, c, d FROM flower) f WHERE predict('iris', f) <> predict('iris', a, b, c, d);
SELECT predict('iris', s) = predict('iris', 5.1, 3.5, 1.4, 0.2) AS same FROM (SELECT '{5.1,3.5}'::real[] AS left, 1.4 AS middle, '{0.2}'::real[] AS right) s;
SELECT predict('iris', s) = predict('iris', 5.1, 3.5, 1.4, 0.2) AS same FROM (SELECT '{5.1,3.5,1.4,0.2}'::real[] AS features) s;
SELECT predict('iris', s) = predict('iris', 5.1, 3.5, 1.4, 0.2) AS same FROM (SELECT 5.1 AS d, 3.5 AS c, 1.4 AS b, 0.2 AS a) s;
-- several inputs of several elements
SELECT predict('two_inputs', ROW(12, '{0.28644416,-0.94957554,0.8298406}'::real[])) = predict('two_inputs', s) AS same,
       predict('two_inputs', '{"item": [12], "context": [[0.28644416, -0.94957554, 0.8298406]]}'::jsonb) -> 'score' -> 0 ->> 0 = (predict('two_inputs', s))[1]::text AS as_json
  FROM (SELECT '{0.28644416,-0.94957554,0.8298406}'::float8[] AS context, 12::bigint AS item) s;

-- set_inputs()
CREATE TABLE house AS SELECT i AS id, i % 90 AS customer_age, i % 5 AS n, i % 7 = 0 AS active, timestamp '2020-01-01' + i * interval '1 day' AS last_seen, (ARRAY['Berlin', 'Zürich', 'Bern'])[1 + i % 3] AS city
  FROM generate_series(1, 1000) i;
SELECT predict('row_columns', h) FROM house h;
SELECT set_inputs('row_columns', '{"Age": "customer_age", "rooms": "n", "seen": "last_seen"}', ignore_others => true);
SELECT predict('row_columns', h) FROM house h ORDER BY id LIMIT 2;
SELECT input_map FROM mosaic.models WHERE name = 'row_columns';
SELECT predict('row_columns', ROW(1, 2, true, 3, 'Berlin')) AS in_order;
SELECT set_inputs('row_columns', '{"Age": "customer_age", "rooms": "n"}');
SELECT predict('row_columns', h) FROM house h LIMIT 1;
SELECT set_inputs('iris', '{"features": ["d", "c", "b", "a"]}', ignore_others => true);
SELECT count(*) FROM flower f WHERE predict('iris', f) <> predict('iris', d, c, b, a);
SELECT set_inputs('iris');
SELECT input_map IS NULL AS none FROM mosaic.models WHERE name = 'iris';

-- what does not fit is named all together
SELECT predict('row_columns', s) FROM (SELECT 1 AS customer_age, '[1]'::jsonb AS city, 'x' AS active, 4 AS a, 5 AS b) s;
SELECT set_inputs('row_columns');
SELECT predict('row_columns', s) FROM (SELECT 1 AS age, '3' AS rooms, true AS active, 5 AS city, interval '1 day' AS seen) s;
SELECT predict('row_columns', ROW(1, 2, 3));
SELECT predict('iris', ROW(1, 2, 3));
SELECT predict('iris', ROW(1, 2, 3, 'four'));
SELECT predict('iris', f) FROM flower f LIMIT 1;
SELECT predict('row_columns', ROW(1, 2.5, true, 3, 'Berlin'));
SELECT predict('row_columns', ROW(1, 99999999999999999999, true, 3, 'Berlin'));
SELECT predict('row_columns', ROW(1e39::float8, 2, true, 3, 'Berlin'));
SELECT predict('row_columns', ROW(1, 2, 2, 3, 'Berlin'));
SELECT predict('iris', ROW('{{1,2,3,4},{5,6,7,8}}'::real[]));
SELECT predict('nobody', ROW(1));

-- NULL: an error, or what was said
INSERT INTO customer VALUES (NULL, NULL, NULL, NULL, NULL);
SELECT predict('row_columns', c) FROM customer c;
SELECT set_inputs('row_columns', nulls => '{"Age": "NaN", "rooms": -1, "active": false, "seen": 0, "city": "unknown"}');
SELECT predict('row_columns', c) FROM customer c;
SELECT predict('row_columns', NULL::customer), predict(NULL, ROW(1));
SELECT set_inputs('row_exact', nulls => '{"d": "Infinity", "s": "none"}');
SELECT predict_label('row_exact', r) FROM (SELECT 7 AS i, '{1,NULL}'::real[] AS d, '{NULL,b}'::name[] AS s) r;
SELECT predict('row_exact', r) FROM (SELECT 7 AS i, NULL::real[] AS d, '{a,b}'::text[] AS s) r;
SELECT predict('row_exact', r) FROM (SELECT NULL::int AS i, '{1,NULL}'::real[] AS d, '{NULL,b}'::text[] AS s) r;
SELECT predict('row_columns', ROW(NULL, 2, true, NULL, NULL));
SELECT predict('row_columns', ROW('1', 2, true, 3, 'Bern'));
SELECT set_inputs('row_columns', nulls => '{"rooms": "NaN"}');
SELECT set_inputs('row_columns', nulls => '{"rooms": 1.5}');
SELECT set_inputs('row_columns', nulls => '{"city": 3}');
SELECT set_inputs('row_columns', nulls => '{"Age": 1e300}');
SELECT set_inputs('row_columns', '{"age": "a", "size": "b"}');
SELECT set_inputs('row_columns', '{"Age": 1}');
SELECT set_inputs('row_columns', '{"Age": []}');
SELECT set_inputs('row_columns', '["Age"]');
SELECT set_inputs('row_columns', '3');
\set VERBOSITY sqlstate
SELECT set_inputs('nobody', '{}');
SELECT set_inputs(NULL, '{}');
CREATE ROLE regress_rows;
GRANT EXECUTE ON FUNCTION set_inputs(text, jsonb, jsonb, bool) TO regress_rows;
SET ROLE regress_rows;
SELECT set_inputs('iris', '{}');
SELECT predict('iris', ROW(1, 2, 3, 4));
RESET ROLE;
\set VERBOSITY default

-- a scikit-learn pipeline of texts and of numbers with holes, from a table in one call
CREATE TABLE person AS SELECT i AS id, (ARRAY['Berlin', 'Zürich', '北京', 'Ελλάδα'])[1 + i % 4] AS city,
    CASE WHEN i % 5 <> 0 THEN i % 11 / 4.0 - 1 END AS income, (i % 7 - 3)::real AS debt, (i % 3)::smallint AS children, NULLIF(i % 4, 0)::float8 AS rating
  FROM generate_series(1, 600) i;
SELECT set_inputs('sklearn_mixed_pipeline', '{"numbers": ["income", "debt", "children", "rating"]}', '{"numbers": "NaN"}', true);
SELECT predict_label('sklearn_mixed_pipeline', p) AS label, count(*) FROM person p GROUP BY label ORDER BY label;
SELECT id, predict_label('sklearn_mixed_pipeline', p), (predict_proba('sklearn_mixed_pipeline', p) ->> 'yes')::numeric(6, 4) AS yes FROM person p ORDER BY id LIMIT 5;
SELECT p.id, predict_proba('sklearn_mixed_pipeline', p) = jsonb_build_object('no', j -> 'probabilities' -> 0, 'yes', j -> 'probabilities' -> 1) AS same, j -> 'label' AS label
  FROM person p, LATERAL (SELECT predict('sklearn_mixed_pipeline', jsonb_build_object('city', city, 'numbers', jsonb_build_array(coalesce(income::text, 'NaN'), debt, children, rating))) AS j OFFSET 0) j
 WHERE income IS NULL AND rating IS NOT NULL ORDER BY id LIMIT 2;

-- batches: the same bits; rows that cannot be in one are errors of their own
EXPLAIN (COSTS OFF) SELECT predict_label('sklearn_mixed_pipeline', p) FROM person p WHERE predict_class('sklearn_random_forest', ROW(id, 2, 2, 15, 80, 2, 3, 0.1, 1, 5, 1, 2, 500)) = 1;
EXPLAIN (COSTS OFF) SELECT count(predict_label('sklearn_mixed_pipeline', p)) FROM person p;
SELECT set_inputs('row_columns', '{"Age": "customer_age", "rooms": "n", "seen": "last_seen"}', ignore_others => true);
SELECT md5(string_agg(concat_ws(' ', predict('row_columns', h)), ',' ORDER BY id)) AS columns FROM house h \gset
SELECT md5(string_agg(concat_ws(' ', predict_proba('sklearn_mixed_pipeline', p), predict_label('sklearn_mixed_pipeline', p)), ',' ORDER BY id)) AS people FROM person p \gset
SET pg_mosaic.batch = off;
SELECT md5(string_agg(concat_ws(' ', predict('row_columns', h)), ',' ORDER BY id)) = :'columns' AS same FROM house h;
SELECT md5(string_agg(concat_ws(' ', predict_proba('sklearn_mixed_pipeline', p), predict_label('sklearn_mixed_pipeline', p)), ',' ORDER BY id)) = :'people' AS same FROM person p;
RESET pg_mosaic.batch;
SELECT count(*) AS rows, count(*) FILTER (WHERE predict('row_exact', r) = ARRAY[i]::real[]) AS same FROM (SELECT i, '{1,2}'::real[] AS d, array_fill('x' || i, ARRAY[1 + i % 3]) AS s FROM generate_series(1, 600) i) r;
CREATE TABLE gap AS SELECT i AS a, 2 AS b, CASE WHEN i <> 5 THEN 3 END AS c, 4 AS d FROM generate_series(1, 9) i;
SELECT predict_class('iris', g) FROM gap g LIMIT 4;
SELECT predict_class('iris', g) FROM gap g;
SELECT sum(predict_class('iris', g)) FROM gap g WHERE c IS NOT NULL;
-- rows of several types, partitions, views, a cursor, PL/pgSQL while the table changes
CREATE TABLE part (a real, b real, c real, d real) PARTITION BY RANGE (a);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (5);
CREATE TABLE part_2 (d real, c real, b real, a real);
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM (5) TO (10);
INSERT INTO part SELECT i, 2, 1, 0 FROM generate_series(0, 9) i;
SELECT count(*) FROM part p WHERE predict('iris', p) = predict('iris', a, b, c, d);
CREATE FUNCTION over_time() RETURNS SETOF real[] LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..2 LOOP
    RETURN QUERY SELECT predict('iris', p) FROM part_1 p;
    IF i = 1 THEN
      ALTER TABLE part_1 RENAME COLUMN a TO features;
      UPDATE part_1 SET b = 9;
    END IF;
  END LOOP;
END $$;
ALTER TABLE part DETACH PARTITION part_1;
\set VERBOSITY sqlstate
SELECT over_time();
\set VERBOSITY default

-- a row from before a column was added has its default, as a trigger sees it, too
CREATE TABLE older (sepal_length float8, sepal_width float8, petal_length float8);
INSERT INTO older VALUES (7, 3, 6);
ALTER TABLE older ADD petal_width float8 DEFAULT 2.2;
CREATE FUNCTION show_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% %', OLD, predict_class('iris', OLD); RETURN NEW; END $$;
CREATE TRIGGER show_old BEFORE UPDATE ON older FOR EACH ROW EXECUTE FUNCTION show_old();
UPDATE older SET sepal_length = 5 RETURNING predict_class('iris', older);
DROP TABLE older;
DROP FUNCTION show_old();

-- kept by a version that replaces the model, as far as it has these inputs
SELECT i.tensors FROM import_model('row_columns', :'models' || '/row_columns.onnx', replace => true) i;
SELECT count(predict('row_columns', h)) FROM house h;
SELECT i.tensors FROM import_model('row_columns', :'models' || '/iris.onnx', replace => true) i;
SELECT input_map FROM mosaic.models WHERE name = 'row_columns';
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP FUNCTION over_time();
DROP TABLE customer, flower, house, person, gap, part, part_1;
DROP TYPE town;
DROP ROLE regress_rows;
