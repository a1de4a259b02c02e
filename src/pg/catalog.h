/*
 * catalog.h
 *		The extension's own tables: names, row layouts, and the rows of models and tensors.
 *
 * All writers hold the store's lock (mosaic_lock_store), so that what they read
 * with a snapshot taken after it stays true until they are done.
 */
#ifndef MOSAIC_CATALOG_H
#define MOSAIC_CATALOG_H

#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

#include "compat.h"
#include "mosaic/capi_near.h"

/* Column numbers, in the order of sql/20_store.sql, sql/30_catalog.sql and sql/55_text.sql. */
enum
{
	Anum_store_only_row = 1, Anum_store_format_version, Anum_store_block_height,
	Anum_store_near_tables, Anum_store_near_hashes, Anum_store_near_width, Anum_store_created,
	Natts_store = 7
};
enum
{
	Anum_block_block_id = 1, Anum_block_data, Natts_block = 2
};
enum
{
	Anum_meta_block_id = 1, Anum_meta_models, Anum_meta_geometry, Anum_meta_hash,
	Anum_meta_domain, Anum_meta_base, Anum_meta_delta_bytes, Natts_meta = 7
};
enum
{
	Anum_near_first = 1, Anum_near_entries, Natts_near = 2
};
enum
{
	Anum_domain_domain_id = 1, Anum_domain_name, Anum_domain_owner, Natts_domain = 3
};
enum
{
	Anum_model_model_id = 1, Anum_model_name, Anum_model_owner, Anum_model_domain, Anum_model_readers,
	Anum_model_created, Anum_model_parameters, Anum_model_weight_bytes,
	Anum_model_description, Anum_model_graph, Anum_model_checksum, Anum_model_tokenizer, Anum_model_labels,
	Anum_model_max_tokens, Anum_model_pooling, Anum_model_normalized, Anum_model_input_map, Anum_model_version,
	Anum_model_predecessor, Anum_model_replaced, Anum_model_last_version, Anum_model_content,
	Anum_model_truncates, Natts_model = 23
};
enum
{
	Anum_alias_name = 1, Anum_alias_owner, Anum_alias_readers, Anum_alias_model, Anum_alias_version,
	Anum_alias_canary, Anum_alias_canary_version, Anum_alias_share, Natts_alias = 8
};
enum
{
	Anum_tensor_model_id = 1, Anum_tensor_tensor_no, Anum_tensor_name, Anum_tensor_dtype,
	Anum_tensor_dims, Anum_tensor_layout, Anum_tensor_stored_dtype, Anum_tensor_transposed,
	Anum_tensor_matrix_rows, Anum_tensor_matrix_cols, Anum_tensor_block_rows,
	Anum_tensor_block_cols, Anum_tensor_value, Anum_tensor_map, Anum_tensor_places,
	Natts_tensor = 15
};
enum
{
	Anum_tokenizer_tokenizer_id = 1, Anum_tokenizer_hash, Anum_tokenizer_bytes,
	Anum_tokenizer_description, Anum_tokenizer_content, Natts_tokenizer = 5
};

enum
{
	Anum_run_model_id = 1, Anum_run_version, Anum_run_validation, Anum_run_metric,
	Anum_run_max_drop, Anum_run_merged, Anum_run_bytes, Anum_run_value, Anum_run_kept,
	Anum_run_standard_error, Natts_run = 10
};
enum
{
	Anum_decision_model_id = 1, Anum_decision_tensor, Anum_decision_block,
	Anum_decision_partner, Anum_decision_similarity, Anum_decision_outcome,
	Anum_decision_fingerprint, Natts_decision = 7
};

#define MOSAIC_MAX_NAME 255		/* bytes of a model's name */

/*
 * Raises an error (55000) where the extension's catalogs are of another build than
 * this module.  Cheap; whoever reads arguments that came later calls it before.
 */
extern void mosaic_check_catalogs(void);

/* OID of a relation of schema mosaic, whose catalogs are checked; an error where the extension is not installed. */
extern Oid	mosaic_relid(const char *relname);

/* Refuses a store whose on-disk format is newer than we know (0A000). */
extern void mosaic_check_format(Snapshot snapshot);

/* Refuses to write in transactions that are read only, parallel or on a standby (25006, 25000). */
extern void mosaic_check_may_write(void);

/*
 * Takes the lock that serialises writers, until the end of the transaction, and
 * returns a registered snapshot newer than the lock: unregister it when done.
 */
extern Snapshot mosaic_lock_store(void);

/* What is fixed when a store begins. */
typedef struct MosaicStoreOptions
{
	int			height;			/* of blocks */
	MosaicNearSettings near_settings;
} MosaicStoreOptions;

/* Where nothing is said. */
#define MOSAIC_DEFAULT_NEAR_TABLES 3
#define MOSAIC_DEFAULT_NEAR_HASHES 8
#define MOSAIC_DEFAULT_NEAR_WIDTH 0.04f

/*
 * The options of the store.  Fixes them (to wanted, or the defaults where that is NULL) if they are
 * not yet; 55000 where they are others than wanted.  The caller holds the store's lock.
 */
extern MosaicStoreOptions mosaic_store_options(const MosaicStoreOptions *wanted);
/* The same for a reader: the defaults where nothing is fixed yet. */
extern MosaicStoreOptions mosaic_read_store_options(Snapshot snapshot);

/* The store holds what releases that know only older formats would misread.  The caller holds its lock. */
extern void mosaic_raise_format(int version);

/* Raises an error unless name is one that a model can have. */
extern void mosaic_check_name(const char *name);

/*
 * The row of this name as snapshot sees it (a copy in the current context), or NULL; what a name means
 * to whoever predicts, mosaic_look_up() of aliases.h tells.
 * The relation is locked with lockmode until the end of the transaction.
 */
extern HeapTuple mosaic_find_model(const char *name, Snapshot snapshot, LOCKMODE lockmode);
extern Datum mosaic_model_attr(HeapTuple tuple, int attnum);	/* of a column that is never NULL */
extern Datum mosaic_model_option(HeapTuple tuple, int attnum, bool *isnull);	/* of one that may be */

/*
 * In a transaction that keeps its snapshot (REPEATABLE READ, SERIALIZABLE): raises an error (40001)
 * where the model of this name, of which row is the current state (NULL: none), is not what that
 * snapshot sees.  To be called before a model is changed.
 */
extern void mosaic_check_unchanged(const char *name, HeapTuple row);

/* The row of this version, a copy, or NULL. */
extern HeapTuple mosaic_find_version(int64 model_id, Snapshot snapshot);

/* Whether the current role is, or is a member of, the owner or one of the readers (an array of mosaic.role). */
extern bool mosaic_may_use(Oid owner, struct ArrayType *readers);

/* Whether the current role may use, or administer, the model. */
extern bool mosaic_may_use_model(HeapTuple model);
extern bool mosaic_owns_model(HeapTuple model);

/* Errors 42704 and 42501, in the words used everywhere. */
pg_noreturn extern void mosaic_no_such_model(const char *name);
pg_noreturn extern void mosaic_denied(const char *name);

/* Calls fn for every tensor row of a model, in the order of tensor_no. */
typedef void (*MosaicTensorFn) (HeapTuple tuple, TupleDesc desc, void *arg);
extern void mosaic_scan_tensors(int64 model_id, Snapshot snapshot, MosaicTensorFn fn, void *arg);

/* The block ids in a map, checked; *n is their number.  Points into map. */
extern const int32 *mosaic_map_ids(bytea *map, int64 *n);
/* A map that holds n ids. */
extern bytea *mosaic_make_map(const int32 *ids, int64 n);

#endif
