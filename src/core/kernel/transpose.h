// Permutation of the dimensions of a dense tensor, for elements of 1, 2, 4 or 8 bytes.
//
// Dimensions of size 1 vanish, those that stay neighbours are joined. What is left is either copied
// in runs, or is matrices that are transposed in square blocks of registers, tile by tile, so that
// whole cache lines are read and written.
#pragma once

#include <cstdint>
#include <vector>

namespace mosaic {

class Transposition {
 public:
  // Dimension d of the result is dimension permutation[d] of dims. REQUIRES: permutation is one;
  // element_size is 1, 2, 4 or 8.
  Transposition(const std::vector<int64_t>& dims, const std::vector<int>& permutation,
                int element_size);

  // The work, in units of at most some 64 kB each.
  int64_t units() const { return units_; }
  // Units [begin, end). The tensors do not overlap.
  void Run(const void* in, void* out, int64_t begin, int64_t end) const;

 private:
  void RunPiece(const char* in, char* out, int64_t begin, int64_t end) const;
  void RunTile(const char* in, char* out, int64_t tile) const;

  int element_size_;
  // The outer dimensions, in the order of the result, with steps in elements.
  std::vector<int64_t> dims_, in_steps_, out_steps_;
  // The innermost: a run of run_ elements (columns_ == 0), or a matrix of rows_ x columns_ whose
  // element (r, c) is in[r * row_step_ + c] and out[c * column_step_ + r].
  int64_t run_ = 1, rows_ = 1, row_step_ = 0, columns_ = 0, column_step_ = 0;
  int64_t row_tiles_ = 1, column_tiles_ = 1, units_ = 0, run_units_ = 1;
};

}  // namespace mosaic
