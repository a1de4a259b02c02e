-- Random calls of every SQL function of the extension: any names, types, shapes, NULLs, settings, alone and over a table.
--
-- calls.run(n) makes n of them, a quarter of which as a role that is no superuser (one that may import and administer, one that may
-- only use what it was granted), each in a subtransaction of which five in six are rolled back, and counts how they ended in
-- calls.outcomes. Each statement is logged before it runs (LOG: call ...), so that the last one is known when the server dies.
-- setseed() before calls.prepare() and before each calls.run() makes the same draws again.
CREATE SCHEMA calls;
CREATE TABLE calls.outcomes(function text, arguments text, role text, sqlstate text, count int, example text, message text, PRIMARY KEY (function, arguments, role, sqlstate));
-- What no call may end in. Four functions look at what is stored, and are given anything: to them damage is an argument.
CREATE VIEW calls.internal AS
  SELECT * FROM calls.outcomes WHERE sqlstate ~ '^XX' AND NOT (sqlstate = 'XX001' AND function IN ('map_blocks', 'geometry_bytes', 'is_sound', 'may_use'));
CREATE TABLE calls.slow(statement text, seconds float8);
-- Ids of contents that models have, or had.
CREATE TABLE calls.content(model text, id uuid);

CREATE FUNCTION calls.chance(p float8) RETURNS bool LANGUAGE sql VOLATILE AS 'SELECT random() < p';
CREATE FUNCTION calls.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
  'SELECT choices[1 + floor(random() * array_length(choices, 1))::int]';

-- A number that type can be read from.
CREATE FUNCTION calls.number(type text) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE
    WHEN calls.chance(0.7) THEN (floor(random() * 12) - 1)::text
    WHEN type ~ 'smallint' THEN calls.pick('0', '32767', '-32768')
    WHEN type ~ 'int' THEN calls.pick('0', '2147483647', '-2147483648', '30521')
    WHEN type ~ 'boolean' THEN calls.pick('0', '1')
    WHEN type ~ 'numeric' THEN calls.pick('NaN', '1e400', '-1e-400', '0.5', 'Infinity')
    ELSE calls.pick('NaN', 'Infinity', '-Infinity', '0.5', '-0', '1e38', '1e-45', '255') END
$$;

