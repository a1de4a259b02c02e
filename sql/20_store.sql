-- The store: blocks, what is known of each, and the store's own parameters.
-- No role but the owner may read the tables; functions written in C and the views of 60_views.sql do.

CREATE TABLE mosaic.store (
  only_row       bool        NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
  format_version int4        NOT NULL,
  block_height   int4        NOT NULL CHECK (block_height IN (126, 63, 31)),
  near_tables    int4        NOT NULL,
  near_hashes    int4        NOT NULL,
  near_width     float4      NOT NULL,
  created        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mosaic.store IS 'parameters of the store, fixed by init_store() or the first import; its lock serialises writers';
COMMENT ON COLUMN mosaic.store.only_row IS 'always true: there is one row, or none before the first import';
COMMENT ON COLUMN mosaic.store.format_version IS 'on-disk format of blocks and maps, see docs/page_format.md';
COMMENT ON COLUMN mosaic.store.block_height IS 'rows of 64 bytes in the largest block: 126, 63 or 31 (1, 2 or 4 blocks a page)';
COMMENT ON COLUMN mosaic.store.near_tables IS 'keys of a block in mosaic.near_key';
COMMENT ON COLUMN mosaic.store.near_hashes IS 'hashes joined in a key';
COMMENT ON COLUMN mosaic.store.near_width IS 'width of a hash for each weight of its sample';
COMMENT ON COLUMN mosaic.store.created IS 'when the parameters were fixed';

CREATE SEQUENCE mosaic.block_id_seq AS int4 NO CYCLE;
COMMENT ON SEQUENCE mosaic.block_id_seq IS 'block ids; an id is never used twice';

CREATE TABLE mosaic.block (
  block_id int4  NOT NULL,
  data     bytea NOT NULL
) USING mosaic;
ALTER TABLE mosaic.block ALTER COLUMN data SET STORAGE PLAIN;
-- ANALYZE would copy 30,000 payloads to learn nothing.
ALTER TABLE mosaic.block ALTER COLUMN data SET STATISTICS 0;
ALTER TABLE mosaic.block ADD CONSTRAINT block_pkey PRIMARY KEY (block_id);
COMMENT ON TABLE mosaic.block IS 'the blocks: immutable pieces of weights, computed on in place';
COMMENT ON COLUMN mosaic.block.block_id IS 'identity of the block';
COMMENT ON COLUMN mosaic.block.data IS 'payload in the layout of include/mosaic/page_format.h, or its difference to that of another block';

CREATE TABLE mosaic.block_meta (
  block_id int4 NOT NULL CONSTRAINT block_meta_pkey PRIMARY KEY,
  models   int4 NOT NULL CHECK (models > 0),
  geometry int8 NOT NULL,
  hash     uuid NOT NULL,
  domain   int4 NOT NULL,
  base     int4,
  delta_bytes int4
);
-- A hash index: finding and adding a block costs the same however many there are.
CREATE INDEX block_meta_hash_idx ON mosaic.block_meta USING hash (hash);
COMMENT ON TABLE mosaic.block_meta IS 'one row per block: what finds and frees it';
COMMENT ON COLUMN mosaic.block_meta.block_id IS 'the block';
COMMENT ON COLUMN mosaic.block_meta.models IS 'number of models whose maps contain the block, and of deltas that it is the base of; at 0 the block is deleted';
COMMENT ON COLUMN mosaic.block_meta.geometry IS 'element type, layout, rows and columns: dtype | layout << 8 | rows << 16 | cols << 32';
COMMENT ON COLUMN mosaic.block_meta.hash IS 'XXH3-128 over geometry, payload and domain: equal blocks of two domains have nothing in common';
COMMENT ON COLUMN mosaic.block_meta.domain IS 'the sharing domain whose models may use the block';
COMMENT ON COLUMN mosaic.block_meta.base IS 'the block to which this one is stored as a lossless difference; NULL: it is stored whole';
COMMENT ON COLUMN mosaic.block_meta.delta_bytes IS 'length of that difference; NULL: it is stored whole';

-- The leaves of a tree: a row for each key, with its btree entry, would take five times the room. A model changes many
-- rows: pages keep room for their next versions, which takes no more than what vacuum would find, and no vacuum.
CREATE TABLE mosaic.near_key (
  first   int8   NOT NULL CONSTRAINT near_key_pkey PRIMARY KEY,
  entries int8[] NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE mosaic.near_key ALTER COLUMN entries SET STORAGE PLAIN, ALTER COLUMN entries SET STATISTICS 0;
COMMENT ON TABLE mosaic.near_key IS 'the index of near duplicates: up to 64 keys of blocks a row, see docs/dedup.md';
COMMENT ON COLUMN mosaic.near_key.first IS 'no entry of the row is less, and none reaches that of the next row';
COMMENT ON COLUMN mosaic.near_key.entries IS 'LSH keys within their sharing domains, each with the block that has it: key << 32 | block_id, ascending';

SELECT pg_catalog.pg_extension_config_dump('mosaic.store', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.block_meta', '');
SELECT pg_catalog.pg_extension_config_dump('mosaic.near_key', '');

CREATE FUNCTION init_store(
    block_height int DEFAULT 63, near_tables int DEFAULT 3, near_hashes int DEFAULT 8,
    near_width float4 DEFAULT 0.04)
  RETURNS void
  AS 'MODULE_PATHNAME', 'mosaic_pg_init_store' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION init_store(int, int, int, float4) IS 'fixes the block height of the store (126, 63 or 31 rows) and how it finds near duplicates, before the first import';
REVOKE ALL ON FUNCTION init_store(int, int, int, float4) FROM PUBLIC;

CREATE FUNCTION mosaic.geometry_bytes(geometry int8) RETURNS int4
  AS 'MODULE_PATHNAME', 'mosaic_pg_geometry_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.geometry_bytes(int8) IS 'bytes that a block of this geometry takes in its page';

CREATE FUNCTION mosaic.map_blocks(map bytea) RETURNS int4[]
  AS 'MODULE_PATHNAME', 'mosaic_pg_map_blocks' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mosaic.map_blocks(bytea) IS 'the block ids of a tensor''s map, in the order of the map';

-- Its cost puts it behind the comparison with the id that a row is found by.
CREATE FUNCTION mosaic.is_sound(relation oid, place tid) RETURNS bool
  AS 'MODULE_PATHNAME', 'mosaic_pg_is_sound' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION mosaic.is_sound(oid, tid) IS 'true where a row of the extension''s tables can be read, header and values; false where it cannot and the role may not know of it; else an error; asked before anything else of the row but its id is looked at';
