// A product with weights that are rows of small integers, a row for each column of the result: what
// MatMulNBits reads, and a table of embeddings that is also the last layer
// (kernel/integer_strip.h).
//
// Sixteen columns at a time are made float32, and meet all rows of A in the order of every product
// (kernel/strip_gemm.h). Stored as a table, the rows are read in place, block by block.
#pragma once

#include <optional>
#include <vector>

#include "core/kernel/integer_strip.h"
#include "core/op/op.h"
#include "core/op/product/strip_product.h"

namespace mosaic {

class RowProduct : public Op {
 public:
  struct Form {
    int64_t k = 0, n = 0;  // of W: k x n
    int bits = 8;          // 8, or 4: low bits first
    bool is_signed = false;
    int64_t row_bytes = 0;  // of a row of integers
    int64_t block = 0;      // of k that has a scale of its own
  };

  // a: float32 [..., k]; rows: bytes [n, ...]; bias: float32 [n], or may be omitted.
  RowProduct(size_t a, size_t rows, size_t bias) : a_(a), rows_(rows), bias_(bias) {}

  std::vector<WeightStream> streams() const override {
    return {{static_cast<int>(rows_), MOSAIC_LAYOUT_ROW}};
  }
  Status Start(Call& c) const override;
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  virtual Form FormOf(const Call& c) const = 0;
  // Sets zero and scale of columns [first, first + columns), of a block of k.
  virtual void SetScales(const Call& c, int64_t first, int64_t columns, int64_t block,
                         IntegerStrip* strip) const = 0;

 private:
  // Units, of each strip: the blocks that hold its rows, copied; the rows made float32; the
  // product.
  struct State {
    Form form;
    int64_t strips = 0, blocks = 0, depths = 0;  // units of a strip
    int64_t raw_at = 0, turned_at = 0;           // in the scratch memory, bytes; floats at 0
    std::optional<StripProduct> whole, last;     // of 16 columns, and of those that are left
    Blocking blocking;                           // of the floats

    const StripProduct& product(int64_t strip) const {
      return strip + 1 == strips && last ? *last : *whole;
    }
    int64_t units() const { return blocks + depths + whole->units(); }
    int64_t columns(int64_t strip) const;
  };

  int32_t BlockOf(const Call& c, int64_t unit) const;
  void CopyRows(Call& c, int64_t unit, const void* block) const;
  void MakeFloats(Call& c, int64_t strip, int64_t depth) const;
  void Multiply(Call& c, int64_t strip, int64_t begin, int64_t end) const;

  size_t a_, rows_, bias_;
};

}  // namespace mosaic