-- An array as a literal: of the lengths that the models want, or another; of two dimensions; with NULLs; from another index on.
CREATE FUNCTION calls.numbers(type text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n int := calls.pick('4', '4', '4', '784', '784', '3', '8', '16', '1', '0', '5', '1000')::int;
  rows int := CASE WHEN calls.chance(0.2) THEN calls.pick('1', '2', '3', '7')::int END;
  nulls float8 := CASE WHEN calls.chance(0.1) THEN 0.2 ELSE 0 END;
  text text;
BEGIN
  IF n = 0 THEN RETURN '{}'; END IF;
  text := (SELECT '{' || string_agg(item, ',') || '}' FROM (
    SELECT '{' || string_agg(CASE WHEN random() < nulls THEN 'NULL' ELSE calls.number(type) END, ',') || '}' AS item
      FROM generate_series(1, coalesce(rows, 1)) r, generate_series(1, n) i GROUP BY r) t);
  IF rows IS NULL THEN text := substr(text, 2, length(text) - 2); END IF;
  IF rows IS NULL AND calls.chance(0.1) THEN text := format('[%s:%s]=%s', 5, 4 + n, text); END IF;
  RETURN text;
END $$;

CREATE FUNCTION calls.model() RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN calls.chance(0.8) THEN calls.pick('iris', 'iris', 'iris', 'fashion_base', 'text_classifier', 'text_classes', 'text_classes', 'half', 'newer', 'newer', 'prod', 'people', 'iris@1', 'newer@2')
    ELSE calls.pick('', 'no such model', 'iris@', '@', 'iris@999999999999999999999', repeat('x', 300), 'ümläut', 'a''b"c\d', E'two\nlines', '../iris', '%s%n') END
$$;

-- An expression for an argument.
CREATE FUNCTION calls.argument(name text, type text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE v text;
BEGIN
  IF calls.chance(0.05) THEN RETURN format('NULL::%s', CASE type WHEN 'anyarray' THEN 'real[]' WHEN 'record' THEN 'calls.item' WHEN 'anyelement' THEN 'text' ELSE type END); END IF;
  IF type = 'anyarray' THEN type := calls.pick('real[]', 'integer[]', 'double precision[]', 'bigint[]', 'smallint[]', 'numeric[]', 'boolean[]', 'text[]', 'date[]'); END IF;
  CASE
    WHEN type = 'record' THEN
      RETURN calls.pick('ROW(5.1, 3.5, 1.4, 0.2)', 'ROW(5.1::real, 3, 1::smallint, 0.2::numeric)', 'ROW(1)', 'ROW()', 'ROW(''a'', NULL, now(), ''{}''::jsonb)',
        'ROW(ARRAY[1,2,3,4])', 'ROW(''a text''::text)', '(SELECT i FROM calls.item i LIMIT 1)', '(SELECT i FROM (SELECT a, b, c, d FROM calls.item) i LIMIT 1)');
    WHEN type = 'text[]' THEN
      v := calls.pick('{a,b,c}', '{a,b}', '{}', '{NULL}', '{{a,b},{c,d}}', '{"",""}', '{great movie,bad}');
    WHEN type = 'date[]' THEN v := '{2026-01-01,infinity}';
    WHEN type = 'boolean[]' THEN v := calls.pick('{t,f,t,f}', '{}', '{t}', '{NULL,t,f,t}');
    WHEN type = 'mosaic.role[]' THEN v := calls.pick('{calls_reader}', '{calls_importer,-}', '{}', '{NULL,?}', '{{calls_reader,-},{?,-}}', '{no such role}', '[5:6]={calls_reader,-}');
    WHEN type ~ '\[\]$' THEN v := calls.numbers(type);
    WHEN type = 'bytea' THEN
      -- A file, one with some bytes changed, or anything.
      v := format('(SELECT content FROM calls.file WHERE name = %L)', calls.pick('iris', 'iris', 'text_classes', 'vocab', 'tokenizer', 'weights'));
      IF calls.chance(0.4) THEN
        RETURN (SELECT string_agg(CASE i WHEN 1 THEN repeat('set_byte(', 3) || v ELSE '' END || format(', %s, %s)', floor(random() * 60 * i), floor(random() * 256)), '') FROM generate_series(1, 3) i);
      END IF;
      RETURN calls.pick(v, v, v, '''''::bytea', 'decode(md5(random()::text), ''hex'')', format('substr(%s, 1, %s)', v, floor(random() * 500)));
    WHEN type IN ('jsonb', 'json') THEN
      v := calls.pick('{}', '[]', 'null', '1', '"text"', '{"input": [1,2,3,4]}', '{"input": [[1,2,3,4],[5,6,7,8]]}', '{"input": [1,"a",null,{}]}', '{"x": [1e999]}', '{"input": 1e400}',
        '{"input": [[[[[[[[[[1]]]]]]]]]]}', '{"input": [[1],[2,3]]}', '{"tokens": [1,2,3]}', '{"text": "a text"}', '{"r": 8, "lora_alpha": 16}', '{"input": "sepal", "other": 3}', '{"a": null, "b": -1}', '{"input": {"a": 1}}', '{"features": {"age": 40, "weight": 71.5}}', '{"features": {}}');
      IF type = 'json' AND v ~ 'e999|e400' THEN v := '{"input": [1, 1e400]}'; END IF;
    WHEN type = 'regrole' THEN RETURN calls.pick('current_user::regrole', '0::oid::regrole', '''calls_reader''::regrole', '4000000000::oid::regrole');
    WHEN type = 'regclass' THEN RETURN calls.pick('''calls.item''::regclass', '''mosaic.model''::regclass', '0::oid::regclass', '4000000000::oid::regclass', '''pg_class''::regclass');
    WHEN type = 'regproc' THEN RETURN calls.pick('NULL::regproc', '0::oid::regproc', '''pg_backend_pid''::regproc', '''pg_client_encoding''::regproc', '4000000000::oid::regproc');
    WHEN type = 'oid' THEN RETURN CASE WHEN name = 'relation' THEN calls.pick('''mosaic.model''::regclass::oid', '''mosaic.tensor''::regclass::oid', '''mosaic.block''::regclass::oid', '''mosaic.domain''::regclass::oid', '''pg_class''::regclass::oid', '0::oid')
      ELSE calls.pick('(SELECT lo FROM calls.large)', '0::oid', '4000000000::oid', '(SELECT lo FROM calls.large)') END;
    WHEN type = 'boolean' THEN v := calls.pick('t', 'f');
    WHEN type = 'uuid' THEN
      -- Most that take one take numbers, of which those of iris are the likeliest.
      v := CASE WHEN calls.chance(0.1) THEN calls.pick('00000000-0000-0000-0000-000000000000', md5(random()::text))
        ELSE (SELECT id FROM calls.content ORDER BY model = 'iris' AND calls.chance(0.5) DESC, random() LIMIT 1)::text END;
    WHEN type = 'tid' THEN v := calls.pick('(0,1)', '(0,1)', '(0,2)', '(1,1)', '(0,0)', '(0,65535)', '(0,291)', '(4294967295,1)', '(4294967294,0)', format('(%s,%s)', floor(random() * 9), floor(random() * 9)));
    WHEN type = 'mosaic.role' THEN v := calls.pick('calls_reader', 'calls_importer', '-', '?', '', 'no such role', '"calls_reader"', repeat('x', 100), 'a.b', '16384');
    WHEN type IN ('text', 'character varying', 'name') THEN
      v := CASE
        WHEN name = 'alias' THEN calls.pick('prod', 'prod', calls.model())
        WHEN name ~ '^(model|name|new_name|base|like|model_name|reference|versions?)$' AND calls.chance(0.95) THEN calls.model()
        WHEN name ~ 'path|adapter|weights|file' THEN calls.pick('/dev/null', '/nonexistent/a.onnx', '/', '.', '', 'relative.onnx', '/proc/self/status', current_setting('calls.models') || '/iris.onnx',
          current_setting('calls.models') || '/text_classes.onnx', current_setting('calls.models'), current_setting('calls.models') || '/../text/vocab.txt')
        WHEN name = 'dedup' THEN calls.pick('exact', 'near', 'lossless', 'ladder', 'off', '', 'EXACT')
        WHEN name = 'validation' THEN calls.pick('SELECT reals, label FROM calls.item WHERE reals IS NOT NULL', 'SELECT 1', 'DROP TABLE calls.item', 'SELECT reals, 1 FROM calls.item', ';', 'SELECT a, b FROM calls.item')
        WHEN name = 'metric' THEN calls.pick('accuracy', 'agreement', 'mse', 'no', '')
        WHEN name = 'dtype' THEN calls.pick('f32', 'bf16', 'f16', 'file', 'no')
        WHEN name = 'batch_axis' THEN calls.pick('none', 'auto', '0', 'batch', 'N', '')
        WHEN name = 'pooling' THEN calls.pick('mean', 'cls', 'max', 'last', 'no')
        WHEN name = 'output' THEN calls.pick('output', 'probabilities', 'label', 'no', '')
        ELSE calls.pick('a text', '', 'great movie', repeat('long ', 300), E'\u00fc\u4e2d\U0001F600', E'\t\n', 'iris', 'x@y', calls.model()) END;
    WHEN type IN ('integer', 'bigint', 'smallint', 'real', 'double precision', 'numeric') THEN
      v := CASE WHEN type IN ('integer', 'bigint') AND calls.chance(0.5) THEN calls.pick('1', '2', '5', '10', '0', '-1') ELSE calls.number(type) END;
      IF type = 'smallint' AND abs(v::int) > 32767 THEN v := '1'; END IF;
    ELSE RAISE EXCEPTION 'calls.argument() has no case for the type % of the argument %', type, name;
  END CASE;
  RETURN format('%L::%s', v, type);
END $$;

-- What can be called (types count from 0, as an oidvector does): no support functions, handlers or triggers, whose arguments SQL does not have.
CREATE VIEW calls.function AS
  SELECT p.oid, n.nspname, p.proname, p.pronargs, p.pronargdefaults, p.proargtypes::oid[] AS types, p.proargnames AS names, p.provariadic <> 0 AS is_variadic,
         p.provolatile = 'v' AS is_volatile
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_mosaic'
   WHERE p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'internal'::regtype, 'table_am_handler'::regtype)
     AND NOT 'internal'::regtype = ANY (p.proargtypes::oid[]) AND NOT 'cstring'::regtype = ANY (p.proargtypes::oid[]);

-- A column of calls.item that could stand for an argument of the type; NULL: none.
CREATE FUNCTION calls.column_for(name text, type text) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT CASE
    WHEN name IN ('model', 'name') THEN CASE WHEN calls.chance(0.1) THEN 'i.model' END
    WHEN type IN ('real[]', 'anyarray') THEN 'i.reals'
    WHEN type = 'integer[]' THEN 'i.ints'
    WHEN type = 'record' THEN calls.pick('i', 'ROW(i.a, i.b, i.c, i.d)')
    WHEN type IN ('jsonb', 'json') THEN 'i.object::' || type
    WHEN type = 'double precision[]' THEN 'i.reals::double precision[]'
    WHEN type = 'text' THEN 'i.content' END
$$;

CREATE FUNCTION calls.statement(f calls.function) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  over bool := NOT f.is_volatile AND calls.chance(0.4);
  arguments text := '';
  by_name bool := false;
  value text;
  type text;
BEGIN
  FOR i IN 1 .. f.pronargs LOOP
    CONTINUE WHEN i > f.pronargs - f.pronargdefaults AND calls.chance(0.7);
    type := format_type(f.types[i - 1], NULL);
    value := CASE WHEN over THEN calls.column_for(f.names[i], type) END;
    IF value IS NULL AND f.names[i] = 'dry_run' THEN value := calls.pick('true', 'true', 'false'); END IF;
    value := coalesce(value, calls.argument(f.names[i], type));
    IF f.is_variadic AND i = f.pronargs THEN
      value := CASE WHEN calls.chance(0.5) THEN 'VARIADIC ' || value ELSE calls.pick('5.1, 3.5, 1.4, 0.2', '1', 'NULL', '1, 2, 3, 4, 5', '1, NULL, 2, 3') END;
    ELSIF i > f.pronargs - f.pronargdefaults THEN
      value := format('%I => %s', f.names[i], value);
    END IF;
    arguments := arguments || CASE WHEN arguments = '' THEN '' ELSE ', ' END || value;
  END LOOP;
  RETURN format('SELECT string_agg(x::text, '''') FROM (SELECT %I.%I(%s) AS x%s) t', f.nspname, f.proname, arguments, CASE WHEN over THEN ' FROM calls.item i' ELSE '' END);
END $$;

-- Some setting of ours, until the end of the call.
CREATE FUNCTION calls.set_something() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE s pg_settings; v text;
BEGIN
  SELECT * INTO s FROM pg_settings WHERE name LIKE 'pg\_mosaic.%' AND context IN ('user', 'superuser') ORDER BY random() LIMIT 1;
  v := CASE s.vartype WHEN 'bool' THEN calls.pick('on', 'off') WHEN 'enum' THEN s.enumvals[1 + floor(random() * array_length(s.enumvals, 1))::int]
    WHEN 'string' THEN '' ELSE calls.pick(s.min_val, s.max_val, s.boot_val, s.boot_val) END;
  PERFORM set_config(s.name, v, true);
EXCEPTION WHEN invalid_parameter_value OR insufficient_privilege THEN NULL;
END $$;

CREATE PROCEDURE calls.one(n int) LANGUAGE plpgsql AS $$
DECLARE
  f calls.function;
  name name;
  caller text := CASE WHEN calls.chance(0.25) THEN calls.pick('calls_reader', 'calls_importer') ELSE 'none' END;
  statement text;
  begin_at timestamptz;
  state text := 'rolled back';
  said text;
BEGIN
  -- By name, each in turn at first, and one of its forms; or any form.
  SELECT proname INTO name FROM (SELECT DISTINCT proname FROM calls.function) names ORDER BY proname OFFSET n - 1 LIMIT 1;
  IF name IS NULL AND calls.chance(0.7) THEN SELECT proname INTO name FROM (SELECT DISTINCT proname FROM calls.function) names ORDER BY random() LIMIT 1; END IF;
  SELECT * INTO f FROM calls.function WHERE proname = name OR name IS NULL ORDER BY random() LIMIT 1;
  statement := calls.statement(f);
  RAISE LOG 'call %, role %', statement, caller;
  begin_at := clock_timestamp();
  BEGIN
    IF calls.chance(0.3) THEN PERFORM calls.set_something(); END IF;
    PERFORM set_config('role', caller, true);
    EXECUTE statement;
    PERFORM set_config('role', 'none', true);
    state := '00000';
    IF calls.chance(0.83) THEN RAISE EXCEPTION USING ERRCODE = 'UUUUU'; END IF;
  EXCEPTION WHEN OTHERS THEN
    state := CASE SQLSTATE WHEN 'UUUUU' THEN '00000' ELSE SQLSTATE END;
    said := SQLERRM;
  END;
  IF clock_timestamp() - begin_at > interval '5 s' THEN INSERT INTO calls.slow VALUES (statement, extract(epoch FROM clock_timestamp() - begin_at)); END IF;
  INSERT INTO calls.outcomes AS o VALUES (f.proname, oidvectortypes(array_to_string(f.types, ' ')::oidvector), caller, state, 1, statement, said)
    ON CONFLICT (function, arguments, role, sqlstate) DO UPDATE SET count = o.count + 1;
END $$;

-- The models that the calls name, where they are gone or under other names.
CREATE PROCEDURE calls.import(name text, file text, dtype text DEFAULT 'f32') LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM mosaic.models m WHERE m.name = import.name) THEN RETURN; END IF;
  PERFORM import_model(import.name, current_setting('calls.models') || '/' || file || '.onnx', dtype => import.dtype);
END $$;
CREATE PROCEDURE calls.provide() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM drop_alias(a.alias) FROM mosaic.aliases a WHERE a.alias IN ('iris', 'fashion_base', 'text_classifier', 'text_classes', 'half', 'newer');
  CALL calls.import('iris', 'iris');
  CALL calls.import('fashion_base', 'fashion_base');
  CALL calls.import('text_classifier', 'text_classifier');
  CALL calls.import('text_classes', 'text_classes');
  CALL calls.import('half', 'fashion_noise', 'bf16');
  CALL calls.import('newer', 'iris');
  IF NOT EXISTS (SELECT FROM mosaic.versions WHERE model = 'newer' AND version > 1) THEN
    PERFORM import_model('newer', current_setting('calls.models') || '/iris_opset9.onnx', keep => 3);
  END IF;
  IF NOT EXISTS (SELECT FROM mosaic.aliases WHERE alias = 'prod') AND NOT EXISTS (SELECT FROM mosaic.models WHERE name = 'prod') THEN
    PERFORM set_alias('prod', 'newer');
  END IF;
  PERFORM import_model('people', content) FROM calls.file WHERE name = 'people' AND NOT EXISTS (SELECT FROM mosaic.models m WHERE m.name = 'people');
  PERFORM set_tokenizer('text_classes', content) FROM calls.file WHERE name = 'vocab';
  PERFORM grant_model(m.name, 'calls_reader'), grant_model(m.name, 'calls_importer') FROM mosaic.models m WHERE m.name IN ('iris', 'text_classes', 'people', 'newer');
  INSERT INTO calls.content SELECT m.name, i FROM mosaic.models m, content_id(m.name) i WHERE NOT EXISTS (SELECT FROM calls.content c WHERE c.id = i);
END $$;

CREATE PROCEDURE calls.run(calls int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. calls LOOP
    IF i % 50 = 1 THEN CALL calls.provide(); END IF;
    CALL calls.one(i);
    COMMIT;
  END LOOP;
END $$;

CREATE PROCEDURE calls.prepare(dir text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('calls.models', dir, false);
  CREATE TABLE calls.file AS
    SELECT 'iris' AS name, pg_read_binary_file(dir || '/iris.onnx') AS content
    UNION ALL SELECT 'text_classes', pg_read_binary_file(dir || '/text_classes.onnx')
    -- map(string, float) -> DictVectorizer {age, height, weight} -> LinearRegressor
    UNION ALL SELECT 'people', '\x08083ae5010a560a086665617475726573120178220e44696374566563746f72697a65722a2b0a11737472696e675f766f636162756c6172794a036167654a066865696768744a06776569676874a001083a0a61692e6f6e6e782e6d6c0a5b0a0178120179220f4c696e656172526567726573736f722a1f0a0c636f656666696369656e74733a0c0000803f0000004000004040a001062a150a0a696e74657263657074733a040000003fa001063a0a61692e6f6e6e782e6d6c1201675a160a086665617475726573120a2a08080812040a02080162130a0179120e0a0c080112080a0208010a02080142040a001011420e0a0a61692e6f6e6e782e6d6c1003'
    UNION ALL SELECT 'vocab', pg_read_binary_file(dir || '/../text/vocab.txt')
    UNION ALL SELECT 'tokenizer', convert_to('{"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "a": 1, "text": 2, "##s": 3}, "unk_token": "[UNK]"}}', 'UTF8')
    UNION ALL SELECT 'weights', '\x3f00000000000000'::bytea || convert_to('{"0.0.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ', 'UTF8') || '\x0000803f';
  CREATE TABLE calls.large AS SELECT lo_from_bytea(0, content) AS lo FROM calls.file WHERE name = 'iris';
  CREATE TABLE calls.item AS
    SELECT calls.model() AS model, 5.1::real AS a, i::int AS b, (i * 0.3)::float8 AS c, CASE WHEN i % 7 > 0 THEN 0.2::numeric END AS d, i % 3 AS label,
           CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN '{NaN,1,Infinity,2}' WHEN 2 THEN '{1,2}' WHEN 3 THEN array_fill(0.5::real, '{784}') ELSE ARRAY[i, 2, 3, 4]::real[] END AS reals,
           CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '{}' ELSE array_fill(i, ARRAY[1 + i % 9]) END AS ints,
           CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE repeat('a text ', i) END AS content,
           CASE i % 4 WHEN 0 THEN '{"input": [1,2,3,4]}' WHEN 1 THEN '{"input": [1,2]}' WHEN 2 THEN '{}' END::jsonb AS object
      FROM generate_series(1, 40) i;
  CREATE ROLE calls_reader;
  CREATE ROLE calls_importer;
  PERFORM mosaic.grant_import('calls_importer'), mosaic.grant_admin('calls_importer');
  GRANT pg_read_server_files TO calls_importer;
  GRANT USAGE ON SCHEMA calls TO calls_reader, calls_importer;
  GRANT SELECT ON calls.file, calls.large, calls.item TO calls_reader, calls_importer;
  CALL calls.provide();
END $$;
