/*
 * roles.h
 *		Roles that the extension's tables name: the type mosaic.role, and what keeps them from being dropped.
 *
 * A role is kept by number, so that it may be renamed, and written by name: a
 * number means nothing in another cluster.  What names a role that does not exist
 * (a restore where it is missing) is nobody's, and never becomes that of whoever
 * gets the number.  For each column that names roles pg_shdepend has one row per
 * role, of the kind that a GRANT on the column makes: DROP ROLE then refuses, in
 * any database; REASSIGN OWNED and DROP OWNED leave it alone.
 */
#ifndef MOSAIC_ROLES_H
#define MOSAIC_ROLES_H

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/snapshot.h"

/* In a list of readers: every role. */
#define MOSAIC_EVERYONE InvalidOid
/* Nobody: the numbers of roles begin at 10. */
#define MOSAIC_NOBODY ((Oid) 1)

/* The columns that name roles. */
typedef enum MosaicRoleColumn
{
	MOSAIC_MODEL_OWNER, MOSAIC_MODEL_READERS, MOSAIC_DOMAIN_OWNER, MOSAIC_ALIAS_OWNER, MOSAIC_ALIAS_READERS,
	MOSAIC_ROLE_COLUMNS
} MosaicRoleColumn;

/* Whether there is such a role, as snapshot sees it. */
extern bool mosaic_role_exists(Oid role, Snapshot snapshot);

/* Whether an owner is the role meant, or where that is nobody, one that is gone. */
extern bool mosaic_is_meant(Oid owner, Oid role, Snapshot snapshot);

/* Raises an error (42704) where there is no such role. */
extern void mosaic_check_role(Oid role);

/* Arrays of mosaic.role, and back: *n roles, palloc'd.  mosaic_plain_roles: of a row read without trust (row.h). */
extern ArrayType *mosaic_make_roles(const Oid *roles, int n);
extern ArrayType *mosaic_plain_roles(Datum value);
extern Oid *mosaic_read_roles(ArrayType *array, int *n);

/* To be called when a column comes to name a role: keeps it from being dropped. */
extern void mosaic_hold_role(MosaicRoleColumn column, Oid role);
/* Likewise for all readers in an array. */
extern void mosaic_hold_readers(MosaicRoleColumn column, ArrayType *readers);

/*
 * To be called when something may name a role no longer: makes pg_shdepend say what
 * the tables do (where a row of theirs is damaged, no role is let go).  The caller holds the store's lock.
 */
extern void mosaic_release_roles(void);

/*
 * The distinct roles that a column names and that exist; and those that pg_shdepend has for it.  Ascending.
 * *all: whether all rows could be read.
 */
extern List *mosaic_named_roles(MosaicRoleColumn column, Snapshot snapshot, bool *all);
extern List *mosaic_held_roles(MosaicRoleColumn column, Snapshot snapshot);

#endif
