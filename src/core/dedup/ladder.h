// The ladder: how cheaply each block of a fine-tune can be stored, and in which order blocks go
// down it.
//
// A block near a stored one, its base, can be stored as it is, as a difference of 8, 4, 2 or 1 bits
// a weight, or give way to the base. Each step down saves bytes and costs accuracy. What it costs
// is estimated: the square of the error of the weights, times how much the model's outputs move for
// such an error of that tensor (measured, sensitivity). Of each block those steps are kept that lie
// on the lower convex hull of cost over bytes, so that costs a byte grow from step to step; all
// blocks' steps are made in the order of that ratio. A prefix of them is what one exchange rate of
// accuracy for bytes gives.
//
// Steps come in chunks, the layers of the gate (gate.h). Where a chunk breaks the bound it is given
// up, with all later steps of its blocks, and those behind it are tried: so what the estimate got
// wrong is found and left alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dedup/gate.h"

namespace mosaic {

struct Rung {
  int8_t bits = 0;     // a weight; 0: it gives way to its base
  uint32_t bytes = 0;  // that it takes then
  float error = 0;     // sum of squares of the differences of the weights
};

struct LadderBlock {
  int tensor = 0;
  int64_t index = 0;      // place in the tensor's map
  uint32_t block = 0;     // block_id
  int64_t places = 1;     // of the model's maps that have it
  uint32_t base = 0;      // block_id
  double similarity = 0;  // to it
  uint32_t stored = 0;    // bytes that it takes as it is
  uint32_t bytes = 0;     // likewise, or as a lossless difference
  bool lossless = false;  // whether a lossless difference is smaller
  int rungs = 0;
  std::array<Rung, 5> rung;  // descending bytes, fewer than as it is
};

class Ladder {
 public:
  void Add(const LadderBlock& block) { blocks_.push_back(block); }
  const std::vector<LadderBlock>& blocks() const { return blocks_; }
  // Finds what is the same block at several places. To be called once all are added.
  void Group();
  // Tensors that have blocks here, ascending.
  std::vector<int> Tensors() const;

  // Orders the steps. sensitivity: of each tensor; infinite: its steps come last. Returns how many
  // steps each chunk has. REQUIRES: a sensitivity >= 0 for each tensor of a block.
  std::vector<size_t> Order(const std::vector<double>& sensitivity);

  // The rung of each block where the first selection[c] steps of each chunk c are made; null: as it
  // is.
  std::vector<const Rung*> At(const Selection& selection) const;
  // Likewise where all blocks of a tensor are at their lowest rung.
  std::vector<const Rung*> Lowest(int tensor) const;
  // Bytes that are freed where blocks are on these rungs, of those that they take as they are: what
  // a block becomes is stored once, and the block stays where one of its places does. So fewer than
  // none may be. REQUIRES: Group().
  int64_t FreedBytes(const std::vector<const Rung*>& rungs) const;
  // The tensors that a chunk has steps of, ascending.
  std::vector<int> TensorsOfChunk(size_t chunk) const;

 private:
  struct Step {
    double cost;  // a byte
    uint32_t block;
    int8_t ordinal, rung;  // how many steps of the block come before; where it leads
  };
  void AddSteps(uint32_t block, double sensitivity);

  std::vector<LadderBlock> blocks_;
  std::vector<size_t> by_block_;  // places in blocks_, by block
  std::vector<Step> steps_;
  std::vector<size_t> chunks_;
};

// How much the outputs of a model move: those of the first rows, kept and compared.
class OutputSample {
 public:
  static constexpr int64_t kRows = 32;
  static constexpr size_t kFloats = size_t{1} << 22;  // of all rows

  // Until the next call, rows are kept, or compared with those kept; each in the same order.
  void Keep();
  void Compare();
  void Row(const float* outputs, int64_t n);
  // Sum of squares over the rows compared; infinite where that is not finite, or sizes differ.
  double difference() const { return difference_; }

 private:
  bool keeping_ = false, comparing_ = false;
  size_t row_ = 0;
  std::vector<float> outputs_;
  std::vector<size_t> ends_;  // of each row
  double difference_ = 0;
};

}  // namespace mosaic
