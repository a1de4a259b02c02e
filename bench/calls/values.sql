-- Random JSON, arrays and rows as inputs of models: whatever the value, it is predicted or refused, and one value given in two ways has one
-- outcome.
--
-- calls.bind(n) gives n values to predictions, each in a subtransaction, and counts how they ended in calls.bound; what two ways disagree
-- on is in calls.differing. Stands alone; begin with calls.provide_values(). setseed() before calls.bind() makes the same draws again.
CREATE SCHEMA IF NOT EXISTS calls;
CREATE TABLE calls.bound(form text, model text, sqlstate text, count bigint, example text, message text, PRIMARY KEY (form, model, sqlstate));
CREATE TABLE calls.differing(forms text[], model text, value text, one text, other text);
CREATE VIEW calls.bound_internal AS SELECT * FROM calls.bound WHERE sqlstate ~ '^XX';
CREATE TYPE calls.two AS (item bigint, context real[]);
CREATE TYPE calls.four AS (a real, b int, c numeric, d float8);
CREATE TYPE calls.five AS ("Age" smallint, rooms numeric, active bool, seen float8, city text);

-- A scalar of JSON.
CREATE FUNCTION calls.scalar() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  r float8 := random();
  odd constant text[] := '{null,true,false,"a","","Berlin","NaN","Infinity","-Infinity","nan","1e400","1","\\u0041","\\ud83d\\ude00","ü",0,-0,-1,1e38,3.5e38,-1e39,1e308,1e309,1e400,1e-400,-1e-46,0.1e1,127,128,255,256,32768,65536,2147483648,-2147483649,9007199254740993,9223372036854775807,9223372036854775808,-9223372036854775809,18446744073709551615,18446744073709551616,0.5,2.5,0.30000001192092896,123456789012345678901234567890,16777217}';
BEGIN
  IF r < 0.35 THEN RETURN (floor(r * 30))::int::text; END IF;
  IF r < 0.6 THEN RETURN (r * 10 - 4)::text; END IF;
  RETURN odd[1 + floor(random() * array_length(odd, 1))::int];
END $$;

