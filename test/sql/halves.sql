-- Weights of 16-bit floats are stored in 16 bits, and computed as float32: what a file has, to the bit.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set models :data '/models'
\set files :data '/fine_tunes'
CREATE TABLE rows AS SELECT i, (SELECT array_agg((hashint4(i * 1000 + j) % 1000 / 1000.0)::real ORDER BY j) FROM generate_series(1, 48) j) AS x FROM generate_series(1, 600) i;
-- the same numbers in float32
SELECT weight_bytes FROM import_model('wide', :'models' || '/tuned_half.onnx');
SELECT tensors FROM import_model('base', :'models' || '/tuned_base.onnx');
SELECT weight_bytes FROM import_model('half', weights => :'files' || '/half.safetensors', like => 'base', base_weights => :'files' || '/base.safetensors');
SELECT weight_bytes FROM import_model('float16', :'models' || '/tuned_float16.onnx');
SELECT model, name, dtype, layout, stored_dtype, blocks FROM mosaic.tensors WHERE model IN ('half', 'float16') AND layout <> 'inline' ORDER BY model, tensor_no;
SELECT name, weight_dtype FROM mosaic.models ORDER BY name;
SELECT round(w.total_bytes::numeric / h.total_bytes, 1) AS smaller FROM mosaic.models w, mosaic.models h WHERE w.name = 'wide' AND h.name = 'half';
-- the same bits, alone and in batches
SELECT count(*) FILTER (WHERE predict('half', x) = predict('wide', x)) AS same FROM rows;
SELECT count(*) FILTER (WHERE h = w) AS same FROM unnest(predict('half', (SELECT array_agg(x ORDER BY i) FROM rows)), predict('wide', (SELECT array_agg(x ORDER BY i) FROM rows))) u(h, w);
SET pg_mosaic.batch = off;
SELECT count(*) FILTER (WHERE predict('half', x) = predict('wide', x)) AS same FROM rows WHERE i <= 40;
RESET pg_mosaic.batch;
CREATE TABLE before AS SELECT i, predict('half', x) AS half, predict('float16', x) AS float16 FROM rows;
-- blocks of the two float16 models are shared; a file that is written has the bits that came
SELECT count(*) > 0 AS shared FROM mosaic.tensors WHERE model = 'half' AND stored_dtype = 'float16' AND shared_blocks = blocks;
SELECT blocks = blocks_shared AS shared, new_bytes FROM import_model('again', export_model('float16'));
SELECT export_model('again') = export_model('float16') AS same_file;
SELECT count(*) FILTER (WHERE predict('again', x) = float16) AS same FROM rows JOIN before USING (i);
-- packed, checked, near, lossless, rounded where that is asked for
SELECT count(*) > 0 AS packed FROM pack_models();
SELECT * FROM check_store();
SELECT count(*) FILTER (WHERE predict('half', x) = half AND predict('float16', x) = float16) AS same FROM rows JOIN before USING (i);
SELECT pg_read_binary_file(:'files' || '/half.safetensors') AS file \gset
-- the last bit of one weight moves
SELECT set_byte(file, 600, get_byte(file, 600) # 1) AS moved FROM (SELECT pg_read_binary_file(:'files' || '/half.safetensors') AS file) f \gset
SELECT blocks_shared < blocks AS one_is_new FROM import_model('moved', weights => :'moved'::bytea, like => 'base', base_weights => pg_read_binary_file(:'files' || '/base.safetensors'));
SELECT drop_model('moved');
SELECT merged > 0 AS merged FROM import_model('near', weights => :'moved'::bytea, like => 'half', base_weights => :'file'::bytea, replace => true, dedup => 'near', max_weight_error => 0.01);
SELECT count(*) FILTER (WHERE predict('near', x) = half) AS merged FROM rows JOIN before USING (i);
SELECT tensors FROM import_model('lossless', weights => :'moved'::bytea, like => 'half', base_weights => :'file'::bytea, dedup => 'lossless');
SELECT tensors FROM import_model('moved', weights => :'moved'::bytea, like => 'half', base_weights => :'file'::bytea);
SELECT count(*) FILTER (WHERE predict('lossless', x) = predict('moved', x)) AS same FROM rows;
SELECT tensors FROM import_model('rounded', :'models' || '/tuned_float16.onnx', dtype => 'bf16');
SELECT name, weight_dtype FROM mosaic.models WHERE name = 'rounded';
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE rows, before;
