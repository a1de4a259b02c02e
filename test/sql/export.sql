-- export_model(): importing the file finds all blocks, predicts the same to the bit, and exports the same file.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
CREATE TABLE models (name text, inputs jsonb, dtype text DEFAULT 'f32');
INSERT INTO models VALUES
  ('iris', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_bfloat16', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_float16', '{"features": [5.1, 3.5, 1.4, 0.2]}'),
  ('iris_float64', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_constant_nodes', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_external', '{"features": [5.1, 3.5, 1.4, 0.2]}'),
  ('iris_opset9', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_typed_fields', '{"features": [5.1, 3.5, 1.4, 0.2]}'), ('iris_fixed_batch', '{"features": [5.1, 3.5, 1.4, 0.2]}'),
  ('two_inputs', NULL), ('answer_text', NULL), ('answer_bool', NULL), ('encoder_opset11', NULL), ('encoder_opset17', NULL), ('row_columns', NULL),
  ('text_classifier', NULL), ('text_classes', NULL), ('text_embedding', NULL), ('fashion_base', NULL);
INSERT INTO models SELECT name, inputs, 'bf16' FROM models WHERE name IN ('iris', 'fashion_base', 'text_classifier');
SELECT m.name, m.dtype, i.tensors > 0 AS imported FROM models m, import_model(m.name || '_' || m.dtype, :'data' || '/models/' || m.name || '.onnx', dtype => m.dtype) i ORDER BY 1, 2;
CREATE TABLE files AS SELECT name, dtype, name || '_' || dtype AS model, inputs, export_model(name || '_' || dtype) AS file FROM models;
-- no new blocks, whatever the type of weights
SELECT f.model, i.blocks = i.blocks_shared AS shared, i.new_bytes FROM files f, import_model(f.model || '_again', f.file, dtype => f.dtype) i ORDER BY 1;
SELECT count(*) FILTER (WHERE file = export_model(model || '_again')) AS same_files, count(*) FROM files;
SELECT count(*) FILTER (WHERE predict(model, inputs) = predict(model || '_again', inputs)) AS same, count(*) FROM files WHERE inputs IS NOT NULL;
SELECT predict('text_classifier_f32', array_fill(7, '{32}')) = predict('text_classifier_f32_again', array_fill(7, '{32}')) AS same;
SELECT predict('fashion_base_bf16', array_fill(0.5, '{784}')) = predict('fashion_base_bf16_again', array_fill(0.5, '{784}')) AS same;
-- what is known of the models is the same
SELECT count(*) FILTER (WHERE a.inputs = b.inputs AND a.outputs = b.outputs AND a.opset = b.opset AND a.operators = b.operators AND a.parameters = b.parameters) AS same, count(*)
  FROM mosaic.models a JOIN mosaic.models b ON b.name = a.name || '_again';
SELECT * FROM check_store();

-- versions; what near duplicates were merged into is what is written
SELECT tensors FROM import_model('m', :'data' || '/models/fashion_base.onnx', keep => 1);
SELECT tensors FROM import_model('m', :'data' || '/models/fashion_dark.onnx', keep => 1);
SELECT export_model('m@1') = export_model('fashion_base_f32') AS first, export_model('m@2') = export_model('m') AS second, export_model('m@1') = export_model('m') AS equal;
SELECT merged > 0 AS merged FROM import_model('near', :'data' || '/models/fashion_noise.onnx', dedup => 'near', max_weight_error => 0.5, min_similarity => 0.1, tolerance => 0.5);
SELECT blocks = blocks_shared AS shared, new_bytes FROM import_model('near_again', export_model('near'));
SELECT predict('near', array_fill(0.5, '{784}')) = predict('near_again', array_fill(0.5, '{784}')) AS same;

-- a file of the server: new, whole, and for those who may write such
SELECT current_setting('data_directory') || '/m.onnx' AS path \gset
SELECT export_model('m', :'path') = octet_length(export_model('m')) AS bytes;
SELECT pg_read_binary_file(:'path') = export_model('m') AS same;
CREATE ROLE regress_e_owner;
CREATE ROLE regress_e_reader;
SELECT mosaic.grant_import('regress_e_owner'), mosaic.grant_import('regress_e_reader');
SELECT change_model_owner('m', 'regress_e_owner'), grant_model('m', 'regress_e_reader');
\set VERBOSITY sqlstate
SELECT export_model('m', :'path');
SELECT export_model('m', 'relative.onnx');
SELECT export_model('m', '/nowhere/m.onnx');
SELECT export_model('absent');
SELECT export_model(NULL) IS NULL AS nothing;
SET ROLE regress_e_owner;
SELECT octet_length(export_model('m')) > 0 AS exported;
SELECT export_model('m', '/tmp/never.onnx');
SET ROLE regress_e_reader;
SELECT predict('m', array_fill(0.5, '{784}')) IS NOT NULL AS predicted;
SELECT export_model('m');
RESET ROLE;
\set VERBOSITY default
-- a large object: a new one, or of this oid; as a client reads it, or as the import does
SELECT export_model('m', 0::oid) AS lo \gset
SELECT lo_get(:lo) = export_model('m') AS same;
SELECT blocks = blocks_shared AS shared, new_bytes FROM import_model('from_lo', :lo::oid);
SELECT export_model('m@1', 987654321::oid);
SELECT lo_get(987654321) = export_model('m@1') AS same;
\set VERBOSITY sqlstate
SELECT export_model('m', 987654321::oid);
SELECT export_model('absent', 0::oid);
SELECT export_model('m', NULL::oid) IS NULL AS nothing;
BEGIN READ ONLY;
SELECT export_model('m', 0::oid);
ROLLBACK;
SET ROLE regress_e_reader;
SELECT export_model('m', 0::oid);
SET ROLE regress_e_owner;
SELECT export_model('m', 0::oid) AS own \gset
SELECT octet_length(lo_get(:own)) > 0 AS exported, lo_unlink(:own);
RESET ROLE;
\set VERBOSITY default
SELECT lo_unlink(:lo), lo_unlink(987654321);

-- a folder: with tokenizer, labels, pooling; imported again it is the same content
SELECT tensors FROM import_model('states', :'data' || '/folders/states');
SELECT tensors FROM import_model('classes', :'data' || '/folders/classes');
SELECT set_labels('classes', ARRAY['a "quoted" \ ' || chr(10), chr(233) || chr(8364)]);
SELECT tensors FROM import_model('piece', :'data' || '/models/text_states.onnx');
SELECT set_tokenizer('piece', :'data' || '/text/unigram.model', max_tokens => 5), set_pooling('piece', 'last');
SELECT :'path' || '_' AS folder \gset
\setenv FOLDER :folder
\! mkdir -m 777 "$FOLDER"states "$FOLDER"classes "$FOLDER"piece "$FOLDER"m "$FOLDER"full "$FOLDER"lost
SELECT n, export_model(n, :'folder' || n) = (SELECT sum((pg_stat_file(:'folder' || n || '/' || f)).size) FROM pg_ls_dir(:'folder' || n) f WHERE f <> '1_Pooling')
         + coalesce((pg_stat_file(:'folder' || n || '/1_Pooling/config.json', true)).size, 0) AS bytes,
       (SELECT string_agg(f, ' ' ORDER BY f COLLATE "C") FROM pg_ls_dir(:'folder' || n) f) AS files
  FROM unnest('{states,classes,piece,m}'::text[]) n;
SELECT n, i.new_bytes FROM unnest('{states,classes,piece,m}'::text[]) n, import_model(n || '_again', :'folder' || n) i;
SELECT n, content_id(n) = content_id(n || '_again') AS same_content FROM unnest('{states,classes,piece}'::text[]) n;
SELECT a.labels = b.labels AS labels, a.pooling IS NOT DISTINCT FROM b.pooling AS pooling, a.normalized IS NOT DISTINCT FROM b.normalized AS normalized
  FROM mosaic.models a JOIN mosaic.models b ON b.name = a.name || '_again' WHERE a.name = 'classes';
SELECT embed('states', 'the model') = embed('states_again', 'the model') AS states, embed('piece', 'the model') = embed('piece_again', 'the model') AS piece,
       predict_label('classes', 'the model') = predict_label('classes_again', 'the model') AS classes;
-- nothing is overwritten; what fails leaves nothing, and what was there
\set VERBOSITY sqlstate
SELECT export_model('m', :'folder' || 'm');
SELECT octet_length(pg_read_binary_file(:'folder' || 'm/model.onnx')) = octet_length(export_model('m')) AS there;
\! touch "$FOLDER"full/model.onnx
SELECT export_model('states', :'folder' || 'full');
SELECT string_agg(f, ' ') FROM pg_ls_dir(:'folder' || 'full') f;
SET ROLE regress_e_owner;
SELECT export_model('m', :'folder' || 'full');
RESET ROLE;
UPDATE mosaic.tokenizer SET content = 'x' WHERE tokenizer_id = (SELECT tokenizer FROM mosaic.model WHERE name = 'states');
\c -
SET client_min_messages = warning;
SELECT export_model('states', :'folder' || 'lost');
SELECT count(*) FROM pg_ls_dir(:'folder' || 'lost');
\set VERBOSITY default
\! rm -r "$FOLDER"*

-- a damaged model is not written
UPDATE mosaic.tensor SET name = name || 'x' WHERE model_id = mosaic.model_id('iris_f32');
\set VERBOSITY sqlstate
SELECT export_model('iris_f32');
SELECT export_model('iris_f32', :'path' || '2');
\set VERBOSITY default
SELECT pg_stat_file(:'path' || '2', true) IS NULL AS none;
-- an optional of nothing: the file would lack its type, and load nowhere else
SELECT tensors FROM import_model('nothing', '\x080812003a92010a2412016f22084f7074696f6e616c2a150a0474797065720a0a08080112040a020801a0010d0a1a0a016f12016822124f7074696f6e616c486173456c656d656e740a170a01681201632204436173742a090a02746f1801a001020a0e0a01780a016312017922034164641201675a100a0178120b0a09080112050a0312016e62100a0179120b0a09080112050a0312016e42040a00100f'::bytea);
SELECT predict('nothing', '{1,2}'::real[]);
SELECT export_model('nothing');
SELECT export_model('nothing', :'path' || '3');
SELECT pg_stat_file(:'path' || '3', true) IS NULL AS none;
DROP TABLE models, files;
DROP EXTENSION pg_mosaic CASCADE;
DROP ROLE regress_e_owner, regress_e_reader;
