#include "core/capi_handles.h"
#include "mosaic/capi_prepared.h"

void mosaic_exec_share_prepared(MosaicExec* exec) { exec->run.executor().SharePrepared(); }

int64_t mosaic_model_kept_bytes(const MosaicModel* model) {
  const MosaicExec* idle = model->idle->exec.get();
  return model->model->prepared.bytes() + (idle == nullptr ? 0 : idle->run.executor().kept_bytes());
}
