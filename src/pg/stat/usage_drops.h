/*
 * usage_drops.h
 *		Counters go with the model that they are of.
 */
#ifndef MOSAIC_USAGE_DROPS_H
#define MOSAIC_USAGE_DROPS_H

/* Called once when the module is loaded. */
extern void mosaic_usage_module_init(void);

/* When the transaction commits, a model is no more. */
extern void mosaic_usage_drops(Oid catalog, int64 model_id);

#endif
