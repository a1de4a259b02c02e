// In which order blocks are merged: the paper's. The largest layer first, because that is where the
// space is; within a layer the least important blocks first, because accuracy lasts longest so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mosaic {

// One merge that may be made: the block at a place of a tensor's map gives way to a partner.
struct Merge {
  int tensor = 0;
  int64_t index = 0;         // place in the tensor's map
  uint32_t partner = 0;      // block_id
  uint32_t block = 0;        // that goes
  uint32_t stored = 0;       // bytes that it takes
  int64_t places = 1;        // of the model's maps that have it
  float third_quartile = 0;  // of |w| of the block that goes
  double importance = 0;     // set by OrderMerges: third_quartile / the layer's largest
  size_t number = 0;         // likewise: of block among those that go, each once
  double similarity = 0, relative_l2 = 0;
  uint64_t fingerprint = 0;  // of the block that goes: recall.h
  bool recalled = false;     // made for the model's predecessor
};

// A tensor of the model.
struct Layer {
  int64_t bytes = 0;   // of its blocks
  int64_t blocks = 0;  // tensors of one block are left alone
};

// Sorts merges by descending bytes of the layer (then ascending tensor), ascending importance, and
// ascending index; drops those of layers of one block. Returns how many merges each layer has, in
// the order of layers, without layers that have none. Recalled merges come before all others, in
// the same order, and count as one layer. REQUIRES: every tensor is in layers.
std::vector<size_t> OrderMerges(const std::vector<Layer>& layers, std::vector<Merge>* merges);

}  // namespace mosaic
