/*
 * What may be computed together: for EXPLAIN.
 */
#ifndef MOSAIC_CAPI_ITEMS_H
#define MOSAIC_CAPI_ITEMS_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Why items of the model are computed one by one, valid as long as it; NULL where they are
 * independent, "" where nothing is known but that they are not.
 */
const char *mosaic_model_items_because(const MosaicModel *model);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_ITEMS_H */
