\echo Use "ALTER EXTENSION pg_mosaic UPDATE TO '0.2.0'" to load this file. \quit

-- What CREATE cannot replace: changes of tables, drops, what becomes of rows. CONTRIBUTING.md, "Changes of sql/".

-- @changed statements@
