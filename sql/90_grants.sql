-- Privileges in one step. For those who may grant what they give: the extension's owner.

CREATE FUNCTION mosaic.grant_import(role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_grant_import' LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mosaic.grant_import(regrole) IS 'lets a role (0: every role) import models and look after its own';

CREATE FUNCTION mosaic.revoke_import(role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_revoke_import' LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mosaic.revoke_import(regrole) IS 'takes back what grant_import() gave; models stay whose they are';

CREATE FUNCTION mosaic.grant_admin(role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_grant_admin' LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mosaic.grant_admin(regrole) IS 'lets a role (0: every role) check, repair, pack and watch the store, and see of all models how large they are';

CREATE FUNCTION mosaic.revoke_admin(role regrole) RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_revoke_admin' LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION mosaic.revoke_admin(regrole) IS 'takes back what grant_admin() gave';

REVOKE ALL ON FUNCTION mosaic.grant_import(regrole), mosaic.revoke_import(regrole),
  mosaic.grant_admin(regrole), mosaic.revoke_admin(regrole) FROM PUBLIC;
