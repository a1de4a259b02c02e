-- Packing: which blocks share a page. Not for PUBLIC: it reads, and may write, the whole store.

CREATE FUNCTION pack_models(
    aim text DEFAULT 'storage', dry_run bool DEFAULT false, give_back bool DEFAULT true,
    OUT model text, OUT blocks int8, OUT bytes int8,
    OUT pages_before int8, OUT pages_after int8, OUT pages_minimum int8,
    OUT runs_before int8, OUT runs_after int8, OUT blocks_moved int8, OUT bytes_moved int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_pack_models' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION pack_models(text, bool, bool) IS 'moves blocks so that models read few pages and the store has few; one row for the store (model NULL) and one per model';
REVOKE ALL ON FUNCTION pack_models(text, bool, bool) FROM PUBLIC;

CREATE FUNCTION mosaic.page_reads(
    OUT model text, OUT blocks int8, OUT bytes int8, OUT pages int8, OUT pages_minimum int8, OUT runs int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_page_reads' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.page_reads() IS 'what the view mosaic.model_pages shows';

CREATE FUNCTION mosaic.sharing_classes(
    OUT models text[], OUT blocks int8, OUT bytes int8, OUT pages int8, OUT pages_minimum int8, OUT fill float8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_sharing_classes' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.sharing_classes() IS 'what the view mosaic.pages shows';

REVOKE ALL ON FUNCTION mosaic.page_reads() FROM PUBLIC;
REVOKE ALL ON FUNCTION mosaic.sharing_classes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mosaic.page_reads(), mosaic.sharing_classes() TO pg_monitor;

-- Names without a schema in what follows are PostgreSQL's, whatever the schema of the extension holds.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE VIEW mosaic.model_pages AS
SELECT model, blocks, bytes, pages, pages_minimum, runs FROM mosaic.page_reads();
COMMENT ON VIEW mosaic.model_pages IS 'how many pages each model reads, and how many it would at best';
COMMENT ON COLUMN mosaic.model_pages.model IS 'name of the model';
COMMENT ON COLUMN mosaic.model_pages.blocks IS 'its distinct blocks';
COMMENT ON COLUMN mosaic.model_pages.bytes IS 'bytes that they take in their pages';
COMMENT ON COLUMN mosaic.model_pages.pages IS 'pages that hold one of them or more: what a prediction reads';
COMMENT ON COLUMN mosaic.model_pages.pages_minimum IS 'no packing has the blocks on fewer pages';
COMMENT ON COLUMN mosaic.model_pages.runs IS 'runs of consecutive pages that these form: seeks of a cold read';

CREATE VIEW mosaic.pages AS
SELECT models, blocks, bytes, pages, pages_minimum, fill FROM mosaic.sharing_classes();
COMMENT ON VIEW mosaic.pages IS 'sharing classes: the blocks used by exactly the same models, and the pages they lie on';
COMMENT ON COLUMN mosaic.pages.models IS 'the models that use the blocks; empty: no model does (see check_store)';
COMMENT ON COLUMN mosaic.pages.blocks IS 'number of blocks';
COMMENT ON COLUMN mosaic.pages.bytes IS 'bytes that they take in their pages';
COMMENT ON COLUMN mosaic.pages.pages IS 'pages that hold one of them or more';
COMMENT ON COLUMN mosaic.pages.pages_minimum IS 'no packing has the blocks on fewer pages';
COMMENT ON COLUMN mosaic.pages.fill IS 'part of these pages that the class fills';
GRANT SELECT ON mosaic.model_pages, mosaic.pages TO pg_monitor;

-- Places are hints: a restore, VACUUM FULL and CLUSTER move blocks, and predictions find them all the same.

CREATE FUNCTION mosaic.moved_blocks(OUT model text, OUT blocks int8, OUT moved int8)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'mosaic_pg_moved_blocks' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION mosaic.moved_blocks() IS 'what the view mosaic.places shows';
REVOKE ALL ON FUNCTION mosaic.moved_blocks() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mosaic.moved_blocks() TO pg_monitor;

CREATE VIEW mosaic.places AS
SELECT model, blocks, moved FROM mosaic.moved_blocks();
COMMENT ON VIEW mosaic.places IS 'how many blocks lie elsewhere than is remembered beside the maps: each connection looks them up once; pack_models() and repair_store() write their places anew';
COMMENT ON COLUMN mosaic.places.model IS 'name of the model';
COMMENT ON COLUMN mosaic.places.blocks IS 'blocks that its maps name';
COMMENT ON COLUMN mosaic.places.moved IS 'how many of them have moved since';
GRANT SELECT ON mosaic.places TO pg_monitor;

SET LOCAL search_path = @extschema@, pg_temp;
