-- import_model(..., weights, like, base_weights): the weights of a safetensors file on the graph of a stored model.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set files :data '/fine_tunes'
CREATE TABLE rows AS SELECT i, (SELECT array_agg((hashint4(i * 1000 + j) % 1000 / 1000.0)::real ORDER BY j) FROM generate_series(1, 48) j) AS x FROM generate_series(1, 40) i;
SELECT tensors, blocks FROM import_model('base', :'models' || '/tuned_base.onnx', labels => '{low,mid,high}');
SELECT tensors, blocks FROM import_model('whole', :'models' || '/tuned_all.onnx');

-- as if it had been exported: every block is the exported model's, every bit of the answers too
SELECT tensors, blocks, blocks_shared, new_bytes FROM import_model('all', weights => :'files' || '/all.safetensors', like => 'base', base_weights => :'files' || '/base.safetensors');
SELECT count(*) FILTER (WHERE predict('all', x) = predict('whole', x)) AS same, count(*) FILTER (WHERE predict('all', x) = predict('base', x)) AS as_before FROM rows;
SELECT export_model('all') = export_model('whole') AS same_file;
SELECT blocks = blocks_shared AS shared FROM import_model('self', weights => :'files' || '/base.safetensors', like => 'base', base_weights => :'files' || '/base.safetensors');
-- what is set of the base is carried over
SELECT predict_label('all', x) IN ('low', 'mid', 'high') AS labelled FROM rows WHERE i = 1;
-- from bytes and from a large object
SELECT pg_read_binary_file(:'files' || '/all.safetensors') AS file, pg_read_binary_file(:'files' || '/base.safetensors') AS base \gset
SELECT blocks = blocks_shared AS shared FROM import_model('bytes', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea);
SELECT lo_from_bytea(0, :'file'::bytea) AS file_lo, lo_from_bytea(0, :'base'::bytea) AS base_lo \gset
SELECT blocks = blocks_shared AS shared FROM import_model('lo', weights => :file_lo::oid, like => 'base', base_weights => :base_lo::oid);
SELECT count(*) FILTER (WHERE predict('bytes', x) = predict('whole', x) AND predict('lo', x) = predict('whole', x)) AS same FROM rows;

-- by name alone the tensors that the exporter renamed are not found: all of them are named, in one error
SELECT import_model('names', weights => :'files' || '/all.safetensors', like => 'base');
-- another model's file is not the base's
SELECT import_model('names', weights => :'files' || '/all.safetensors', like => 'base', base_weights => :'files' || '/all.safetensors');
-- of a model whose names are those of the file they are
CREATE FUNCTION safetensors(header text, data bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT (SELECT string_agg(set_byte('\x00', 0, octet_length(header) >> (8 * i) & 255), '' ORDER BY i) FROM generate_series(0, 3) i)
          || '\x00000000'::bytea || convert_to(header, 'UTF8') || data $$;
SELECT tensors FROM import_model('iris', :'models' || '/iris.onnx');
SELECT safetensors('{"m.0.0.weight":{"dtype":"F32","shape":[16,4],"data_offsets":[0,256]},"m.0.0.bias":{"dtype":"BF16","shape":[16],"data_offsets":[256,288]},
  "m.0.2.weight":{"dtype":"F16","shape":[3,16],"data_offsets":[288,384]},"m.0.2.bias":{"dtype":"F32","shape":[3],"data_offsets":[384,396]}}',
  decode(repeat('00', 384) || '0000803f000000400000c03f', 'hex')) AS zeros \gset
SELECT tensors FROM import_model('zeros', weights => :'zeros'::bytea, like => 'iris');
SELECT predict('zeros', ARRAY[1,2,3,4]::real[]) AS softmax_of_the_bias;
\set VERBOSITY terse
SELECT import_model('bad', weights => safetensors('{"0.0.weight":{"dtype":"F32","shape":[4,16],"data_offsets":[0,256]},"0.0.bias":{"dtype":"I8","shape":[16],"data_offsets":[256,272]}}',
  decode(repeat('00', 272), 'hex')), like => 'iris');
