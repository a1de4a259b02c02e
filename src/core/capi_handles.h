// What is behind the handles of capi.h that several files of the boundary work on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/import/importer.h"
#include "core/plan/model.h"
#include "core/run/batch.h"
#include "mosaic/capi.h"

// An execution that nobody uses, kept for the next statement: it knows the shapes of the last ones.
// Shared by a model and its executions; none of them needs the others to be freed first.
struct MosaicIdle {
  std::unique_ptr<MosaicExec> exec;
  bool closed = false;  // the model is gone
};

struct MosaicExec {
  MosaicExec(const mosaic::Model& m, int blocks, std::shared_ptr<MosaicIdle> i)
      : model(m), run(m, blocks), max_blocks(blocks), idle(std::move(i)) {}
  const mosaic::Model& model;
  mosaic::BatchRun run;
  const int max_blocks;
  const std::shared_ptr<MosaicIdle> idle;
  bool done = false;
};

struct MosaicModel {
  ~MosaicModel() {
    idle->closed = true;
    idle->exec.reset();
  }
  std::unique_ptr<mosaic::Model> model;
  std::vector<MosaicValueInfo> inputs, outputs;
  std::string description;  // made when it is asked for
  std::shared_ptr<MosaicIdle> idle = std::make_shared<MosaicIdle>();
};

struct MosaicImport {
  MosaicSource host = {};
  std::unique_ptr<mosaic::ByteSource> source;
  std::unique_ptr<mosaic::StoredBlocks> blocks;  // of a stored model
  std::unique_ptr<mosaic::Importer> importer;
};

namespace mosaic {

inline Importer::Options OptionsOf(const MosaicImportOptions& o) {
  return {o.block_height, o.weight_dtype, o.ascii_names, o.batch_axis == nullptr ? "" : o.batch_axis};
}

// Undefined where the view is impossible; the executor then says so.
inline Tensor TensorOf(const MosaicTensorView& view) {
  if (view.ndim < 0 || view.ndim > MOSAIC_MAX_DIMS) return Tensor();
  Shape shape(view.dims, view.dims + view.ndim);
  if (!ShapeFits(shape, view.dtype)) return Tensor();
  return Tensor::Borrow(view.dtype, std::move(shape), view.data);
}

}  // namespace mosaic
