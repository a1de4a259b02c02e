/*
 * What operators prepare of constants when they are first read, and keep: packed trees.
 */
#ifndef MOSAIC_CAPI_PREPARED_H
#define MOSAIC_CAPI_PREPARED_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * It is made once for the model, and kept with it: REQUIRES that the blocks that are supplied are the
 * model's own.  Without this call it is made once for the exec.
 */
void mosaic_exec_share_prepared(MosaicExec *exec);
/* Bytes of what is kept with the model, about: that, and the execution that waits for the next use. */
int64_t mosaic_model_kept_bytes(const MosaicModel *model);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_PREPARED_H */
