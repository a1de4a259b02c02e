-- Check and repair of the store. Not for PUBLIC: they name models that not everyone may know.

CREATE FUNCTION check_store(OUT problem text, OUT model text, OUT tensor text, OUT block_id int, OUT detail text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_check_store' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION check_store() IS 'reads the whole store and returns what is wrong with it; changes and locks nothing';

CREATE FUNCTION repair_store(
    dry_run bool DEFAULT false, delete_orphans bool DEFAULT false,
    OUT problem text, OUT model text, OUT tensor text, OUT block_id int, OUT detail text, OUT repaired bool)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_repair_store' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION repair_store(bool, bool) IS 'repairs what check_store() finds: all but blocks and maps that are lost or damaged; deletes what is left of models that have lost their rows only with delete_orphans';

REVOKE ALL ON FUNCTION check_store() FROM PUBLIC;
REVOKE ALL ON FUNCTION repair_store(bool, bool) FROM PUBLIC;

