/*
 * check.h
 *		What is wrong with a store: the findings of check_store().
 *
 * All is read with one snapshot, so that writers may go on meanwhile and nothing
 * is locked; works on a standby, too, but not in parallel mode (damage.h).
 */
#ifndef MOSAIC_CHECK_H
#define MOSAIC_CHECK_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#include "mosaic/capi.h"

/* The words are in check.c. */
typedef enum MosaicProblemKind
{
	MOSAIC_DAMAGED_PAGE,		/* a page of a table cannot be read */
	MOSAIC_DAMAGED_ROW,			/* nor a row, or two have one identity */
	MOSAIC_DAMAGED_MAP,			/* a tensor's map cannot be read */
	MOSAIC_MISSING_TENSOR,		/* a gap in a model's tensors */
	MOSAIC_ORPHAN_TENSOR,		/* a tensor of no model */
	MOSAIC_MISSING_BLOCK,		/* a map names a block that is not stored */
	MOSAIC_WRONG_LENGTH,		/* the payload is not one of the tensor's geometry */
	MOSAIC_WRONG_GEOMETRY,		/* block_meta says another geometry than the tensor */
	MOSAIC_WRONG_DOMAIN,		/* block_meta says another sharing domain than the model */
	MOSAIC_WRONG_HASH,			/* the payload does not have the hash in block_meta */
	MOSAIC_MISSING_META,		/* a stored block has no row in block_meta */
	MOSAIC_ORPHAN_META,			/* a row in block_meta has no block and no user */
	MOSAIC_ORPHAN_BLOCK,		/* no map names the block */
	MOSAIC_WRONG_COUNT,			/* block_meta.models is not the number of users */
	MOSAIC_WRONG_BASE,			/* block_meta says another base than the block */
	MOSAIC_DUPLICATE_BLOCK,		/* an equal block is stored in the same domain */
	MOSAIC_DAMAGED_MODEL,		/* graph, shapes, inline values: it cannot be loaded; readers, labels, description: nor used */
	MOSAIC_DAMAGED_TOKENIZER,	/* a model's tokenizer is missing, or cannot be loaded */
	MOSAIC_MISSING_NEAR_KEY,	/* a block that may have near duplicates has no key in near_key */
	MOSAIC_ORPHAN_NEAR_KEY,		/* a key in near_key has no block */
	MOSAIC_SEQUENCE_BEHIND,		/* a sequence would give ids that are in use */
	MOSAIC_UNKNOWN_ROLE,		/* an owner or reader is gone: of a model, or of a domain (model NULL) */
	MOSAIC_MISSING_DEPENDENCY,	/* DROP ROLE would not refuse to drop an owner or reader */
	MOSAIC_WRONG_ALIAS,			/* it means what is not there, or shares out what it cannot */
	MOSAIC_MISSING_DOMAIN		/* a model's sharing domain has no row */
} MosaicProblemKind;

typedef struct MosaicProblem
{
	MosaicProblemKind kind;
	int64		model_id;		/* 0: none */
	const char *model;			/* NULL: none */
	int32		tensor_no;		/* -1: none */
	const char *tensor;			/* NULL: none */
	int32		block_id;		/* 0: none */
	char	   *detail;
	bool		repaired;		/* repair_store(): it was, or would be */
} MosaicProblem;

/* What is known of one block. */
typedef struct MosaicCheckedBlock
{
	int32		block_id;
	bool		stored;			/* in mosaic.block, */
	uint32		length;			/* its payload, of a delta what it is made to, */
	uint32		delta_bytes;	/* 0: it is whole; else of the delta, */
	int32		base;			/* to this block */
	ItemPointerData place;
	bool		has_meta;		/* in mosaic.block_meta, */
	ItemPointerData meta_place;
	int32		models;
	uint64		geometry;
	pg_uuid_t	hash;
	int32		domain;
	uint32		meta_delta_bytes;	/* 0: none */
	int32		meta_base;
	bool		hash_is_right;
	bool		has_near_key;	/* in mosaic.near_key */
	int32		users;			/* models whose maps name it, also those that have lost their rows, and deltas to it */
	bool		is_named;		/* by a map */
	int64		last_user;
	uint64		used_geometry;	/* of the tensor that named it first; 0: damaged */
	int32		used_domain;	/* of its model */
	int32		same_as;		/* id of the equal block to be kept, or 0 */
} MosaicCheckedBlock;

/* A model that has a row. */
typedef struct MosaicCheckedModel
{
	int64		model_id;
	const char *name;
	int32		domain;
	ItemPointerData place;		/* of its row */
	bool		damaged;		/* one of its maps cannot be read, or it cannot be loaded */
	bool		stale;			/* some of its blocks lie elsewhere than it remembers */
	bool		unsealed;		/* it has no checksum */
} MosaicCheckedModel;

typedef struct MosaicChecked
{
	Snapshot	snapshot;
	/* Whether a page or row of these tables is damaged. */
	bool		meta_is_damaged;
	bool		near_is_damaged;
	bool		models_are_damaged; /* mosaic.model or mosaic.tensor */
	int64		nmodels;
	MosaicCheckedModel *models; /* by ascending id */
	int64		lost_models;	/* that have tensors, but no row */
	int64		last_model_id;	/* the largest one in use */
	int32		last_domain_id;
	int32		last_tokenizer_id;
	int64		nblocks;
	MosaicCheckedBlock *blocks; /* by ascending id */
	int64		nproblems;
	MosaicProblem *problems;
} MosaicChecked;

/* Checks the store, all in the current memory context.  Interruptible. */
extern MosaicChecked *mosaic_check(Snapshot snapshot);

/* The block with this id, or NULL. */
extern MosaicCheckedBlock *mosaic_checked_block(const MosaicChecked *checked, int32 block_id);

extern const char *mosaic_problem_name(MosaicProblemKind kind);

/* Geometry of the blocks of a tensor's row. */
extern MosaicGeometry mosaic_tensor_geometry(HeapTuple tuple, TupleDesc desc);

#endif
