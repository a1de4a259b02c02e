-- The access method: what it refuses, and that all it lets in is aligned and intact.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_mosaic;
CREATE EXTENSION IF NOT EXISTS pageinspect;
CREATE EXTENSION IF NOT EXISTS amcheck;
CREATE SCHEMA am;
SET search_path = am, public;

-- incompressible bytes that follow from the id
CREATE FUNCTION payload(id int, length int) RETURNS bytea IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
$$ SELECT decode(string_agg(md5(id || ':' || i), '' ORDER BY i), 'hex') FROM generate_series(1, length / 16) i $$;

-- how a statement is refused
CREATE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN format(E'%s %s\n  DETAIL: %s\n  HINT: %s', SQLSTATE, message, detail, hint);
END $$;

-- Looks at every tuple in the pages, visible or not: the layout of include/mosaic/page_format.h, 32-byte
-- aligned; heap pages in amcheck's eyes (it takes heap's word only, so it is shown the table as heap); indexes
-- that find every row; and payloads that are what was put in.
CREATE FUNCTION faults(rel regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE tuples bigint; bad bigint; am oid; index regclass; found text := '';
BEGIN
  SELECT count(*), count(*) FILTER (WHERE lp_off % 32 <> 0 OR lp_len % 32 <> 0 OR t_hoff <> 24
           OR t_infomask & 1 <> 0 OR length(t_data) <> lp_len - 24
           OR (get_byte(t_data, 4) + 256 * get_byte(t_data, 5)) <> (lp_len - 28) * 4)
    INTO tuples, bad
    FROM generate_series(0, pg_relation_size(rel) / 8192 - 1) page,
         heap_page_items(get_raw_page(rel::text, page::int)) WHERE lp_flags = 1;
  IF tuples = 0 THEN found := found || 'no tuples '; END IF;
  IF bad > 0 THEN found := found || format('%s of %s tuples out of layout ', bad, tuples); END IF;

  SELECT relam INTO am FROM pg_class WHERE oid = rel;
  UPDATE pg_class SET relam = (SELECT oid FROM pg_am WHERE amname = 'heap') WHERE oid = rel;
  SELECT count(*) INTO bad FROM verify_heapam(rel);
  UPDATE pg_class SET relam = am WHERE oid = rel;
  IF bad > 0 THEN found := found || format('verify_heapam: %s ', bad); END IF;

  FOR index IN SELECT indexrelid FROM pg_index WHERE indrelid = rel LOOP
    PERFORM bt_index_check(index, true);
  END LOOP;

  EXECUTE format('SELECT count(*) FROM %s WHERE data <> am.payload(block_id, octet_length(data))', rel) INTO bad;
  IF bad > 0 THEN found := found || format('%s payloads differ ', bad); END IF;
  RETURN coalesce(nullif(found, ''), 'none');
END $$;

-- ---- Refusals ----
CREATE TABLE t (block_id int4 NOT NULL PRIMARY KEY, data bytea NOT NULL) USING mosaic;
SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0;
INSERT INTO t VALUES (1, payload(1, 1984));

SELECT tried('UPDATE t SET data = payload(2, 1984)');
SELECT tried('UPDATE t SET block_id = 2');
SELECT tried($$INSERT INTO t VALUES (2, payload(2, 1984)) ON CONFLICT DO NOTHING$$);
SELECT tried($$INSERT INTO t VALUES (1, payload(1, 1984)) ON CONFLICT (block_id) DO UPDATE SET data = excluded.data$$);
SELECT tried($$MERGE INTO t USING (VALUES (1)) s(id) ON block_id = id WHEN MATCHED THEN UPDATE SET data = ''$$);
SELECT tried('CREATE TEMP TABLE x (block_id int4, data bytea) USING mosaic');
SELECT tried('CREATE TEMP TABLE x USING mosaic AS SELECT * FROM t');
SELECT tried('CREATE UNLOGGED TABLE x (block_id int4, data bytea) USING mosaic');
SELECT tried('ALTER TABLE t SET UNLOGGED');

-- lengths: empty, short header, odd, the bounds and one step beyond, compressed, huge
SELECT length, tried(format('INSERT INTO t VALUES (2, decode(repeat(''00'', %s), ''hex''))', length))
  FROM unnest(ARRAY[0, 1, 96, 126, 127, 129, 144, 4033, 8063, 8065, 8096, 1 << 20]) length;
SELECT length, tried(format('INSERT INTO t VALUES (2, payload(2, %s)); DELETE FROM t WHERE block_id = 2', length))
  FROM unnest(ARRAY[128, 160, 1984, 4032, 8064]) length;

-- NULL, also where the table would allow it
SELECT tried('INSERT INTO t VALUES (2, NULL)');
CREATE TABLE nullable (block_id int4, data bytea) USING mosaic;
SELECT tried('INSERT INTO nullable VALUES (2, NULL)');
SELECT tried('INSERT INTO nullable VALUES (NULL, payload(1, 128))');

-- shapes: refused when the table is made ...
SELECT tried('CREATE TABLE x () USING mosaic');
SELECT tried('CREATE TABLE x (data bytea) USING mosaic');
SELECT tried('CREATE TABLE x (block_id int8, data bytea) USING mosaic');
SELECT tried('CREATE TABLE x (block_id int4, data text) USING mosaic');
SELECT tried('CREATE TABLE x (block_id int4, data bytea, extra int4) USING mosaic');
SELECT tried('CREATE MATERIALIZED VIEW x USING mosaic AS SELECT 1');
-- ... rewritten, or, where ALTER TABLE changes the catalog alone, at the next insertion
CREATE TABLE altered (block_id int4, data bytea) USING mosaic;
INSERT INTO altered SELECT * FROM t;
SELECT tried('ALTER TABLE altered ALTER COLUMN block_id TYPE int8');
SELECT tried('ALTER TABLE altered ADD COLUMN extra float8 DEFAULT random()');
ALTER TABLE altered ADD COLUMN extra int4 DEFAULT 7;
SELECT tried('INSERT INTO altered VALUES (2, payload(2, 1984), 3)');
ALTER TABLE altered DROP COLUMN extra;
SELECT tried('INSERT INTO altered VALUES (2, payload(2, 1984))');
\set VERBOSITY sqlstate
VACUUM FULL altered;
\set VERBOSITY default
SELECT faults('altered');
-- TRUNCATE is still possible, and the rows can be had elsewhere
CREATE TABLE rescued USING mosaic AS SELECT * FROM altered;
TRUNCATE altered;
SELECT faults('rescued');
ALTER TABLE rescued ALTER COLUMN data SET STORAGE EXTENDED;
SELECT tried('INSERT INTO rescued VALUES (2, payload(2, 1984))');
\set VERBOSITY sqlstate
VACUUM FULL rescued;
\set VERBOSITY default
ALTER TABLE rescued ALTER COLUMN data SET STORAGE PLAIN;
SELECT tried('INSERT INTO rescued VALUES (2, payload(2, 1984))');
DROP TABLE nullable, altered, rescued;

-- an index build that fails half-way leaves the access method in place
SELECT tried('CREATE INDEX ON t ((1 / (block_id - 1)))');
SELECT tried('INSERT INTO t VALUES (2, payload(2, 144))');
SELECT tried('UPDATE t SET block_id = 2');

-- ---- Every way in ----
CREATE TABLE source (block_id int4, data bytea);           -- compressed in line, and moved out of line
INSERT INTO source SELECT i, payload(i, 1984) FROM generate_series(101, 120) i;
INSERT INTO source SELECT i, payload(i, 8064) FROM generate_series(121, 130) i;
CREATE TABLE zeros AS SELECT i AS block_id, decode(repeat('00', 4032), 'hex') AS data FROM generate_series(201, 203) i;
SELECT bool_and(pg_column_size(data) < 200) AS compressed FROM zeros;
SELECT pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM pg_class WHERE oid = 'source'::regclass;

SELECT faults('zeros');                                     -- the check can fail

INSERT INTO t SELECT * FROM source;
INSERT INTO t SELECT * FROM zeros;
SELECT block_id, length(data), data = decode(repeat('00', 4032), 'hex') AS same, pg_column_size(data) FROM t WHERE block_id > 200;
DELETE FROM t WHERE block_id > 200;
INSERT INTO t VALUES (2, payload(2, 128)), (3, payload(3, 4032)) RETURNING block_id, length(data);
WITH moved AS (DELETE FROM t WHERE block_id = 2 RETURNING *) INSERT INTO t SELECT block_id + 2, payload(block_id + 2, 128) FROM moved;
PREPARE put(int, bytea) AS INSERT INTO t VALUES ($1, $2);
EXECUTE put(5, payload(5, 8064));
SELECT faults('t');

-- COPY: text, binary, and many rows at once whose values come compressed from a default
SELECT current_setting('data_directory') || '/mosaic_am_' AS prefix \gset
\set file :prefix 'text'
COPY (SELECT i, payload(i, 4032) FROM generate_series(301, 340) i) TO :'file';
COPY t FROM :'file';
\set file :prefix 'binary'
COPY (SELECT i, payload(i, 1984) FROM generate_series(341, 380) i) TO :'file' (FORMAT binary);
COPY t FROM :'file' (FORMAT binary);
SELECT faults('t'), count(*) FROM t;
CREATE FUNCTION staged() RETURNS bytea STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT data FROM am.zeros LIMIT 1); END $$;
CREATE TABLE defaulted (block_id int4 NOT NULL, data bytea NOT NULL DEFAULT staged()) USING mosaic;
COPY defaulted (block_id) FROM stdin;
1
2
3
\.
SELECT block_id, length(data), pg_column_size(data) FROM defaulted;
SELECT DISTINCT lp_off % 32 AS misaligned, lp_len FROM heap_page_items(get_raw_page('defaulted', 0));
\set VERBOSITY sqlstate
COPY t FROM stdin;
400	\\x00
\.
COPY t FROM stdin;
400	\N
\.
\set VERBOSITY default

