// A product with weights that are rows of small integers, a row for each column of the result: what
// MatMulNBits reads, and a table of embeddings that is also the last layer
// (kernel/integer_strip.h).
//
// Sixteen columns at a time are made float32, and meet all rows of A in the order of every product
// (kernel/strip_gemm.h). What is stored is read in place, block by block: the rows, and of their
// scales and zero points those of a group of columns before its products.
#pragma once

#include <optional>
#include <vector>

#include "core/kernel/integer_strip.h"
#include "core/op/op.h"
#include "core/op/product/strip_product.h"
#include "core/op/quant/stored_range.h"

namespace mosaic {

class RowProduct : public Op {
 public:
  struct Form {
    int64_t k = 0, n = 0;  // of W: k x n
    int bits = 8;          // 8, or 4: low bits first
    bool is_signed = false;
    int64_t row_bytes = 0;  // of a row of integers
    int64_t block = 0;      // of k that has a scale of its own
    int64_t scales = 0, zeros = 0;  // elements of these inputs of a column; 0: the same for all
  };
  // a: float32 [..., k]; rows: bytes [n, ...]; scales: float32; zeros may be omitted; bias: float32
  // [n], or omitted.
  struct Inputs {
    size_t a, rows, scales, zeros, bias;
  };

  // any_cut: of the rows, however they are stored (WeightStream).
  RowProduct(const Inputs& in, bool any_cut) : in_(in), any_cut_(any_cut) {}

  std::vector<WeightStream> streams() const override;
  Status Start(Call& c) const override;
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  virtual Form FormOf(const Call& c) const = 0;
  // Sets zero and scale of some columns, of a block of k. scales, zeros: what the first column has
  // of these inputs; zeros is null where they are omitted.
  virtual void SetScales(const Call& c, const float* scales, const void* zeros, int64_t columns,
                         int64_t block, IntegerStrip* strip) const = 0;
  const Inputs in_;

 private:
  enum class Part { kScales, kZeros, kProduct };  // what a phase does, of a group of strips
  // Units of a product, of each strip: the blocks that hold its rows, copied; the rows made
  // float32; the product.
  struct State {
    Form form;
    int64_t strips = 0, blocks = 0, depths = 0;  // units of a strip
    int64_t group = 0;                           // strips of a group
    std::vector<Part> parts;                     // the phases of each group
    int64_t raw_at = 0, turned_at = 0;           // in the scratch memory, bytes; floats at 0
    int64_t scales_at = 0, zeros_at = 0;
    std::optional<StripProduct> whole, last;     // of 16 columns, and of those that are left
    Blocking blocking;                           // of the floats

    const StripProduct& product(int64_t strip) const {
      return strip + 1 == strips && last ? *last : *whole;
    }
    int64_t units() const { return blocks + depths + whole->units(); }
    int64_t columns(int64_t strip) const;
  };

  StoredRange RowsOf(const Call& c, int64_t strip) const;
  // What a group has of the scales or zero points.
  StoredRange PartOf(const Call& c, Part part, int64_t group) const;
  size_t InputOf(Part part) const { return part == Part::kScales ? in_.scales : in_.zeros; }
  void AddGroups(Call& c) const;
  void RunProduct(Call& c, int64_t first_strip, int64_t begin, int64_t end) const;
  const void* PartAt(const Call& c, size_t input, int64_t scratch, int64_t strip,
                     int64_t of_column) const;
  void MakeFloats(Call& c, int64_t strip, int64_t depth) const;
  void Multiply(Call& c, int64_t strip, int64_t begin, int64_t end) const;

  bool any_cut_;
};

}  // namespace mosaic
