// The weights of a recurrence, W and R of (directions, gates, k), as strips of float32.
#pragma once

#include <vector>

#include "core/block/blocking.h"
#include "core/tensor/tensor.h"

namespace mosaic {

class PackedWeights {
 public:
  // gates: columns of a direction. inputs, hidden: k of W, of R.
  PackedWeights(int64_t directions, int64_t gates, int64_t inputs, int64_t hidden);

  // Of a direction.
  const Blocking& w() const { return w_; }
  const Blocking& r() const { return r_; }
  // Blocks of all directions: those of W, then those of R. Each has so many bytes of room.
  int64_t blocks() const { return directions_ * (BlocksOf(w_) + BlocksOf(r_)); }
  int64_t payload() const;
  double block_cost() const;

  // Makes a block, in memory that is zero.
  void Pack(const Tensor& w, const Tensor& r, int64_t index, void* out) const;
  // Where the blocks lie that were made one after another.
  void Find(const void* packed, std::vector<const void*>* w, std::vector<const void*>* r) const;

 private:
  static int64_t BlocksOf(const Blocking& b) { return b.rows == 0 || b.cols == 0 ? 0 : b.blocks(); }

  int64_t directions_;
  Blocking w_, r_;
};

}  // namespace mosaic
