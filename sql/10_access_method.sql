-- The table access method of the store: heap pages whose tuples keep every payload aligned.

CREATE FUNCTION mosaic.am_handler(internal) RETURNS table_am_handler
  AS 'MODULE_PATHNAME', 'mosaic_pg_am_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION mosaic.am_handler(internal) IS 'handler of the access method mosaic';

CREATE ACCESS METHOD mosaic TYPE TABLE HANDLER mosaic.am_handler;
COMMENT ON ACCESS METHOD mosaic IS 'heap pages of immutable, aligned blocks (block_id int4, data bytea), computed on in place';
