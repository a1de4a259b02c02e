// Products of bytes, numpy's matmul of (A - zero points) and (B - zero points) in int32: exact, so
// their order does not matter. What becomes of the sums is the operator's.
//
// Rows of A are packed once; some panels of B at a time then meet all rows
// (kernel/integer_product.h). A stored B is read in place: its blocks are panels.
#pragma once

#include <algorithm>
#include <vector>

#include "core/kernel/integer_product.h"
#include "core/kernel/integer_rows.h"
#include "core/op/op.h"

namespace mosaic {

// The shape (or Dims) of an operand as that of matrices: of a vector, a row on the left, a column
// on the right.
template <typename List, typename One>
List ByteMatrix(List shape, bool left, One one) {
  if (shape.size() == 1) shape.insert(left ? shape.begin() : shape.end(), one);
  return shape;
}

class ByteProduct : public Op {
 public:
  static constexpr int64_t kPanels = 4;  // of B in a unit
  static constexpr int64_t kColumns = kPanels * kIntegerColumns;
  // Which inputs are the operands and their zero points.
  struct Inputs {
    size_t a, b, a_zero, b_zero;
  };

  ByteProduct(const Inputs& in, bool trans_a, bool trans_b)
      : in_(in), trans_a_(trans_a), trans_b_(trans_b) {}

  std::vector<WeightStream> streams() const override {
    return {{static_cast<int>(in_.b), MOSAIC_LAYOUT_STRIP, trans_b_}};
  }
  Status Start(Call& c) const override;
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  // Where a row of sums belongs: its row of A (of all matrices), its first column of B (of all
  // matrices; of one), and its first element of the output.
  struct Place {
    int64_t a_row, b_column, column, out;
  };
  // At most kColumns sums: FinishIntegers (kernel/integer_rows.h) makes them.
  virtual void FinishRow(Call& c, const IntegerRow& row, const Place& at) const = 0;

  const Inputs in_;
  const bool trans_a_, trans_b_;

 private:
  struct State {
    int64_t n = 0, k = 0, m = 0;
    int64_t row_count = 0;              // of a matrix of A
    int64_t padded = 0;                 // k, as it is packed
    Shape batch, a_strides, b_strides;  // leading dimensions, strides in matrices
    int64_t strips = 0, places = 0;     // of columns of B; of kPanels strips
    int64_t rows = 1, parts = 0;        // of A in a unit; parts of its rows
    int64_t pieces = 0;                 // of k, where B is packed
    int64_t blocks = 0;                 // of a strip, where B is streamed
    // In the scratch memory, bytes.
    int64_t sums_at = 0, panel_at = 0, ones_at = 0, column_at = 0, product_at = 0;

    int64_t panels(int64_t place) const { return std::min(kPanels, strips - place * kPanels); }
  };

  template <typename T>
  static T* At(const Call& c, int64_t at) {
    return reinterpret_cast<T*>(static_cast<char*>(c.scratch) + at);
  }
  // The matrices that a product reads.
  static void Operands(const State& s, int64_t index, int64_t* a, int64_t* b) {
    *a = *b = 0;
    for (size_t d = s.batch.size(); d-- > 0;) {
      *a += index % s.batch[d] * s.a_strides[d];
      *b += index % s.batch[d] * s.b_strides[d];
      index /= s.batch[d];
    }
  }
  bool Moved(const Call& c) const {
    const StreamedWeight* w = c.weight(in_.b);
    return (w != nullptr ? w->dtype : c.inputs[in_.b].dtype()) == MOSAIC_UINT8;
  }

  void StartDense(Call& c) const;
  void StartStreamed(Call& c) const;
  void PackRow(Call& c, int64_t unit) const;
  void PackPanels(Call& c, int64_t product, int64_t piece) const;
  void RunDense(Call& c, int64_t unit) const;
  // A unit where B is streamed: a block of a strip with a part of A's rows. The strips of a place
  // follow one another, so that consecutive units are one call of the kernel.
  struct StreamedUnit {
    int64_t part, place, block, panel;
  };
  static StreamedUnit UnitAt(const State& s, int64_t unit);
  void RunStreamed(Call& c, const StreamedUnit& u, int64_t panels, const void* const* blocks) const;
  void Multiply(Call& c, IntegerProductArgs g, int64_t a_row, int64_t k_begin, int64_t panel) const;
  void Finish(Call& c, int64_t place, int64_t a_row, int64_t b_matrix, int64_t rows,
              int64_t out_row) const;
};

}  // namespace mosaic
