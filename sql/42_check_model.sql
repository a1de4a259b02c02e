-- What of a model file can be run, before it is imported.

CREATE FUNCTION check_model(
    path text, OUT operator text, OUT domain text, OUT count int8, OUT supported bool, OUT reason text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_check_path' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION check_model(text) IS 'the operators of an ONNX file of the server (needs pg_read_server_files), and whether they can be run; in a line without operator what else is in the way';

CREATE FUNCTION check_model(
    content bytea, OUT operator text, OUT domain text, OUT count int8, OUT supported bool, OUT reason text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_check_bytea' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION check_model(bytea) IS 'the same for the bytes of a model';

CREATE FUNCTION check_model(
    large_object oid, OUT operator text, OUT domain text, OUT count int8, OUT supported bool, OUT reason text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_check_lo' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION check_model(oid) IS 'the same for a large object';

REVOKE ALL ON FUNCTION check_model(text), check_model(bytea), check_model(oid) FROM PUBLIC;
