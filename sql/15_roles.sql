-- Roles in the extension's tables: kept by number, as PostgreSQL keeps them, and always written by name.

CREATE TYPE mosaic.role;

CREATE FUNCTION mosaic.role_in(cstring) RETURNS mosaic.role
  AS 'MODULE_PATHNAME', 'mosaic_pg_role_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.role_in(cstring) IS 'the role of a name; one that does not exist becomes nobody, with a WARNING';

CREATE FUNCTION mosaic.role_out(mosaic.role) RETURNS cstring
  AS 'MODULE_PATHNAME', 'mosaic_pg_role_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.role_out(mosaic.role) IS 'the name of a role; - for every role, ? for one that is gone';

CREATE FUNCTION mosaic.role_recv(internal) RETURNS mosaic.role
  AS 'MODULE_PATHNAME', 'mosaic_pg_role_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.role_recv(internal) IS 'like role_in, from the binary form';

CREATE FUNCTION mosaic.role_send(mosaic.role) RETURNS bytea
  AS 'MODULE_PATHNAME', 'mosaic_pg_role_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.role_send(mosaic.role) IS 'the binary form: what role_out writes';

CREATE TYPE mosaic.role (
  INPUT = mosaic.role_in, OUTPUT = mosaic.role_out, RECEIVE = mosaic.role_recv, SEND = mosaic.role_send,
  LIKE = pg_catalog.oid
);
COMMENT ON TYPE mosaic.role IS 'a role: like regrole, but never read or written as a number, and what has no role is nobody''s';

CREATE CAST (mosaic.role AS pg_catalog.oid) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (mosaic.role AS pg_catalog.oid) IS 'a role''s number';
CREATE CAST (pg_catalog.regrole AS mosaic.role) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.regrole AS mosaic.role) IS 'the same role';

CREATE FUNCTION mosaic.hold_roles() RETURNS trigger
  AS 'MODULE_PATHNAME', 'mosaic_pg_hold_roles' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION mosaic.hold_roles() IS 'for rows that are restored or replicated: gives what is nobody''s to the current role, and keeps the roles that a row names from being dropped';
REVOKE ALL ON FUNCTION mosaic.hold_roles() FROM PUBLIC;

