/*
 * domain.h
 *		Sharing domains: models share blocks, equal or nearly so, only within theirs.
 *
 * A domain belongs to the role that imported its first model, or took over its models,
 * and lasts as long as it has models.  Without a name it is that role's default one.  Members of
 * the role may let their models take part; to take part means that one's weights
 * may serve the others' models, and that it shows which of them are alike.
 */
#ifndef MOSAIC_DOMAIN_H
#define MOSAIC_DOMAIN_H

#include "utils/snapshot.h"

/*
 * The domain of this name, or (NULL) the current role's default one, made if it
 * is not there.  42501 where the role may not take part.  The caller holds the
 * store's lock and then inserts a model.
 */
extern int32 mosaic_join_domain(const char *name, Snapshot snapshot);
/* The same without making it, nor the lock: 0 where it is not there. */
extern int32 mosaic_find_domain(const char *name, Snapshot snapshot);

/* 42501 where the current role may not (or no longer) let this model take part in its domain. */
extern void mosaic_check_domain(int32 domain, const char *model, Snapshot snapshot);

/* Deletes the domain if no model is in it.  To be called when a model is gone. */
extern void mosaic_leave_domain(int32 domain);

/* Gives the domain to the owner of all its models, if there is one and the current role may. */
extern void mosaic_follow_domain(int32 domain, Oid owner);

/* Gives all domains of a role (MOSAIC_NOBODY: of those that are gone) to another. */
extern void mosaic_reassign_domains(Oid old_role, Oid new_role, Snapshot snapshot);

#endif
