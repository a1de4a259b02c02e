-- Models as Hugging Face lays them out: a folder, with links as in its cache.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set folders :data '/folders'
SELECT tensors FROM import_model('states', :'folders' || '/states');
SELECT tensors FROM import_model('classes', :'folders' || '/classes/');
SELECT name, labels, pooling, normalized FROM mosaic.models ORDER BY name;
SELECT model, kind, max_length FROM mosaic.tokenizers ORDER BY model;
-- cls, of length 1, cut to 6 tokens; labels of config.json, length of tokenizer.json
SELECT embed('states', 'the model')::numeric(8, 7)[], cardinality(tokenize('states', repeat('a ', 100))) AS tokens;
SELECT predict_label('classes', 'the model'), predict_label('classes', 'stored stored stored'), cardinality(tokenize('classes', repeat('a ', 100))) AS tokens;
-- what is given counts more than what is found; a version from a file keeps it
SELECT tensors FROM import_model('classes', :'folders' || '/classes', labels => '{no,yes}', replace => true);
SELECT predict_label('classes', 'the model');
SELECT tensors FROM import_model('classes', :'folders' || '/classes/onnx/model.onnx', replace => true);
SELECT predict_label('classes', 'the model');
\set VERBOSITY sqlstate
SELECT tensors FROM import_model('dense', :'folders' || '/dense');
-- refusals leave nothing
SELECT tensors FROM import_model('none', :'folders' || '/broken');
SELECT tensors FROM import_model('none', :'folders' || '/none');
SELECT tensors FROM import_model('none', :'folders' || '/nowhere');
SELECT tensors FROM import_model('none', :'folders' || '/states', labels => '{a,NULL}');
SELECT set_tokenizer('states', :'folders' || '/states');
CREATE ROLE regress_folder;
SELECT mosaic.grant_import('regress_folder');
SET ROLE regress_folder;
SELECT tensors FROM import_model('none', :'folders' || '/states');
SELECT tensors FROM import_model('none', :'folders' || '/nowhere');
RESET ROLE;
\set VERBOSITY default
SELECT name FROM mosaic.models ORDER BY name;
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP ROLE regress_folder;
