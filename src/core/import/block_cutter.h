// Cuts one tensor into blocks, reading it through a window of bounded size.
#pragma once

#include <vector>

#include "core/import/graph_builder.h"
#include "core/import/layout_planner.h"

namespace mosaic {

class BlockCutter {
 public:
  // tensor must outlive it. REQUIRES: layout is STRIP or ROW.
  BlockCutter(const GraphTensor& tensor, const Layout& layout, int64_t window_bytes);

  // *more = true: *block is the next one, each exactly once; tensor is not set. Its payload is
  // valid until the next call.
  Status Next(MosaicBlock* block, bool* more);

 private:
  // Blocks [row, row + rows) x [col, col + cols) of the tensor's grid of blocks.
  struct Window {
    int64_t row = 0, col = 0, rows = 0, cols = 0;
  };

  void PlanWindow(int64_t window_bytes);
  bool NextWindow();
  Status LoadWindow();
  void TapsFirst(int64_t height, int64_t width, int64_t size);
  void Emit(MosaicBlock* block);

  const Blocking blocking_;
  const bool turned_;  // the source holds columns of the matrix as rows
  const int64_t taps_;  // Layout::taps
  ElementReader reader_;
  Window window_;
  Blocking local_;                         // the window as a matrix of its own
  int64_t next_ = 0;                       // block of the window, in the order of its own map
  int64_t span_rows_ = 0, span_cols_ = 0;  // blocks of a full window
  std::vector<char> elements_;
  std::vector<char> hashed_;  // the packed geometry, then the payload
};

}  // namespace mosaic
