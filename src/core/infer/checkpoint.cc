#include "core/infer/checkpoint.h"

#include <algorithm>

namespace mosaic {

Checkpoint Checkpoint::Of(const Model& model, size_t node, int64_t items,
                          const std::vector<Tensor>& values, const ItemTracker& tracker,
                          Arena* arena) {
  const std::vector<int>& inputs = model.graph.inputs;
  Checkpoint kept;
  kept.node = node;
  kept.items = items;
  for (size_t v = 0; v < values.size(); ++v) {
    const bool given = std::find(inputs.begin(), inputs.end(), static_cast<int>(v)) != inputs.end();
    if (!values[v].defined() || given || model.graph.values[v].tensor >= 0) continue;
    kept.values.emplace_back(static_cast<int>(v), values[v].CopyIn(arena));
  }
  if (items > 1) {
    kept.tracker = tracker;
    kept.tracker.Detach(arena);
  }
  return kept;
}

}  // namespace mosaic
