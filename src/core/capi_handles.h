// What is behind the handles of capi.h that several files of the boundary work on.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/plan/model.h"
#include "core/run/batch.h"
#include "mosaic/capi.h"

struct MosaicModel {
  std::unique_ptr<mosaic::Model> model;
  std::vector<MosaicValueInfo> inputs, outputs;
  std::string description;  // made when it is asked for
};

struct MosaicExec {
  MosaicExec(const mosaic::Model& m, int max_blocks) : model(m), run(m, max_blocks) {}
  const mosaic::Model& model;
  mosaic::BatchRun run;
  std::vector<mosaic::Tensor> items;  // outputs item after item, as they were asked for
  bool done = false;
};

namespace mosaic {

// Undefined where the view is impossible; the executor then says so.
inline Tensor TensorOf(const MosaicTensorView& view) {
  if (view.ndim < 0 || view.ndim > MOSAIC_MAX_DIMS) return Tensor();
  Shape shape(view.dims, view.dims + view.ndim);
  if (!ShapeFits(shape, view.dtype)) return Tensor();
  return Tensor::Borrow(view.dtype, std::move(shape), view.data);
}

}  // namespace mosaic
