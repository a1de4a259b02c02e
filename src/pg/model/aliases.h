/*
 * aliases.h
 *		Aliases: names that mean a model or one of its versions, or share items out between two.
 *
 * Aliases and models have their names from one space.  An alias has an owner, who owns what it means as well, and readers
 * of its own: who may use the alias needs no right to the model.
 */
#ifndef MOSAIC_ALIASES_H
#define MOSAIC_ALIASES_H

#include "access/htup.h"
#include "utils/snapshot.h"

#include "mosaic/capi.h"

/* What a name means to whoever predicts. */
typedef struct MosaicMeaning
{
	HeapTuple	row;			/* of mosaic.model, a copy */
	HeapTuple	canary;			/* the same of the model that gets some of the items, or NULL: none does */
	double		share;			/* of the items, 0 to 1 */
	uint64		seed;			/* of the hash that decides which */
} MosaicMeaning;

typedef enum MosaicNameState
{
	MOSAIC_NAME_UNKNOWN, MOSAIC_NAME_DENIED, MOSAIC_NAME_USABLE
} MosaicNameState;

/* Looks a name up, of a model, a version or an alias, for the current role; meaning is set where it may be used. */
extern MosaicNameState mosaic_look_up(const char *name, Snapshot snapshot, MosaicMeaning *meaning);

/* The same with the active snapshot: the model's row, or an error (42704, 42501).  meaning may be NULL. */
extern HeapTuple mosaic_usable_model(const char *name, MosaicMeaning *meaning);

/* An error (55000) unless two models take the same inputs, and tokens and rows become inputs in the same way. */
extern void mosaic_check_same_inputs(const char *alias, HeapTuple a, const MosaicModel *model_a,
									 HeapTuple b, const MosaicModel *model_b);

/* The row of an alias, a copy, or NULL. */
extern HeapTuple mosaic_find_alias(const char *name, Snapshot snapshot);

/* The same of one that the current role owns: an error (42501) where it does not. */
extern HeapTuple mosaic_owned_alias(const char *name, Snapshot snapshot);

/* A column of an alias's row that is never NULL; replaces one.  The caller holds the store's lock. */
extern Datum mosaic_alias_attr(HeapTuple row, int attnum);
extern void mosaic_update_alias(HeapTuple row, int attnum, Datum value);

/* An error (42710) where an alias has this name. */
extern void mosaic_check_no_alias(const char *name, Snapshot snapshot);

/* Whether an alias names this version of a model by its number, or (version 0) means the model in any way. */
extern bool mosaic_alias_of(const char *model, int32 version, Snapshot snapshot);
/* An error (2BP01) where there is one. */
extern void mosaic_check_unaliased(const char *model, int32 version, Snapshot snapshot);

/*
 * What means a model goes with it: to another name, to another owner if it was its owner's.  model NULL: all models of
 * old_owner (MOSAIC_NOBODY: of those that are gone) have been given.  before: a snapshot from before that.
 */
extern void mosaic_rename_alias_targets(const char *model, const char *new_name);
extern void mosaic_give_aliases(const char *model, Oid old_owner, Oid new_owner, Snapshot before);

#endif
