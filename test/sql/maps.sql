-- Models that take maps: a JSON object for the input.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
-- map(string, float) -> DictVectorizer {age, height, weight} -> LinearRegressor 1, 2, 3 + 0.5
\set vectorizer '\\x08083ae5010a560a086665617475726573120178220e44696374566563746f72697a65722a2b0a11737472696e675f766f636162756c6172794a036167654a066865696768744a06776569676874a001083a0a61692e6f6e6e782e6d6c0a5b0a0178120179220f4c696e656172526567726573736f722a1f0a0c636f656666696369656e74733a0c0000803f0000004000004040a001062a150a0a696e74657263657074733a040000003fa001063a0a61692e6f6e6e782e6d6c1201675a160a086665617475726573120a2a08080812040a02080162130a0179120e0a0c080112080a0208010a02080142040a001011420e0a0a61692e6f6e6e782e6d6c1003'
-- map(int64, string) -> CastMap to int64, sparse, 4 places
\set caster '\\x08083a85010a5a0a016d1201792207436173744d61702a160a07636173745f746f2208544f5f494e543634a001032a150a086d61705f666f726d2206535041525345a001032a0e0a076d61785f6d61701804a001023a0a61692e6f6e6e782e6d6c1201675a0f0a016d120a2a08080712040a02080862130a0179120e0a0c080712080a0208010a02080442040a001011420e0a0a61692e6f6e6e782e6d6c1003'
-- map(string, float) -> Identity
\set other '\\x08083a3d0a120a016d12017922084964656e746974793a001201675a0f0a016d120a2a08080812040a02080162130a0179120e0a0c080112080a0208010a02080442040a001011420e0a0a61692e6f6e6e782e6d6c1003'
SELECT operator, supported, reason FROM check_model(:'vectorizer'::bytea) ORDER BY 1;
SELECT tensors FROM import_model('people', :'vectorizer'::bytea);
SELECT tensors FROM import_model('places', :'caster'::bytea);
SELECT predict('people', '{"features": {"age": 40, "weight": 71.5, "shoes": 44}}'::jsonb);
SELECT predict('people', '{"features": {"weight": "1e2"}}'::jsonb), predict('people', '{"features": {}}'::jsonb);
SELECT predict('places', '{"m": {"3": "7", "0": -5, "12": 1}}'::jsonb);
-- as an array: a key and its value in each row
SELECT predict('people', '{"features": [["height", "2"], ["age", "1"]]}'::jsonb);
-- a row each
CREATE TABLE people AS SELECT i AS id, jsonb_build_object('features', jsonb_build_object('age', i, 'height', i % 3, CASE WHEN i % 2 = 0 THEN 'weight' ELSE 'x' END, 2)) AS input
  FROM generate_series(1, 100) i;
SELECT id, predict('people', input) FROM people ORDER BY id LIMIT 3;
SELECT count(*) FROM people WHERE (predict('people', input) -> 'y' -> 0 ->> 0)::real <> id + 2 * (id % 3) + CASE WHEN id % 2 = 0 THEN 6 ELSE 0 END + 0.5;
-- written and read again
SELECT tensors FROM import_model('again', export_model('people'));
SELECT predict('again', '{"features": {"age": 40, "weight": 71.5, "shoes": 44}}'::jsonb) = predict('people', '{"features": {"age": 40, "weight": 71.5, "shoes": 44}}'::jsonb) AS same;
-- what is refused
\set VERBOSITY sqlstate
SELECT import_model('other', :'other'::bytea);
SELECT predict('people', '{"features": {"age": true}}'::jsonb);
SELECT predict('people', '{"features": {"age": [1]}}'::jsonb);
SELECT predict('people', '{"features": {"age": "old"}}'::jsonb);
SELECT predict('places', '{"m": {"a": 1}}'::jsonb);
SELECT predict('places', '{"m": {"-1": 1}}'::jsonb);
\set VERBOSITY default
SELECT import_model('other', :'other'::bytea);
SELECT predict('people', '{"features": {"age": null}}'::jsonb);
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE people;
