// A model as it is stored, where another is made of it: its graph, its tensors, and a way to their
// blocks.
#pragma once

#include <vector>

#include "core/graph/graph.h"
#include "core/import/layout_planner.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

class StoredBlocks {
 public:
  virtual ~StoredBlocks() = default;
  // Copies a block of a tensor, by its place in the map, to payload: as many bytes as its geometry
  // has. Errors: HOST.
  virtual Status Read(int tensor, int64_t index, void* payload) = 0;
};

struct StoredModel {
  Graph graph;
  std::vector<MosaicTensorDesc> descs;
  StoredBlocks* blocks = nullptr;
};

// How a stored tensor is cut.
Layout LayoutOf(const MosaicTensorDesc& desc);
int64_t ElementsOf(const MosaicTensorDesc& desc);
inline std::vector<int64_t> DimsOf(const MosaicTensorDesc& d) { return {d.dims, d.dims + d.ndim}; }

}  // namespace mosaic
