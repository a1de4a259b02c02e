// A product with weights that are rows of small integers, a row for each k, as a quantised MatMul's
// constant lies in its file. Scales and zero points as of a DequantizeLinear (scale.h).
//
// Some rows at a time are made float32, and meet all rows of A: the sums go on where those before
// ended, in the order of every product (kernel/strip_gemm.h). What is stored is read in place,
// block by block: the rows, and of scales with two dimensions those that belong to them.
#pragma once

#include <vector>

#include "core/op/op.h"
#include "core/op/quant/scale.h"
#include "core/op/quant/stored_range.h"

namespace mosaic {

class DepthProduct : public Op {
 public:
  // a: float32 [..., k]; rows: integers of a byte or less [k, n]; scales: float32; zeros: of the
  // type of rows, or omitted; bias: float32 [n], or omitted.
  struct Inputs {
    size_t a, rows, scales, zeros, bias;
  };

  // axis, block: of the DequantizeLinear. stream_scales: they have two dimensions.
  DepthProduct(const Inputs& in, int64_t axis, int64_t block, bool stream_scales)
      : in_(in), axis_(axis), block_(block), stream_scales_(stream_scales) {}

  std::vector<WeightStream> streams() const override;
  Status Start(Call& c) const override;
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 private:
  enum class Part { kScales, kZeros, kProduct };  // what a phase does, of a group of rows
  // Units of a product: the blocks that hold the rows, copied; then, of a part of A's rows and some
  // strips of columns, the strips made float32 and multiplied.
  struct State {
    int64_t rows = 0, k = 0, n = 0;       // of A
    int64_t depth = 0, groups = 0;        // rows of k in a group
    int64_t row_part = 0, row_parts = 0;  // of A's rows in a unit
    int64_t places = 0;                   // of kStrips strips
    int64_t raw_at = 0, scales_at = 0, zeros_at = 0,
            bytes_at = 0;     // in the scratch memory; floats at 0
    std::vector<Part> parts;  // the phases of each group
    ScaleAxis scale;

    int64_t begin(int64_t group) const { return group * depth; }
    int64_t end(int64_t group) const { return std::min(k, (group + 1) * depth); }
  };

  size_t InputOf(Part part) const {
    return part == Part::kScales ? in_.scales : part == Part::kZeros ? in_.zeros : in_.rows;
  }
  // What a group has of an input; elements.
  StoredRange RangeOf(const Call& c, Part part, int64_t group) const;
  void RunUnit(Call& c, int64_t group, int64_t unit) const;
  // A strip of the group's rows as float32, rows of 16.
  void MakeFloats(Call& c, int64_t group, int64_t column, float* out) const;

  const Inputs in_;
  int64_t axis_, block_;
  bool stream_scales_;
};

}  // namespace mosaic
