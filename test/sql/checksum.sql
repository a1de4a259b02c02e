-- The checksum of a model: what was changed in its rows is found when it is loaded, and by check_store().
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_mosaic CASCADE;
CREATE EXTENSION pg_mosaic;
\getenv data MOSAIC_TEST_DATA
SELECT tensors FROM import_model('iris', :'data' || '/models/iris.onnx');
SELECT tensors FROM import_model('text', :'data' || '/models/text_classifier.onnx');
SELECT bool_and(checksum = mosaic.model_checksum(model_id)) FROM mosaic.model;
-- equal models have equal checksums, whatever their names
SELECT tensors FROM import_model('iris2', :'data' || '/models/iris.onnx');
SELECT rename_model('iris2', 'iris3');
SELECT count(DISTINCT checksum), count(*) FROM mosaic.model;
SELECT drop_model('iris3');
SELECT predict('iris', '{1,2,3,4}'::real[]) AS before \gset

-- what check_store() says after a statement that is undone again
CREATE FUNCTION after(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  EXECUTE statement;
  SELECT coalesce(string_agg(problem || ': ' || detail, '; ' ORDER BY problem), 'nothing') INTO found FROM check_store();
  RAISE 'undo' USING ERRCODE = 'P0001';
EXCEPTION WHEN raise_exception THEN RETURN found;
END $$;
-- all bytes of the graph, in turn: each is found
SELECT count(*) > 100 AS tried, count(*) FILTER (WHERE after(format(
    $$UPDATE mosaic.model SET graph = set_byte(graph, %s, get_byte(graph, %1$s) # 4) WHERE name = 'iris'$$, i)) NOT LIKE 'damaged model: %') AS missed
  FROM mosaic.model, generate_series(0, length(graph) - 1) i WHERE name = 'iris';
-- of values too
SELECT count(*) > 20 AS tried, count(*) FILTER (WHERE after(format(
    $$UPDATE mosaic.tensor SET value = set_byte(value, %s, get_byte(value, %1$s) # 1) WHERE model_id = mosaic.model_id('iris') AND tensor_no = %s$$, i, tensor_no))
    <> 'damaged model: model "iris" is damaged: it does not have the checksum of its import') AS missed
  FROM mosaic.tensor, generate_series(0, length(value) - 1) i WHERE model_id = mosaic.model_id('iris');
-- and the flags, numbers, names and maps of the tensors
SELECT c.change, after($$UPDATE mosaic.tensor SET $$ || c.change || $$ WHERE model_id = mosaic.model_id('text') AND tensor_no = 0$$) LIKE 'damaged model: %' AS found
FROM (VALUES ('dtype = 10'), ('dims = dims[2:2] || dims[1:1]'), ('stored_dtype = 10'), ('transposed = NOT transposed'), ('layout = 3 - layout'),
  ($$name = name || '2'$$), ('matrix_rows = matrix_rows - 1'), ('block_rows = block_rows - 1')) c (change);
-- two blocks of the same kind in each other's place
SELECT after($$UPDATE mosaic.tensor SET map = substr(map, 1, 12) || substr(map, 17, 4) || substr(map, 13, 4) || substr(map, 21)
  WHERE model_id = mosaic.model_id('text') AND tensor_no = 0$$);
-- what is not content has no part in it
SELECT after($$UPDATE mosaic.tensor SET places = NULL$$), after($$SELECT grant_model('iris', 0)$$), after($$SELECT rename_model('iris', 'other')$$);

-- predictions refuse, and the model can be dropped, replaced or put right
UPDATE mosaic.tensor SET value = set_byte(value, 2, get_byte(value, 2) # 1) WHERE model_id = mosaic.model_id('iris') AND dims = '{3}';
\c -
SET client_min_messages = warning;
\getenv data MOSAIC_TEST_DATA
SELECT predict('iris', '{1,2,3,4}'::real[]);
\echo :LAST_ERROR_SQLSTATE
SELECT problem, model, detail FROM check_store();
SELECT problem, model, repaired FROM repair_store();
BEGIN;
SELECT drop_model('iris');
SELECT * FROM check_store();
ROLLBACK;
BEGIN;
SELECT tensors FROM import_model('iris', :'data' || '/models/iris.onnx', replace => true);
SELECT predict('iris', '{1,2,3,4}'::real[]) = :'before'::real[] AS same;
ROLLBACK;
UPDATE mosaic.tensor SET value = set_byte(value, 2, get_byte(value, 2) # 1) WHERE model_id = mosaic.model_id('iris') AND dims = '{3}';
SELECT predict('iris', '{1,2,3,4}'::real[]) = :'before'::real[] AS same;

-- models of 0.1.0 have none: they are used as they are, until repair_store() makes one
UPDATE mosaic.model SET checksum = NULL;
\c -
SET client_min_messages = warning;
SELECT predict('iris', '{1,2,3,4}'::real[]) = :'before'::real[] AS same;
SELECT * FROM check_store();
SELECT * FROM repair_store();
SELECT count(*) FILTER (WHERE checksum = mosaic.model_checksum(model_id)) AS sealed, count(*) FROM mosaic.model;
SELECT mosaic.model_checksum(999) IS NULL AS none;
BEGIN;
UPDATE mosaic.tensor SET map = '\x00' WHERE model_id = mosaic.model_id('text') AND tensor_no = 0;
SELECT mosaic.model_checksum(mosaic.model_id('text')) IS NULL AS unreadable;
ROLLBACK;
CREATE ROLE mosaic_nobody;
SET ROLE mosaic_nobody;
SELECT mosaic.model_checksum(1);
\echo :LAST_ERROR_SQLSTATE
RESET ROLE;
DROP ROLE mosaic_nobody;
DROP FUNCTION after(text);
DROP EXTENSION pg_mosaic CASCADE;
