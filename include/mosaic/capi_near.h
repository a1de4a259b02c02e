/*
 * The boundary, the keys by which near duplicates are found (core/dedup/lsh.h), as a store keeps them.
 * Rules as in capi.h.
 */
#ifndef MOSAIC_CAPI_NEAR_H
#define MOSAIC_CAPI_NEAR_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MOSAIC_NEAR_TABLES 8  /* most keys of a block */
#define MOSAIC_NEAR_HASHES 64 /* most hashes of a key */

/* Part of what a stored key means: fixed with the store. */
typedef struct MosaicNearSettings {
  int tables;  /* keys of a block, 1 to MOSAIC_NEAR_TABLES */
  int hashes;  /* joined in a key, 1 to MOSAIC_NEAR_HASHES */
  float width; /* of a hash, for each weight of its sample: four times the tolerance it is made for */
} MosaicNearSettings;

typedef struct MosaicNear MosaicNear;

/* INVALID, naming the setting, unless all are within their limits. */
MosaicCode mosaic_near_check(const MosaicNearSettings *settings, MosaicError *err);
/* Makes keys of the blocks of one sharing domain. */
MosaicCode mosaic_near_new(const MosaicNearSettings *settings, int32_t domain, MosaicNear **out,
                           MosaicError *err);
/* Whether blocks of this geometry may have near duplicates, and so have keys. */
bool mosaic_near_shareable(MosaicGeometry geometry);
/*
 * keys: MOSAIC_NEAR_TABLES; 0 where a block has none: nothing to tell it by, or fewer tables.  Blocks
 * of which one key agrees are worth comparing.  All but the same on every machine: floating-point
 * arithmetic may put what lies just on the border of a hash on its other side.  REQUIRES: a shareable
 * geometry.
 */
MosaicCode mosaic_near_keys(MosaicNear *maker, MosaicGeometry geometry, const void *payload,
                            int32_t *keys, MosaicError *err);
void mosaic_near_free(MosaicNear *maker);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_NEAR_H */
