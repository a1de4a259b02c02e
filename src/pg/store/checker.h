/*
 * checker.h
 *		What the parts of check_store() share.
 *
 * First all blocks are read, then the models' maps say who uses them, then the
 * two are compared.
 */
#ifndef MOSAIC_CHECKER_H
#define MOSAIC_CHECKER_H

#include "storage/block.h"
#include "storage/off.h"
#include "utils/relcache.h"

#include "check.h"

typedef struct MosaicChecker
{
	MosaicChecked *checked;
	int64		block_capacity;
	int64		problem_capacity;
	int64		model_id;		/* that is being checked; 0: none */
	const char *model;			/* its name; NULL: there is no such model */
	int32		domain;			/* its sharing domain */
	int64		next_tensor;
	int64		wrong_entries;	/* of the map that is being checked */
	bool		model_is_damaged;	/* as has been reported, so that it cannot be loaded */
	bool		places_are_stale;	/* of one of its tensors */
	bool	   *table_is_damaged;	/* of the checked, for the table that is being read */
} MosaicChecker;

/* Notes a problem of the current model, if there is one.  tensor_no: -1 where it is not one tensor's. */
extern void mosaic_checker_report(MosaicChecker *c, MosaicProblemKind kind, int32 tensor_no,
								  const char *tensor, int32 block_id, const char *format,...)
			pg_attribute_printf(6, 7);

/*
 * Calls row (arg: the checker) for each row of a table of the store, and reports what is
 * damaged, which sets *is_damaged.
 */
extern void mosaic_checker_scan(MosaicChecker *c, const char *table, bool *is_damaged,
								void (*row) (Relation rel, HeapTuple row, void *arg));
/* The same with whatever is to be done about damage. */
extern void mosaic_checker_read(MosaicChecker *c, const char *table,
								void (*row) (Relation rel, HeapTuple row, void *arg),
								void (*damage) (Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg),
								void *arg);
/* Reports a page (line 0) or a row of the table that is being read; arg: the checker. */
extern void mosaic_checker_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what,
								  void *arg);

/* In its place, for a table whose damage another part reports. */
extern void mosaic_checker_ignore_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what,
										 void *arg);

/* check_blocks.c: all blocks, their payloads and their rows of block_meta. */
extern void mosaic_check_read_blocks(MosaicChecker *c);
/* Then, when their users are known: counts, orphans, duplicates. */
extern void mosaic_check_blocks(MosaicChecker *c);

/* check_near.c: last, mosaic.near_key; and its repair, before which blocks of no user are deleted. */
extern void mosaic_check_near_keys(MosaicChecker *c);
extern void mosaic_repair_near_keys(const MosaicChecked *checked, bool users_known);

/* check_sequences.c: at the very end, the sequences of ids; and their repair. */
extern void mosaic_check_sequences(MosaicChecker *c);
extern void mosaic_repair_sequences(const MosaicChecked *checked);

/* check_models.c: the tensors' maps, and whether each model can be loaded. */
extern void mosaic_check_models(MosaicChecker *c);

/* check_values.c: what is wrong with the values of a row that is there (values.h), whatever they lead to; NULL: nothing. */
extern char *mosaic_checker_values(Relation rel, HeapTuple row);
/* The values of rows that no other part looks at. */
extern void mosaic_check_values(MosaicChecker *c);

/* check_domains.c: whether the sharing domains of models are there. */
extern void mosaic_check_domains(MosaicChecker *c);

/* check_roles.c: whether the roles that are named exist, and pg_shdepend has them. */
extern void mosaic_check_roles(MosaicChecker *c);

/* check_aliases.c: whether what aliases mean is there. */
extern void mosaic_check_aliases(MosaicChecker *c);

#endif
