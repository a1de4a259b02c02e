-- Tokenizers: stored with models, from text to ids and back, who may.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
\set text :data '/text'
CREATE ROLE regress_text_owner;
CREATE ROLE regress_text_reader;
CREATE ROLE regress_text_other;
SELECT mosaic.grant_import('regress_text_owner'), mosaic.grant_import('regress_text_other');
CREATE TABLE f AS SELECT pg_read_binary_file(:'data' || '/models/text_classifier.onnx') AS model,
  pg_read_binary_file(:'text' || '/wordpiece.json') AS wordpiece, pg_read_binary_file(:'text' || '/byte_bpe.json') AS bpe,
  pg_read_binary_file(:'text' || '/unigram.model') AS sp, pg_read_binary_file(:'text' || '/vocab.txt') AS vocab;
GRANT SELECT ON f TO PUBLIC;
SET ROLE regress_text_owner;
SELECT i.tensors FROM f, generate_series(1, 3) g, import_model('m' || g, model) i;
SELECT grant_model('m1', 'regress_text_reader');
RESET ROLE;

-- without one
SELECT tokenize('m1', 'text');
SELECT drop_tokenizer('m1');
SELECT * FROM mosaic.tokenizers;
SELECT model_info('m1') ? 'tokenizer' AS has_one;

-- what long texts and lists of tokens take is given back (but for what malloc keeps, up to 64 MB)
CREATE FUNCTION resident() RETURNS int LANGUAGE sql AS
  $$ SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmRSS:\s+(\d+)'))[1]::int / 1024 $$;
BEGIN;
SELECT set_tokenizer('m1', convert_to(E'[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n' || repeat('x', 4000), 'UTF8'));
SELECT detokenize('m1', '{4}'), token_count('m1', 'text');
SELECT resident() AS before \gset
SELECT length(detokenize('m1', array_fill(5, '{60000}')));
SELECT token_count('m1', repeat('y ', 3000000));
SELECT cardinality(tokenize('m1', repeat('y ', 3000000)));
SELECT resident() - :before < 100 AS given_back;
-- nor may they take longer than is allowed
SET LOCAL pg_mosaic.max_prediction_time = '1ms';
SELECT token_count('m1', 'text');
SELECT token_count('m1', repeat('y ', 3000000));
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
DROP FUNCTION resident;

-- one for three models is one row
SET ROLE regress_text_owner;
SELECT set_tokenizer('m' || g, wordpiece) FROM f, generate_series(1, 3) g;
RESET ROLE;
SELECT tokenizer_id, bytes, description FROM mosaic.tokenizer;
SELECT count(tokenizer), count(DISTINCT tokenizer) FROM mosaic.model;
SELECT * FROM mosaic.tokenizers ORDER BY model;
SELECT model_info('m1') -> 'tokenizer' AS tokenizer;
SELECT tokenize('m1', 'The models of a store are stored as blocks.');
SELECT tokenize('m1', 'The models', special_tokens => false), tokenize('m1', ''), tokenize('m1', '', false);
SELECT detokenize('m1', tokenize('m1', 'The models of a store, stored as Blöcke.'));
SELECT detokenize('m1', tokenize('m1', 'The models'), false), detokenize('m1', '{}'), detokenize('m1', '{-1,999999}');
SELECT token_count('m1', repeat('model ', 100)), cardinality(tokenize('m1', repeat('model ', 100))) AS cut,
       cardinality(tokenize('m1', repeat('model ', 100), truncate => false)) AS whole;
SELECT tokenize('m1', NULL), token_count(NULL, 'a'), detokenize('m1', NULL);

-- all kinds, from bytes and from files; the ids are the reference's
SELECT set_tokenizer('m2', :'text' || '/byte_bpe.json'), set_tokenizer('m3', :'text' || '/unigram.model');
CREATE TABLE expected AS
SELECT m, t.n, t.text, e.row -> 0 AS ids, e.row ->> 1 AS back
FROM (VALUES ('m1', 'wordpiece.json'), ('m2', 'byte_bpe.json')) v (m, file),
     jsonb_array_elements_text(pg_read_file(:'text' || '/texts.json')::jsonb) WITH ORDINALITY t (text, n),
     jsonb_array_elements(pg_read_file(:'text' || '/expected/' || file)::jsonb) WITH ORDINALITY e (row, n)
WHERE t.n = e.n;
SELECT m, count(*) > 100 AS many, count(*) FILTER (WHERE to_jsonb(tokenize(m, text)) <> ids) AS ids_differ,
       count(*) FILTER (WHERE detokenize(m, tokenize(m, text)) <> back) AS texts_differ
FROM expected GROUP BY m ORDER BY m;
SELECT model, kind, tokens, max_length FROM mosaic.tokenizers ORDER BY model;
-- in one query the texts of several models; in parallel workers
SELECT m, sum(token_count(m, text)) FROM expected GROUP BY m ORDER BY m;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT m, sum(token_count(m, text)) FROM expected GROUP BY m ORDER BY m;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- a version that replaces the model keeps it; a new one counts from the next statement on; an old snapshot keeps the old
SET ROLE regress_text_owner;
SELECT i.tensors FROM f, import_model('m1', model, replace => true) i;
SELECT token_count('m1', 'The models');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT token_count('m1', 'The models');
SELECT set_tokenizer('m1', bpe) FROM f;
SELECT token_count('m1', 'The models');
ROLLBACK;
SELECT token_count('m1', 'The models');
SELECT count(*) AS deduplicated FROM dedup_model('m1', max_weight_error => 0.5);
SELECT tokenize('m1', 'The models');
RESET ROLE;

