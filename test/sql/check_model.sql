-- check_model(): what of a file can be run, without importing it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set iris :data '/models/iris.onnx'
\set unsupported :data '/models/unsupported.onnx'
\set encoder :data '/models/encoder_opset11.onnx'

SELECT * FROM check_model(:'iris');
SELECT * FROM check_model(:'unsupported');
SELECT operator, count FROM check_model(:'encoder') WHERE supported ORDER BY count DESC, operator LIMIT 3;
SELECT count(*) FROM check_model(:'encoder') WHERE NOT supported;

-- the three ways to give the bytes
SELECT count(*) FROM (SELECT * FROM check_model(:'iris') EXCEPT SELECT * FROM check_model(pg_read_binary_file(:'iris'))) d;
SELECT lo_import(:'iris') AS lo \gset
SELECT count(*) FROM (SELECT * FROM check_model(:'iris') EXCEPT SELECT * FROM check_model(:lo::oid)) d;
SELECT lo_unlink(:lo);

-- a file that is none is an answer too; one that cannot be read is an error
SELECT * FROM check_model('hello, world, this is no model'::bytea);
SELECT * FROM check_model(''::bytea);
SELECT * FROM check_model(NULL::bytea);
\set VERBOSITY sqlstate
SELECT * FROM check_model('absent.onnx');
SELECT * FROM check_model(1::oid);
\set VERBOSITY default

-- nothing was stored
SELECT count(*) FROM mosaic.models;