-- triggers see and change rows; what they change is checked, too
CREATE FUNCTION from_zeros() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.data := (SELECT data FROM am.zeros LIMIT 1); RETURN NEW; END $$;
CREATE TRIGGER replace_data BEFORE INSERT ON defaulted FOR EACH ROW EXECUTE FUNCTION from_zeros();
INSERT INTO defaulted VALUES (4, '');
SELECT count(*), count(DISTINCT data), max(pg_column_size(data)) FROM defaulted;

-- CREATE TABLE AS, SELECT INTO, materialized views
CREATE TABLE made USING mosaic AS SELECT * FROM source;
INSERT INTO made SELECT i, payload(i, 160) FROM generate_series(1, 100) i;
SELECT faults('made');
SET default_table_access_method = mosaic;
SELECT * INTO into_made FROM source;
RESET default_table_access_method;
SELECT faults('into_made');
CREATE MATERIALIZED VIEW seen USING mosaic AS SELECT * FROM source;
REFRESH MATERIALIZED VIEW seen;
SELECT faults('seen');
DROP MATERIALIZED VIEW seen;

-- SET ACCESS METHOD, there and back
SELECT tried('ALTER TABLE source SET ACCESS METHOD mosaic');
ALTER TABLE source ALTER COLUMN data SET STORAGE PLAIN, SET ACCESS METHOD mosaic;
SELECT faults('source'), count(*), sum(length(data)) FROM source;
SELECT reltoastrelid FROM pg_class WHERE oid = 'source'::regclass;
ALTER TABLE source SET ACCESS METHOD heap;
SELECT count(*) FILTER (WHERE data = payload(block_id, length(data))) AS intact FROM source;
INSERT INTO source VALUES (1, '\x00');
SELECT tried('ALTER TABLE source SET ACCESS METHOD mosaic');
DELETE FROM source WHERE block_id = 1;
ALTER TABLE source SET ACCESS METHOD mosaic;
SELECT faults('source');

