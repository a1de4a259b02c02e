// Sharing classes: the blocks used by exactly the same models (and of the same size).
//
// Found by partition refinement: all blocks start in one class per size, and each model splits
// every class it meets into the blocks it uses and the rest. Exact, in time proportional to the
// references, with four bytes per block and no hashing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/pack/slices.h"
#include "core/util/status.h"

namespace mosaic {

struct SharingClasses {
  std::vector<uint32_t> count;      // blocks of the class, > 0
  std::vector<uint32_t> size;       // of each block
  std::vector<size_t> begin = {0};  // the models of class c: members[begin[c] .. begin[c + 1])
  std::vector<uint32_t> members;

  size_t classes() const { return count.size(); }
  size_t models_of(size_t c) const { return begin[c + 1] - begin[c]; }
};

class ClassRefiner {
 public:
  Status SetBlocks(uint32_t n, const uint32_t* sizes, uint32_t capacity);
  void AddModel() { ++models_; }
  // REQUIRES: at least one AddModel().
  Status AddBlocks(const uint32_t* blocks, size_t n);

  // Works out the classes, numbered as they were found; true when done.
  bool Step(Budget* budget);

  // After Step() has returned true; each is moved out. Members are model numbers, descending.
  SharingClasses TakeClasses() { return std::move(classes_); }
  std::vector<uint32_t> TakeClassOfBlocks() { return std::move(class_of_); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // A class, or what is left of one after all its blocks were split off. Its set of models is its
  // parent's and its own model; the blocks of a root are used by no model.
  struct Node {
    uint32_t parent, model;
    uint32_t blocks;    // now in this class
    uint32_t split_by;  // the model that last split this class,
    uint32_t child;     // and the class of the blocks it uses; at the end the number of the class
  };

  bool NumberClasses(Budget* budget);

  uint32_t models_ = 0;
  std::vector<uint32_t> class_of_;  // of each block: its node; at the end its class
  std::vector<Node> nodes_;
  std::vector<uint32_t> root_size_;  // block sizes of the roots, which are the first nodes
  size_t numbered_ = 0, renamed_ = 0;
  SharingClasses classes_;
};

}  // namespace mosaic
