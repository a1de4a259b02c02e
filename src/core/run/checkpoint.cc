#include "core/run/checkpoint.h"

#include <algorithm>

namespace mosaic {

Checkpoint Checkpoint::Of(const BodyPlan& body, size_t step, const std::vector<Tensor>& values,
                          Arena* arena) {
  Checkpoint kept;
  kept.step = step;
  for (size_t v = 0; v < values.size(); ++v) {
    const bool given =
        std::find(body.inputs.begin(), body.inputs.end(), static_cast<int>(v)) != body.inputs.end();
    if (!values[v].defined() || given || body.values[v].tensor >= 0) continue;
    const int dtype = values[v].dtype();
    if (dtype == MOSAIC_STRING || dtype == MOSAIC_SEQUENCE) return Checkpoint();
    kept.values.emplace_back(static_cast<int>(v), values[v].CopyIn(arena));
  }
  return kept;
}

}  // namespace mosaic
