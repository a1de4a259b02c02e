/*
 * dedup_log.h
 *		What deduplications decided and measured: mosaic.dedup_run and mosaic.dedup_decision.
 *
 * The rows stay with a model's name when it is replaced, so that the version
 * that follows can keep decisions.  Callers hold the store's lock.
 */
#ifndef MOSAIC_DEDUP_LOG_H
#define MOSAIC_DEDUP_LOG_H

/* Gives the rows of a model that is replaced to the version that follows it. */
extern void mosaic_move_dedup_log(int64 from_model_id, int64 to_model_id);
extern void mosaic_remove_dedup_log(int64 model_id);

#endif
