// Copies of arrays into others that are due, done piece by piece: what lies between the runs of a batch, or between a
// loop and its outputs, may be as large as all of memory.
#pragma once

#include <deque>
#include <vector>

#include "core/tensor/tensor.h"

namespace mosaic {

// An array as outer x (axis, inner): its parts along the axis are runs of bytes.
struct AxisRuns {
  AxisRuns(const Tensor& t, int axis) : inner(DTypeSize(t.dtype())) {
    for (int d = 0; d < axis; ++d) outer *= t.dim(d);
    for (int d = axis + 1; d < t.rank(); ++d) inner *= t.dim(d);
  }
  int64_t outer = 1, inner;  // inner: bytes of one index of the axis
};

// Parts become one array, joined along an axis, one behind the other. Each is outer x inner runs of bytes.
struct Copy {
  std::vector<Tensor> parts;
  Tensor to;
  int64_t outer = 1, inner = 1, bytes = 0;
  int64_t from_at = 0, from_outer = 0, from_inner = 0;  // of the first run of each part; steps, all in bytes
  int64_t to_at = 0, to_outer = 0, to_inner = 0;        // likewise of the first part; the others lie behind it

  // A part of "whole" along an axis, or all of it, from index `begin` on: to or from an array of its own.
  static Copy Take(const Tensor& whole, int axis, int64_t begin, const Tensor& part);
  static Copy Put(const Tensor& part, int axis, int64_t begin, const Tensor& whole);
  // Indexes of the axis one after another become the axis where it belongs.
  static Copy Unstack(const Tensor& stacked, int axis, const Tensor& whole);
  // As many equal parts of an axis as "stacked" has indexes, one after another.
  static Copy Stack(const Tensor& whole, int axis, const Tensor& stacked);
  // The whole array for each index of the first axis of "repeated".
  static Copy Repeat(const Tensor& whole, const Tensor& repeated);
};

class Copies {
 public:
  // Small ones are done at once, if nothing is due before.
  void Add(Copy copy);
  bool done() const { return due_.empty(); }
  // A piece of the first that is due; what it cost, in the units of Phase::unit_cost. REQUIRES: !done().
  double Advance();
  // Also in the middle of one.
  void Clear() { *this = Copies(); }

 private:
  std::deque<Copy> due_;
  size_t part_ = 0;   // of the first
  int64_t run_ = 0;   // of that part
  int64_t done_ = 0;  // bytes of that run
};

}  // namespace mosaic
