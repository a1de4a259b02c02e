// Base of LayerNormalization and its relatives: rows are the dimensions from axis on, scale and
// bias broadcast to a row.
#pragma once

#include "core/op/nn/row_norm.h"

namespace mosaic {

class LayerNormOp : public RowNormOp {
 public:
  LayerNormOp(bool centred, int64_t axis, float epsilon, RowNormPlaces places);
  Status Infer(InferContext& c) const override;
  Status Start(Call& c) const override;

 protected:
  // Types and shapes; *axis counts from the front, -1 where the rank is not known.
  Status InferLayer(InferContext& c, int* axis) const;
  // As RowNormOp::StartRows.
  Status StartLayer(Call& c, int first_phase, int64_t bytes) const;

 private:
  static Status CheckParameter(InferContext& c, const Dims& shape, const Dims& row);

  int64_t axis_;
  RowNormPlaces places_;
};

}  // namespace mosaic
