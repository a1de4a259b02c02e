/*
 * The part of the boundary for the cache: requests of models and the worth of their pages,
 * in memory that processes share.  Rules as in capi.h.
 *
 * See src/core/cache/cache_table.h, whose contract this is: which functions need a lock of the caller
 * against each other is said there (EXCLUSIVE).  None fails or allocates.  now: ticks of 10 ms, which
 * may wrap around; half_life: in ticks.  Slots are those of an epoch.
 */
#ifndef MOSAIC_CAPI_CACHE_H
#define MOSAIC_CAPI_CACHE_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MosaicCacheTable MosaicCacheTable; /* mosaic_cache_bytes() of memory, aligned to 64 */

#define MOSAIC_CACHE_NONE (-1)

typedef struct MosaicCacheClass {
  uint32_t pages;
  double kept; /* part of them that is kept */
  uint64_t hits, reads;
  double weight; /* decayed requests of its models together */
} MosaicCacheClass;

size_t mosaic_cache_bytes(uint32_t pages);
MosaicCacheTable *mosaic_cache_init(void *memory, uint32_t pages);
uint32_t mosaic_cache_capacity(const MosaicCacheTable *table);
uint32_t mosaic_cache_epoch(const MosaicCacheTable *table);
int mosaic_cache_find(const MosaicCacheTable *table, int64_t model);  /* with its pages */
int mosaic_cache_known(const MosaicCacheTable *table, int64_t model); /* with or without */
int mosaic_cache_add(MosaicCacheTable *table, int64_t model, const uint32_t *pages, size_t n);
bool mosaic_cache_accepts(MosaicCacheTable *table); /* whether to try mosaic_cache_add() */
void mosaic_cache_remove(MosaicCacheTable *table, int64_t model);
void mosaic_cache_forget(MosaicCacheTable *table, uint32_t now, double half_life);
bool mosaic_cache_should_forget(const MosaicCacheTable *table, uint32_t now, double half_life);
void mosaic_cache_take_models(MosaicCacheTable *table, const MosaicCacheTable *old);
void mosaic_cache_request(MosaicCacheTable *table, int slot, uint32_t now, double half_life);
bool mosaic_cache_is_due(const MosaicCacheTable *table, uint32_t now); /* whether to decide */
void mosaic_cache_decide(MosaicCacheTable *table, uint64_t pool_pages, uint32_t now,
                         double half_life);
bool mosaic_cache_steering(const MosaicCacheTable *table);
bool mosaic_cache_larger(const MosaicCacheTable *table, int slot, uint64_t pool_pages);
bool mosaic_cache_keeps(const MosaicCacheTable *table, uint32_t page); /* true where not known */
uint32_t mosaic_cache_class_of(const MosaicCacheTable *table, uint32_t page); /* 0: not known */
/* The usage count to set; *credit: of mosaic_cache_credit(), what changes is added back. */
uint32_t mosaic_cache_steer(const MosaicCacheTable *table, uint32_t page, uint32_t page_class,
                            uint32_t usage, int64_t *credit);
int64_t mosaic_cache_credit(const MosaicCacheTable *table);
void mosaic_cache_add_credit(MosaicCacheTable *table, int64_t change);
void mosaic_cache_count(MosaicCacheTable *table, int slot, uint64_t hits, uint64_t reads);
void mosaic_cache_count_class(MosaicCacheTable *table, uint32_t page_class, uint64_t hits,
                              uint64_t reads);
double mosaic_cache_weight(const MosaicCacheTable *table, int slot, uint32_t now,
                           double half_life);
void mosaic_cache_counts(const MosaicCacheTable *table, int slot, uint64_t *hits, uint64_t *reads);
uint32_t mosaic_cache_classes(const MosaicCacheTable *table); /* of which 0 is no class */
void mosaic_cache_class(const MosaicCacheTable *table, uint32_t page_class, uint32_t now,
                        double half_life, MosaicCacheClass *out);
/* The ids of its models, at most room; returns how many. */
size_t mosaic_cache_class_models(const MosaicCacheTable *table, uint32_t page_class, int64_t *ids,
                                 size_t room);
double mosaic_cache_rate(double weight, double half_life_seconds); /* per second */

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_CACHE_H */
