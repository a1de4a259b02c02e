-- Aliases: names that mean a model or one of its versions, or share items out between two.

CREATE TABLE mosaic.alias (
  name           text          COLLATE "C" NOT NULL CONSTRAINT alias_pkey PRIMARY KEY,
  owner          mosaic.role   NOT NULL,
  readers        mosaic.role[] NOT NULL,
  model          text          COLLATE "C" NOT NULL,
  version        int4,
  canary         text          COLLATE "C",
  canary_version int4,
  share          float8        CHECK (share BETWEEN 0 AND 1)
);
ALTER TABLE mosaic.alias ALTER COLUMN readers SET STATISTICS 0;
CREATE TRIGGER hold_roles BEFORE INSERT OR UPDATE OF owner, readers ON mosaic.alias FOR EACH ROW EXECUTE FUNCTION mosaic.hold_roles();
ALTER TABLE mosaic.alias ENABLE ALWAYS TRIGGER hold_roles;
COMMENT ON TABLE mosaic.alias IS 'one row per alias';
COMMENT ON COLUMN mosaic.alias.name IS 'the name that predict() takes; no model has it';
COMMENT ON COLUMN mosaic.alias.owner IS 'who set it, and owns what it means';
COMMENT ON COLUMN mosaic.alias.readers IS 'roles that may predict with it besides the owner; - means every role';
COMMENT ON COLUMN mosaic.alias.model IS 'name of the model that it means';
COMMENT ON COLUMN mosaic.alias.version IS 'which version of it; NULL: the current one, whichever that is';
COMMENT ON COLUMN mosaic.alias.canary IS 'name of a second model, which gets a share of the items; NULL: there is none';
COMMENT ON COLUMN mosaic.alias.canary_version IS 'which version of that; NULL: the current one';
COMMENT ON COLUMN mosaic.alias.share IS 'the part of all items that the second model gets';

SELECT pg_catalog.pg_extension_config_dump('mosaic.alias', '');

CREATE FUNCTION set_alias(name text, model text, canary text DEFAULT NULL, share float8 DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_set_alias' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION set_alias(text, text, text, float8) IS 'lets a name mean a model or one of its versions, or share items out between two of them, by a hash of their features';
REVOKE ALL ON FUNCTION set_alias(text, text, text, float8) FROM PUBLIC;

CREATE FUNCTION drop_alias(name text) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_drop_alias' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION drop_alias(text) IS 'drops an alias';
REVOKE ALL ON FUNCTION drop_alias(text) FROM PUBLIC;