-- Any JSON.
CREATE FUNCTION calls.any_json(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  r float8 := random();
  made text := '';
BEGIN
  IF depth = 0 OR r < 0.3 THEN RETURN calls.scalar(); END IF;
  FOR i IN 1 .. floor(random() * 4)::int LOOP
    made := made || CASE WHEN i > 1 THEN ',' ELSE '' END
      || CASE WHEN r < 0.6 THEN '' ELSE (ARRAY['"input":', '"item":', '"context":', '"tokens":', '"age":', '"city":', '"":', '"input ":'])[1 + floor(random() * 8)::int] END || calls.any_json(depth - 1);
  END LOOP;
  RETURN CASE WHEN r < 0.6 THEN '[' || made || ']' ELSE '{' || made || '}' END;
END $$;

-- A list of n elements, or nearly, in JSON; of lists of them.
CREATE FUNCTION calls.list(n int, whole bool, depth int DEFAULT 0) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  made text := '';
  r float8 := random();
  size int := CASE WHEN depth > 0 THEN 1 + floor(r * 3)::int WHEN r < 0.1 THEN floor(random() * 8)::int ELSE n END;
BEGIN
  r := random();
  FOR i IN 1 .. size LOOP
    made := made || CASE WHEN i > 1 THEN ',' ELSE '' END
      || CASE WHEN depth > 0 THEN calls.list(n, whole, depth - 1) WHEN r < 0.15 THEN calls.scalar() WHEN whole THEN floor(random() * 50)::int::text ELSE (random() * 8 - 2)::real::text END;
  END LOOP;
  IF random() < 0.02 THEN RETURN calls.any_json(2); END IF;
  RETURN '[' || made || ']';
END $$;

-- What a model of maps takes: an object of keys that it knows or not and their values, or, with other brackets, rows of a key and a value.
CREATE FUNCTION calls.map(model text, brackets text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  keys text[] := CASE model WHEN 'people' THEN '{age,height,weight,shoes,"",ümlaut}' ELSE '{0,1,3,2147483647,-1,007,a," 2"}' END;
  known int := CASE model WHEN 'people' THEN 3 ELSE 4 END;
  is_object bool := brackets = '{}' AND random() < 0.8;
  made text;
BEGIN
  made := (SELECT string_agg(CASE WHEN is_object THEN format('"%s": %s', key, value) ELSE format('["%s", %s]', key, value) END, ', ')
    FROM (SELECT key, CASE WHEN random() < 0.05 THEN calls.any_json(1) WHEN random() < 0.3 THEN format('"%s"', floor(random() * 9)) ELSE floor(random() * 100)::text END AS value
            FROM unnest(keys) WITH ORDINALITY k (key, i) WHERE random() < CASE WHEN i <= known THEN 0.7 ELSE 0.03 END) entries);
  RETURN CASE WHEN is_object THEN '{' ELSE '[' END || coalesce(made, '') || CASE WHEN is_object THEN '}' ELSE ']' END;
END $$;

-- An object for the inputs of the model, as it should be, or not quite.
CREATE FUNCTION calls.object(model text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  depth int := CASE WHEN random() < 0.7 THEN 0 WHEN random() < 0.9 THEN 1 ELSE 2 END;
BEGIN
  IF random() < 0.1 THEN RETURN calls.any_json(4); END IF;
  IF random() < 0.02 THEN RETURN repeat('[', 1 + floor(random() * 40)::int) || calls.scalar() || repeat(']', 1 + floor(random() * 40)::int); END IF;
  CASE model
    WHEN 'two_inputs' THEN
      RETURN format('{"item": %s, "context": %s%s}', CASE depth WHEN 0 THEN floor(random() * 20)::int::text ELSE calls.list(1, true, depth - 1) END, calls.list(3, false, depth),
        CASE WHEN random() < 0.1 THEN format(', "%s": %s', CASE WHEN random() < 0.5 THEN 'item' ELSE 'other' END, calls.scalar()) ELSE '' END);
    WHEN 'row_columns' THEN
      RETURN (SELECT format('{%s}', string_agg(format('"%s": %s', name, CASE WHEN random() < 0.9 THEN CASE WHEN name = 'city' THEN '"Berlin"' ELSE floor(random() * 3)::int::text END ELSE calls.list(1, true, depth) END), ', '))
        FROM unnest('{Age,rooms,active,seen,city}'::text[]) name WHERE random() < 0.97);
    WHEN 'text_classifier' THEN RETURN format('{"tokens": %s}', calls.list(8, true, depth));
    WHEN 'people', 'places' THEN RETURN format('{"%s": %s}', CASE model WHEN 'people' THEN 'features' ELSE 'm' END, calls.map(model, '{}'));
    ELSE RETURN format('{"features": %s}', calls.list(4, false, depth));
  END CASE;
END $$;


-- A value for the model in the syntax of one of the kinds of types: JSON, an array, a row.
CREATE FUNCTION calls.value(model text, kind text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  made text;
  r float8 := random();
BEGIN
  CASE kind
    WHEN 'json' THEN RETURN calls.object(model);
    WHEN 'row' THEN
      RETURN CASE model
        WHEN 'two_inputs' THEN format('(%s,"%s")', CASE WHEN r < 0.9 THEN floor(r * 50)::text END, translate(calls.list(3, false, (r * 1.3)::int), '[]"', '{}'))
        WHEN 'row_columns' THEN format('(%s,%s,%s,%s,%s)', CASE WHEN r < 0.9 THEN (r * 9)::int END, CASE WHEN r < 0.8 THEN r::numeric ELSE 'NaN' END, CASE WHEN r > 0.1 THEN 't' END, r, CASE WHEN random() < 0.9 THEN 'Berlin' END)
        ELSE format('(%s,%s,%s,%s)', CASE WHEN r < 0.95 THEN r::real END, CASE WHEN random() < 0.95 THEN (r * 9)::int END, CASE WHEN r < 0.9 THEN '1e' || (r * 60)::int ELSE 'NaN' END, CASE WHEN r < 0.8 THEN r END) END;
    ELSE
      IF model IN ('people', 'places') AND random() < 0.7 THEN RETURN translate(calls.map(model, '[]'), '[]', '{}'); END IF;
      made := translate(calls.list(CASE model WHEN 'text_classifier' THEN 8 WHEN 'two_inputs' THEN 3 ELSE 4 END, kind = 'whole', CASE WHEN r < 0.7 THEN 0 WHEN r < 0.9 THEN 1 ELSE 2 END), '[]', '{}');
      IF r < 0.03 THEN made := format('[%s:%s]=%s', floor(r * 1000)::int - 5, floor(r * 1000)::int - 2, made); END IF;
      RETURN made;
  END CASE;
END $$;

-- One value in one way: the answer, or the SQLSTATE.
CREATE FUNCTION calls.outcome(form text, model text, value text, OUT answer text, OUT state text, OUT message text) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  state := '00000';
  CASE form
    WHEN 'jsonb' THEN answer := predict(model, value::jsonb)::text;
    WHEN 'json' THEN answer := predict(model, value::json)::text;
    WHEN 'real[]' THEN answer := predict(model, value::real[])::text;
    WHEN 'real[] as double precision[]' THEN answer := predict(model, VARIADIC value::real[]::double precision[])::text;
    WHEN 'double precision[]' THEN answer := predict_outputs(model, value::double precision[])::text;
    WHEN 'numeric[]' THEN answer := predict_proba(model, value::numeric[])::text;
    WHEN 'class of real[]' THEN answer := predict_class(model, value::real[])::text;
    WHEN 'smallint[]' THEN answer := predict(model, value::smallint[])::text;
    WHEN 'integer[]' THEN answer := predict(model, value::integer[])::text;
    WHEN 'integer[] as bigint[]' THEN answer := predict(model, value::integer[]::bigint[])::text;
    WHEN 'bigint[]' THEN answer := predict_outputs(model, value::bigint[])::text;
    WHEN 'boolean[]' THEN answer := predict(model, value::boolean[])::text;
    WHEN 'text[]' THEN answer := predict_outputs(model, value::text[])::text;
    WHEN 'row' THEN
      answer := CASE model WHEN 'two_inputs' THEN predict_outputs(model, value::calls.two)::text WHEN 'row_columns' THEN predict_outputs(model, value::calls.five)::text
        ELSE predict_outputs(model, value::calls.four)::text END;
    WHEN 'class of a row' THEN
      answer := CASE model WHEN 'two_inputs' THEN predict_class(model, value::calls.two) WHEN 'row_columns' THEN predict_class(model, value::calls.five) ELSE predict_class(model, value::calls.four) END::text;
  END CASE;
EXCEPTION WHEN OTHERS THEN
  state := SQLSTATE;
  message := SQLERRM;
  answer := state;
END $$;

CREATE FUNCTION calls.forms(kind text, r float8) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE kind
    WHEN 'json' THEN '{jsonb,json}'
    WHEN 'row' THEN CASE WHEN r < 0.8 THEN '{row}' ELSE '{class of a row}' END
    WHEN 'whole' THEN CASE WHEN r < 0.7 THEN '{integer[],integer[] as bigint[]}' WHEN r < 0.85 THEN '{bigint[]}' WHEN r < 0.95 THEN '{smallint[]}' ELSE '{boolean[]}' END
    ELSE CASE WHEN r < 0.6 THEN '{real[],real[] as double precision[]}' WHEN r < 0.7 THEN '{double precision[]}' WHEN r < 0.8 THEN '{numeric[]}' WHEN r < 0.9 THEN '{class of real[]}' ELSE '{text[]}' END END::text[]
$$;

CREATE PROCEDURE calls.bind(n int) LANGUAGE plpgsql AS $$
DECLARE
  done int := 0;
BEGIN
  WHILE done < n LOOP
    CREATE TEMP TABLE given ON COMMIT DROP AS
      WITH draw AS MATERIALIZED (
        SELECT (ARRAY['iris', 'iris', 'two_inputs', 'row_columns', 'text_classifier', 'people', 'places'])[1 + floor(random() * 7)::int] AS model,
               (ARRAY['json', 'json', 'row', 'whole', 'real'])[1 + floor(random() * 5)::int] AS kind, random() AS r
          FROM generate_series(1, least(2000, n - done))),
      value AS MATERIALIZED (SELECT model, kind, calls.forms(kind, r) AS forms, calls.value(model, kind) AS value FROM draw)
      SELECT v.*, f.form, o.* FROM value v, unnest(v.forms) f (form), calls.outcome(f.form, v.model, v.value) o;
    INSERT INTO calls.bound AS b SELECT form, model, state, count(*), min(left(model || ': ' || value, 300)), min(message) FROM given GROUP BY 1, 2, 3
      ON CONFLICT (form, model, sqlstate) DO UPDATE SET count = b.count + excluded.count;
    -- Columns are one item, and NULL where one of them is.
    INSERT INTO calls.differing
      SELECT a.forms, a.model, a.value, a.answer, b.answer FROM given a JOIN given b USING (forms, model, value)
       WHERE a.form = a.forms[1] AND b.form = b.forms[2] AND a.answer IS DISTINCT FROM b.answer
         AND NOT (b.form = 'real[] as double precision[]' AND a.value ~* '\{\{|null');
    done := done + (SELECT count(*) FROM given);
    COMMIT;
  END LOOP;
END $$;

CREATE PROCEDURE calls.provide_values(dir text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM import_model(name, dir || '/' || name || '.onnx')
    FROM unnest('{iris,two_inputs,row_columns,text_classifier}'::text[]) name WHERE name NOT IN (SELECT m.name FROM mosaic.models m);
  -- map(string, float) -> DictVectorizer {age, height, weight} -> LinearRegressor; map(int64, string) -> CastMap to int64, sparse (test/sql/maps.sql)
  PERFORM import_model('people', '\x08083ae5010a560a086665617475726573120178220e44696374566563746f72697a65722a2b0a11737472696e675f766f636162756c6172794a036167654a066865696768744a06776569676874a001083a0a61692e6f6e6e782e6d6c0a5b0a0178120179220f4c696e656172526567726573736f722a1f0a0c636f656666696369656e74733a0c0000803f0000004000004040a001062a150a0a696e74657263657074733a040000003fa001063a0a61692e6f6e6e782e6d6c1201675a160a086665617475726573120a2a08080812040a02080162130a0179120e0a0c080112080a0208010a02080142040a001011420e0a0a61692e6f6e6e782e6d6c1003'::bytea);
  PERFORM import_model('places', '\x08083a85010a5a0a016d1201792207436173744d61702a160a07636173745f746f2208544f5f494e543634a001032a150a086d61705f666f726d2206535041525345a001032a0e0a076d61785f6d61701804a001023a0a61692e6f6e6e782e6d6c1201675a0f0a016d120a2a08080712040a02080862130a0179120e0a0c080712080a0208010a02080442040a001011420e0a0a61692e6f6e6e782e6d6c1003'::bytea);
END $$;
