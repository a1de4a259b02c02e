#include "core/capi_handles.h"
#include "mosaic/capi_prepared.h"

void mosaic_exec_share_prepared(MosaicExec* exec) { exec->run.executor().SharePrepared(); }

int64_t mosaic_model_prepared_bytes(const MosaicModel* model) {
  return model->model->prepared.bytes();
}
