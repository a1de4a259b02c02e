\echo Use "CREATE EXTENSION pg_mosaic" to load this file. \quit

-- The catalogs live in schema mosaic; what users call lives in the schema the extension is created in.
CREATE SCHEMA mosaic;
COMMENT ON SCHEMA mosaic IS 'pg_mosaic: the store of model blocks, its catalogs and views';
GRANT USAGE ON SCHEMA mosaic TO PUBLIC;