-- ---- What heap gives ----
CREATE INDEX ON t (length(data));
CREATE INDEX CONCURRENTLY t_expr_idx ON t ((block_id % 7)) WHERE block_id > 0;
REINDEX TABLE t;
REINDEX INDEX CONCURRENTLY t_expr_idx;
SELECT faults('t');
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
ALTER TABLE t SET (parallel_workers = 2);
CREATE INDEX t_parallel_idx ON t (block_id DESC);
SELECT faults('t');
DROP INDEX t_parallel_idx;

ANALYZE t;
VACUUM t;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT block_id FROM t WHERE block_id BETWEEN 300 AND 320;
SELECT count(block_id) FROM t WHERE block_id BETWEEN 300 AND 320;
RESET enable_seqscan;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS off) SELECT count(*), sum(length(data)) FROM t;
SELECT count(*), sum(length(data)) FROM t;
SELECT count(*) > 0 AS found FROM t WHERE ctid >= '(0,0)' AND ctid < '(5,1)';
SELECT count(*) FROM t TABLESAMPLE SYSTEM (100);
SELECT block_id, length(data) FROM t WHERE block_id IN (1, 5) ORDER BY 1 FOR UPDATE;
CREATE TABLE refers (block_id int4 REFERENCES t);
INSERT INTO refers VALUES (5);
SELECT tried('DELETE FROM t WHERE block_id = 5');
DROP TABLE refers;
SELECT faults('t');

