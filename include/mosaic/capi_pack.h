/*
 * The part of the boundary that packs: which blocks of a store move, and whereto
 * (src/core/pack/repacker.h).  Rules as in capi.h.
 */
#ifndef MOSAIC_CAPI_PACK_H
#define MOSAIC_CAPI_PACK_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MosaicPackOptions {
  uint32_t page_bytes; /* that blocks can take in a page */
  bool reads;          /* aim: fewest page reads rather than fewest pages */
  bool give_back;      /* also free pages at the end */
  bool survey;         /* only count what is */
} MosaicPackOptions;

/* Of a model, or of the store (whose runs are those of all pages that hold blocks). */
typedef struct MosaicPackReads {
  uint64_t blocks, bytes;
  uint64_t pages_before, pages_after, pages_minimum;
  uint64_t runs_before, runs_after; /* of consecutive pages */
  uint64_t blocks_moved, bytes_moved;
} MosaicPackReads;

/* A sharing class: the blocks used by exactly these models. */
typedef struct MosaicPackClass {
  const uint32_t *models; /* ascending; none: orphans */
  size_t nmodels;
  uint64_t blocks, bytes, pages, pages_minimum;
} MosaicPackClass;

#define MOSAIC_PACK_APPEND UINT32_MAX

typedef struct MosaicPack MosaicPack;

MosaicCode mosaic_pack_new(const MosaicPackOptions *options, MosaicPack **out, MosaicError *err);
/* First all blocks, by ascending id, with the bytes they take and the page they lie on; ... */
MosaicCode mosaic_pack_add_block(MosaicPack *pack, int32_t id, uint32_t bytes, uint32_t page,
                                 MosaicError *err);
/* ... the pages that are wholly free, ascending; ... */
MosaicCode mosaic_pack_add_free_page(MosaicPack *pack, uint32_t page, MosaicError *err);
/* ... then each model with its maps.  rate: how often it is used, in any unit. */
MosaicCode mosaic_pack_add_model(MosaicPack *pack, double rate, MosaicError *err);
MosaicCode mosaic_pack_add_map(MosaicPack *pack, const int32_t *ids, int64_t n, MosaicError *err);
/* MOSAIC_MORE, or MOSAIC_OK: the plan is complete.  What follows requires that. */
MosaicCode mosaic_pack_step(MosaicPack *pack, MosaicError *err);

/* Entries of maps that name no block. */
uint64_t mosaic_pack_missing(const MosaicPack *pack);
void mosaic_pack_store(const MosaicPack *pack, MosaicPackReads *out);
void mosaic_pack_model(const MosaicPack *pack, int model, MosaicPackReads *out);
/* The pages to write, in this order, each with the blocks that move there, in theirs. */
int64_t mosaic_pack_move_count(const MosaicPack *pack);
MosaicCode mosaic_pack_move(MosaicPack *pack, int64_t i, uint32_t *page, const int32_t **ids,
                            int *n, MosaicError *err); /* *ids is valid until the next call */
int64_t mosaic_pack_class_count(const MosaicPack *pack);
void mosaic_pack_class(const MosaicPack *pack, int64_t i, MosaicPackClass *out);
void mosaic_pack_free(MosaicPack *pack);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_PACK_H */
