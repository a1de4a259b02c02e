#include "core/import/stored_model.h"

namespace mosaic {

Layout LayoutOf(const MosaicTensorDesc& d) {
  Layout l;
  l.layout = d.layout;
  if (d.layout == MOSAIC_LAYOUT_INLINE) return l;
  l.transposed = d.transposed;
  l.blocking = BlockingOf(d);
  // As TensorLoader has it: kernels of a convolution.
  if (d.layout == MOSAIC_LAYOUT_STRIP && d.ndim > 2 && d.cols == d.dims[0])
    l.taps = d.rows / d.dims[1];
  return l;
}

int64_t ElementsOf(const MosaicTensorDesc& d) {
  int64_t n = 1;
  for (int i = 0; i < d.ndim; ++i) n *= d.dims[i];
  return n;
}

}  // namespace mosaic