-- aborts and savepoints leave aligned garbage, and no row
BEGIN;
INSERT INTO t SELECT i, payload(i, 1984) FROM generate_series(501, 520) i;
ROLLBACK;
BEGIN;
INSERT INTO t VALUES (501, payload(501, 8064));
SAVEPOINT s;
INSERT INTO t SELECT i, payload(i, 160) FROM generate_series(502, 520) i;
DELETE FROM t WHERE block_id = 501;
SELECT tried('INSERT INTO t VALUES (502, payload(502, 144))');
ROLLBACK TO s;
INSERT INTO t VALUES (502, payload(502, 128));
COMMIT;
SELECT faults('t'), array_agg(block_id ORDER BY block_id) FROM t WHERE block_id > 500;

-- random deletions, pruning, and insertions of all lengths into the holes
CREATE TABLE churn (block_id int4 NOT NULL PRIMARY KEY, data bytea NOT NULL) USING mosaic;
CREATE PROCEDURE churn(first int, last int) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM setseed(0.42);
  FOR round IN first..last LOOP
    INSERT INTO am.churn SELECT id, am.payload(id, 128 + 32 * (random() * 248)::int)
      FROM generate_series(round * 100, round * 100 + 59) id;
    INSERT INTO am.churn SELECT id, am.payload(id, (ARRAY[1984, 4032, 8064])[1 + id % 3])
      FROM generate_series(round * 100 + 60, round * 100 + 99) id;
    COMMIT;
    DELETE FROM am.churn WHERE random() < 0.4;
    COMMIT;
    PERFORM count(*) FROM am.churn WHERE length(data) > 0;  -- prunes
  END LOOP;
END $$;
CALL churn(1, 6);
SELECT faults('churn');
VACUUM churn;
CALL churn(7, 12);
SELECT faults('churn');
DELETE FROM churn WHERE block_id % 2 = 0;
VACUUM (FREEZE) churn;
SELECT faults('churn');
INSERT INTO churn SELECT -i, payload(-i, 128 + 32 * (i % 249)) FROM generate_series(1, 150) i;
SELECT faults('churn');
SELECT count(*) AS rows_before, md5(string_agg(data, '' ORDER BY block_id)) AS content_before FROM churn \gset
VACUUM FULL churn;
SELECT faults('churn');
CLUSTER churn USING churn_pkey;
SELECT faults('churn');
VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) churn;
REINDEX TABLE churn;
SELECT faults('churn');
SELECT count(*) = :rows_before AS same_rows, md5(string_agg(data, '' ORDER BY block_id)) = :'content_before' AS same_content FROM churn;

-- blocks per page of each height
CREATE TABLE full_pages (block_id int4 NOT NULL, data bytea NOT NULL) USING mosaic;
INSERT INTO full_pages SELECT i, payload(i, 8064) FROM generate_series(1, 4) i;
SELECT pg_relation_size('full_pages') / 8192 AS pages_of_4_blocks_126;
TRUNCATE full_pages;
INSERT INTO full_pages SELECT i, payload(i, 4032) FROM generate_series(1, 8) i;
SELECT pg_relation_size('full_pages') / 8192 AS pages_of_8_blocks_63;
TRUNCATE full_pages;
INSERT INTO full_pages SELECT i, payload(i, 1984) FROM generate_series(1, 16) i;
SELECT pg_relation_size('full_pages') / 8192 AS pages_of_16_blocks_31;
SELECT faults('full_pages');

DROP SCHEMA am CASCADE;
DROP EXTENSION amcheck;
DROP EXTENSION pageinspect;
DROP EXTENSION pg_mosaic CASCADE;