SELECT import_model('bad', weights => '\x00'::bytea, like => 'iris');
SELECT import_model('bad', weights => safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', '\x0000'), like => 'iris');
\set VERBOSITY default

-- versions, replaced models, those that are judged, those that share in other ways
SELECT tensors FROM import_model('base', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea, keep => 1);
SELECT count(*) FILTER (WHERE predict('base', x) = predict('whole', x)) AS same, count(*) FILTER (WHERE predict('base@1', x) = predict('self', x)) AS kept FROM rows;
SELECT tensors FROM import_model('again', weights => :'base'::bytea, like => 'base@1', base_weights => :'base'::bytea);
SELECT import_model('again', weights => :'base'::bytea, like => 'base@1', base_weights => :'base'::bytea);
SELECT tensors FROM import_model('again', weights => :'file'::bytea, like => 'base@1', base_weights => :'base'::bytea, replace => true, labels => '{x,y,z}');
SELECT predict_label('again', x) IN ('x', 'y', 'z') AS labelled FROM rows WHERE i = 1;
SELECT drop_model('whole'), drop_model('all'), drop_model('bytes'), drop_model('lo'), drop_model('again'), drop_model('base');
SELECT tensors FROM import_model('base', weights => :'base'::bytea, like => 'self', base_weights => :'base'::bytea);
SELECT drop_model('self');
CREATE TABLE exact AS SELECT i, x, predict_class('base', x) AS class FROM rows;
SELECT blocks, blocks_shared, merged > 0 AS merged, metric_after >= 0.9 AS kept FROM import_model('near', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea,
  dedup => 'near', validation => 'SELECT x, class FROM exact', max_drop => 0.1);
SELECT blocks, metric_after >= 0.9 AS kept FROM import_model('half', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea,
  dtype => 'bf16', validation => 'SELECT x, class FROM exact', max_drop => 0.1);
SELECT tensors FROM import_model('lossless', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea, dedup => 'lossless');
SELECT tensors FROM import_model('whole', :'models' || '/tuned_all.onnx');
SELECT count(*) FILTER (WHERE predict('lossless', x) = predict('whole', x)) AS same FROM rows;
-- a type that rounds does not hide whose weights they are
SELECT tensors FROM import_model('like_half', weights => :'base'::bytea, like => 'half', base_weights => :'file'::bytea);
SELECT count(*) FILTER (WHERE predict('like_half', x) = predict('base', x)) AS same FROM rows;
SELECT * FROM check_store();

-- whose model and whose file it is
CREATE ROLE regress_ft_user;
SELECT count(*) AS for_everybody FROM pg_proc WHERE proname = 'import_model' AND has_function_privilege('regress_ft_user', oid, 'execute');
SELECT mosaic.grant_import('regress_ft_user'), grant_model('base', 'regress_ft_user');
SET ROLE regress_ft_user;
\set VERBOSITY sqlstate
SELECT predict('base', array_fill(1::real, '{48}')) IS NOT NULL AS predicted;
SELECT import_model('mine', weights => :'file'::bytea, like => 'base', base_weights => :'base'::bytea);
SELECT import_model('mine', weights => :'files' || '/all.safetensors', like => 'base', base_weights => :'files' || '/base.safetensors');
SELECT import_model('mine', weights => :'file'::bytea, like => 'absent');
SELECT import_model('mine', weights => :'file'::bytea, like => NULL);
SELECT import_model('mine', weights => NULL::bytea, like => 'base');
RESET ROLE;
SELECT import_model('mine', weights => :'file'::bytea, like => 'base', base_weights => '\x00'::bytea);
SELECT import_model('mine', weights => '/nowhere/model.safetensors', like => 'base');
SELECT count(*) FROM mosaic.models WHERE name IN ('mine', 'names', 'bad');
\set VERBOSITY default
-- calls by position mean what they meant
SELECT tensors FROM import_model('positional', :'models' || '/iris.onnx', 'none');
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE rows, exact;
DROP FUNCTION safetensors;
DROP ROLE regress_ft_user;
SELECT lo_unlink(:file_lo), lo_unlink(:base_lo);