-- who may
SET ROLE regress_text_reader;
SELECT token_count('m1', 'The models');
SELECT model FROM mosaic.tokenizers;
SELECT model_info('m1') -> 'tokenizer' ->> 'kind' AS kind;
\set VERBOSITY sqlstate
SELECT token_count('m2', 'The models');
SELECT detokenize('m2', '{1}');
SELECT set_tokenizer('m1', vocab) FROM f;
SELECT drop_tokenizer('m1');
SELECT count(*) FROM mosaic.tokenizer;
SET ROLE regress_text_other;
SELECT set_tokenizer('m1', vocab) FROM f;
SELECT drop_tokenizer('m1');
SELECT set_tokenizer('m1', '/etc/passwd');
RESET ROLE;

-- refusals
SELECT token_count('nobody', 'a');
SELECT set_tokenizer('nobody', vocab) FROM f;
SELECT set_tokenizer(NULL, vocab) FROM f;
SELECT set_tokenizer('m1', NULL::bytea);
SELECT set_tokenizer('m1', NULL::text);
SELECT set_tokenizer('m1', ''::bytea);
SELECT set_tokenizer('m1', '{"model": {"type": "WordLevel"}}'::bytea);
SELECT set_tokenizer('m1', '{"model": {"type": "Quipu", "vocab": {}}}'::bytea);
SELECT set_tokenizer('m1', :'data' || '/no such file');
SELECT drop_tokenizer('nobody');
SELECT detokenize('m1', '{{1,2},{3,4}}');
SELECT detokenize('m1', '{1,NULL}');
SELECT detokenize('m1', array_fill(1, ARRAY[1048577]));
SELECT token_count('m1', repeat('a', 16 * 1024 * 1024 + 1));
\set VERBOSITY default
SELECT set_tokenizer('m1', '{"model": {"type": "WordLevel", "vocab": {"a": 1}}, "normalizer": {"type": "Reverse"}}'::bytea);

-- what no text can hold is no text
SELECT set_tokenizer('m2', convert_to('{"model": {"type": "WordLevel", "vocab": {"\u0000": 0, "a": 1}}, "decoder": {"type": "Fuse"}}', 'UTF8'));
SELECT detokenize('m2', '{1,1}');
\set VERBOSITY sqlstate
SELECT detokenize('m2', '{0,1}');
\set VERBOSITY default

-- what is stored of it is looked at without trust
\set VERBOSITY sqlstate
BEGIN;
UPDATE mosaic.tokenizer SET content = convert_to(replace(convert_from(content, 'UTF8'), '"a": 1', '"a": 2'), 'UTF8')
 WHERE tokenizer_id = (SELECT tokenizer FROM mosaic.model WHERE name = 'm2');
SELECT problem, model FROM check_store();
SELECT repaired FROM repair_store();
SAVEPOINT s;
SELECT set_tokenizer('m3', vocab) FROM f;
ALTER SEQUENCE mosaic.tokenizer_id_seq RESTART;
SELECT problem, detail FROM check_store() WHERE problem LIKE 'sequence%';
SELECT problem, repaired FROM repair_store() WHERE problem LIKE 'sequence%';
SELECT count(*) FROM check_store() WHERE problem LIKE 'sequence%';
ROLLBACK;
BEGIN;
DELETE FROM mosaic.tokenizer WHERE tokenizer_id = (SELECT tokenizer FROM mosaic.model WHERE name = 'm3');
SELECT problem, model FROM check_store();
-- a model that has lost it can be given another, and dropped
SELECT set_tokenizer('m3', vocab) FROM f;
SELECT token_count('m3', 'The models');
DELETE FROM mosaic.tokenizer;
SELECT drop_model('m3');
ROLLBACK;
\connect -
SET client_min_messages = warning;
BEGIN;
DELETE FROM mosaic.tokenizer;
\set VERBOSITY sqlstate
SELECT token_count('m1', 'The models');
\set VERBOSITY default
ROLLBACK;

-- a long text is cancelled soon
SET statement_timeout = '100ms';
\set VERBOSITY sqlstate
SELECT token_count('m3', repeat(string_agg(chr(97 + i * 7 % 26), ''), 600000)) FROM generate_series(1, 26) i;
\set VERBOSITY default
RESET statement_timeout;

-- the last model that has it takes it along
SELECT drop_model('m1'), drop_model('m2');
SELECT count(*) FROM mosaic.tokenizer;
SELECT drop_tokenizer('m3');
SELECT count(*) FROM mosaic.tokenizer;
SELECT * FROM check_store();
DROP EXTENSION pg_mosaic CASCADE;
DROP TABLE f, expected;
DROP ROLE regress_text_owner, regress_text_reader, regress_text_other;
