-- Export: a stored model as an ONNX file. For owners; not for PUBLIC, as what administers models.

CREATE FUNCTION export_model(name text) RETURNS bytea
  AS 'MODULE_PATHNAME', 'mosaic_pg_export_model' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION export_model(text) IS 'a model, or model@version, as an ONNX file: weights as they are stored, to the bit';
REVOKE ALL ON FUNCTION export_model(text) FROM PUBLIC;

CREATE FUNCTION export_model(name text, path text) RETURNS int8
  AS 'MODULE_PATHNAME', 'mosaic_pg_export_file' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION export_model(text, text) IS 'writes a model, or model@version, as a new ONNX file on the server, or into a folder with its tokenizer and labels (needs pg_write_server_files); its bytes';
REVOKE ALL ON FUNCTION export_model(text, text) FROM PUBLIC;

CREATE FUNCTION export_model(name text, large_object oid) RETURNS oid
  AS 'MODULE_PATHNAME', 'mosaic_pg_export_large_object' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION export_model(text, oid) IS 'writes a model, or model@version, as a new large object with this oid (0: any), which it returns';
REVOKE ALL ON FUNCTION export_model(text, oid) FROM PUBLIC;
