/*
 * check_repair.h
 *		Repairs what check_store() finds, where that is possible.
 *
 * Nothing is deleted that a restore could still need: tensors whose model has no
 * row, and blocks where there is no model at all, only where delete_orphans says so.
 */
#ifndef MOSAIC_CHECK_REPAIR_H
#define MOSAIC_CHECK_REPAIR_H

#include "check.h"

/* Whether models are missing altogether: tensors without a model, or blocks without any. */
extern bool mosaic_models_are_missing(const MosaicChecked *checked);

/* Maps come to name the first of equal blocks, places are looked up, tensors of no model deleted. */
extern void mosaic_repair_tensors(MosaicChecked *checked, bool delete_orphans);
/*
 * After another check: blocks that nobody uses (any more) are deleted, block_meta,
 * near_key and the sequences get what is so.
 */
extern void mosaic_repair_blocks(MosaicChecked *checked, bool delete_orphans);

/* Says of each problem (repaired) whether these would repair it; changes nothing. */
extern void mosaic_plan_repair(MosaicChecked *checked, bool delete_orphans);

#endif
