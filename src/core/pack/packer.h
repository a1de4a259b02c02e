// Decides which blocks share a page, and in which order the pages lie.
//
// A model reads a page when it uses one block of it, so a page should hold blocks of the same
// models. Blocks used by exactly the same set of models form a sharing class; whole pages are
// filled from one class, and only the leftovers of the classes (less than a page each) are mixed.
// Mixing them is the hard part (it contains bin packing): a greedy pass by similarity of the model
// sets, then a bounded local search. docs/packing.md tells the method and what was measured.
//
// The problem is that of Zhou et al., "Serving Deep Learning Models with Deduplication from
// Relational Databases" (PVLDB 15(10), 2022); unlike there a block lies on one page only.
//
// Use:
//   Packer packer({PackAim::kStorage, 4});
//   packer.SetBlocks(n, nullptr);
//   for each model: packer.AddModel(rate); packer.AddBlocks(ids, count) once or more;
//   while (!packer.Step()) check for interrupts;
//   Packing packing = packer.Take();
//
// The result depends on the input alone: no clock, no addresses, a fixed random sequence. Numbering
// the blocks or the models otherwise changes it only where models cannot be told apart.
// Memory: about 16 bytes a block, and 50 bytes per member of each class's model set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

enum class PackAim {
  kStorage,  // the fewest pages (ceil(blocks / capacity) when all sizes are equal); then few reads
  kReads     // the fewest page reads over all models, weighted by rate; then few pages
};

struct PackOptions {
  PackAim aim = PackAim::kStorage;
  uint32_t capacity = 1;  // of a page, in the unit of the block sizes
};

// Pages in the order in which they should lie on disk: a model's pages follow one another where
// the others' needs allow. Every block occurs once.
struct Packing {
  std::vector<uint32_t> page_begin = {0};  // page p: blocks[page_begin[p] .. page_begin[p + 1])
  std::vector<uint32_t> blocks;

  uint32_t pages() const { return static_cast<uint32_t>(page_begin.size() - 1); }
};

class Packer {
 public:
  explicit Packer(PackOptions options);
  ~Packer();
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // Blocks are numbered 0 .. n - 1; number them in the order in which they are read. sizes: n
  // sizes, copied, or nullptr for all 1. Fails if a size is 0 or larger than a page.
  // REQUIRES: called once, before any model.
  Status SetBlocks(uint32_t n, const uint32_t* sizes);

  // Starts a model. rate: how often it is used, in any unit, >= 0 and finite; an idle model (0)
  // counts like 1/1000 of the mean.
  Status AddModel(double rate);

  // Adds blocks to the model started last. Repeated blocks count once. Time: O(n).
  Status AddBlocks(const uint32_t* blocks, size_t n);

  // Does about 10 ms of work. Returns true when the packing is complete.
  // REQUIRES: all models added.
  bool Step();

  // The result. REQUIRES: Step() has returned true; called once.
  Packing Take();

  // Number of sharing classes (blocks of different size are in different classes).
  // REQUIRES: Step() has returned true.
  size_t classes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ---- Measures of a packing ----

// The page of every block.
std::vector<uint32_t> PageOfBlocks(const Packing& packing);

// What one model reads: its distinct pages, and the number of runs of consecutive pages they form.
struct ModelReads {
  uint32_t pages = 0;
  uint32_t runs = 0;
};
ModelReads CountReads(const std::vector<uint32_t>& page_of, const uint32_t* blocks, size_t n);

}  // namespace mosaic
