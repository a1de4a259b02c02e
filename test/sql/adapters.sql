-- import_adapter(): LoRA adapters beside the weights of a stored model.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set files :data '/fine_tunes'
\set adapter :files '/adapter/adapter_model.safetensors'
CREATE TABLE rows AS SELECT i, (SELECT array_agg((hashint4(i * 1000 + j) % 1000 / 1000.0)::real ORDER BY j) FROM generate_series(1, 48) j) AS x FROM generate_series(1, 40) i;
CREATE FUNCTION difference(a real[], b real[]) RETURNS real LANGUAGE sql IMMUTABLE AS
$$ SELECT max(abs(u.a - u.b)) FROM unnest(a, b) u(a, b) $$;
SELECT tensors, blocks FROM import_model('base', :'models' || '/tuned_base.onnx', labels => '{low,mid,high}');
SELECT tensors, blocks FROM import_model('merged', :'models' || '/tuned_adapter.onnx');

-- the base's blocks, but for the head that the adapter brings, and the bytes of the file
SELECT tensors, blocks, blocks_shared, new_bytes, (pg_stat_file(:'adapter')).size AS file FROM import_adapter('ft', 'base', :'adapter', base_weights => :'files' || '/base.safetensors');
SELECT name, dtype, dims, layout, stored_dtype, blocks, shared_blocks FROM mosaic.tensors WHERE model = 'ft' ORDER BY tensor_no;
SELECT jsonb_pretty(operators) AS operators FROM mosaic.models WHERE name = 'ft';
-- as the model into which it was merged, up to the order of sums; alone and in batches the same bits
SELECT max(difference(predict('ft', x), predict('merged', x))) < 1e-5 AS near, max(difference(predict('ft', x), predict('base', x))) > 0.1 AS far FROM rows;
SELECT predict('ft', array_agg(x ORDER BY i)) = array_agg(predict('ft', x) ORDER BY i) AS batch_is_rows FROM rows;
SET pg_mosaic.batch = off;
SELECT predict('ft', x) AS alone, i INTO TEMP alone FROM rows;
SET pg_mosaic.batch = on;
SELECT count(*) FILTER (WHERE predict('ft', x) = alone) AS same FROM rows JOIN alone USING (i);
SELECT predict_label('ft', x) IN ('low', 'mid', 'high') AS labelled FROM rows WHERE i = 1;
-- an ONNX file like any other
SELECT blocks = blocks_shared AS shared, new_bytes FROM import_model('exported', export_model('ft'));
SELECT count(*) FILTER (WHERE predict('ft', x) = predict('exported', x)) AS same FROM rows;

-- without the base's file the renamed weights are not found: all are named
SELECT import_adapter('bad', 'base', :'adapter');
SELECT pg_read_binary_file(:'adapter') AS file, pg_read_binary_file(:'files' || '/base.safetensors') AS base \gset
SELECT import_adapter('bad', 'base', :'file'::bytea, base_weights => :'base'::bytea);
\set VERBOSITY terse
SELECT import_adapter('bad', 'base', :'files' || '/all.safetensors');
-- the folder that PEFT writes is as good as its file, also for several rows
SELECT count(*), min(new_bytes) AS new_bytes FROM (SELECT (import_adapter('row' || i, 'base', folder, base_weights => base)).new_bytes
  FROM generate_series(1, 3) i, LATERAL (SELECT :'files' || '/adapter' AS folder, :'files' || '/base.safetensors' AS base) p) r;
SELECT count(drop_model('row' || i)) FROM generate_series(1, 3) i;
\set VERBOSITY sqlstate
SELECT import_adapter('bad', 'base', :'files' || '/absent.safetensors');
\set VERBOSITY default
-- the scale as an argument; of bytes and large objects there is no file beside
SELECT tensors FROM import_adapter('none', 'base', :'file'::bytea, base_weights => :'base'::bytea, config => '{"lora_alpha": 0}');
SELECT tensors FROM import_adapter('twice', 'base', :'adapter', base_weights => :'files' || '/base.safetensors', config => '{"lora_alpha": 12}');
SELECT lo_from_bytea(0, :'file'::bytea) AS file_lo, lo_from_bytea(0, :'base'::bytea) AS base_lo \gset
SELECT blocks = blocks_shared AS shared FROM import_adapter('lo', 'base', :file_lo::oid, base_weights => :base_lo::oid, config => '{"lora_alpha": 6, "peft_type": "LORA"}');
SELECT count(*) FILTER (WHERE predict('lo', x) = predict('ft', x)) AS same, max(difference(predict('twice', x), predict('ft', x))) > 0.1 AS twice,
       max(difference(predict('none', x), predict('ft', x))) > 0.1 AS none FROM rows;

-- an adapter over an adapted model; versions; a base that is dropped
SELECT tensors FROM import_adapter('over', 'ft', :'file'::bytea, base_weights => :'base'::bytea, config => '{"lora_alpha": 6}');
SELECT max(difference(predict('over', x), predict('twice', x))) < 1e-4 AS sums FROM rows;
SELECT tensors FROM import_adapter('ft', 'base', :'file'::bytea, base_weights => :'base'::bytea, config => '{"lora_alpha": 12}', keep => 1);
SELECT count(*) FILTER (WHERE predict('ft', x) = predict('twice', x)) AS same, count(*) FILTER (WHERE predict('ft@1', x) = alone) AS kept FROM rows JOIN alone USING (i);
SELECT drop_model('base'), drop_model('exported'), drop_model('lo'), drop_model('none');
SELECT count(*) FILTER (WHERE predict('ft@1', x) = alone) AS same FROM rows JOIN alone USING (i);
SELECT tensors FROM import_adapter('lossless', 'ft@1', :'file'::bytea, base_weights => :'base'::bytea, config => '{"lora_alpha": 3}', dedup => 'lossless');
SELECT * FROM check_store();
SELECT count(*) > 0 AS packed FROM pack_models();
SELECT count(*) FILTER (WHERE predict('ft@1', x) = alone) AS same FROM rows JOIN alone USING (i);

-- what is refused
CREATE ROLE regress_ad_user;
SELECT count(*) AS for_everybody FROM pg_proc WHERE proname = 'import_adapter' AND has_function_privilege('regress_ad_user', oid, 'execute');
SELECT mosaic.grant_import('regress_ad_user'), grant_model('ft', 'regress_ad_user');
\set VERBOSITY sqlstate
SET ROLE regress_ad_user;
SELECT import_adapter('mine', 'ft', :'file'::bytea, base_weights => :'base'::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', 'ft', :'adapter');
SELECT import_adapter('mine', 'ft', :'adapter', config => '{"lora_alpha": 6}');
RESET ROLE;
SELECT import_adapter(NULL, 'ft', :'file'::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', NULL, :'file'::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', 'ft', NULL::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', 'absent', :'file'::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', 'ft', '\x00'::bytea, config => '{"lora_alpha": 6}');
SELECT import_adapter('mine', 'ft', :'file'::bytea, config => '{"r": 6}');
SELECT import_adapter('mine', 'ft', :'file'::bytea, config => '{"lora_alpha": 6, "use_dora": true}');
SELECT import_adapter('mine', 'ft', :'file'::bytea, config => '{"lora_alpha": 6, "init_lora_weights": "pissa_niter_4"}');
SELECT count(*) FROM mosaic.models WHERE name IN ('mine', 'bad');
\set VERBOSITY default
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE rows;
DROP FUNCTION difference;
DROP ROLE regress_ad_user;
SELECT lo_unlink(:file_lo), lo_unlink(:base_lo);
