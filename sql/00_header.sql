\echo Use "CREATE EXTENSION pg_mosaic" to load this file. \quit

-- The catalogs live in schema mosaic; what users call lives in the schema the extension is created in.
CREATE SCHEMA mosaic;
COMMENT ON SCHEMA mosaic IS 'pg_mosaic: the store of model blocks, its catalogs and views';
GRANT USAGE ON SCHEMA mosaic TO PUBLIC;

-- Read by the module, which refuses other catalogs than those it was built for.
CREATE FUNCTION mosaic.catalog_version() RETURNS int4
  AS 'SELECT @MOSAIC_CATALOG_VERSION@' LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.catalog_version() IS 'version of the extension''s tables and functions, which the module must know';
