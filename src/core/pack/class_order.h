// Sharing classes in an order that puts similar sets of models side by side.
//
// Models are ranked first: by whether they use the class of the largest mass (blocks x models),
// then the next, and so on, so that models with much in common are neighbours. Classes are then
// sorted by the ranks of their models, larger sets first: for a family tree of fine-tunes this is
// the order in which one walks down the tree. It serves the search for similar classes, and as the
// order on disk.
//
// Ties are broken by hashes of what a model or class is made of, so that the order does not depend
// on how models and blocks are numbered, unless models cannot be told apart that way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/pack/sharing_classes.h"
#include "core/pack/slices.h"

namespace mosaic {

struct OrderedClasses : SharingClasses {  // members are model ranks, ascending
  std::vector<int64_t> rate;              // of each model rank: fixed-point, at least 1
  std::vector<int64_t> weight;            // of each class: the rates of its models together
};

class ClassOrder {
 public:
  // rates: of each model, checked by the caller.
  ClassOrder(SharingClasses classes, const std::vector<double>& rates);
  ClassOrder(const ClassOrder&) = delete;
  ClassOrder& operator=(const ClassOrder&) = delete;

  // True when done.
  bool Step(Budget* budget);

  // After Step() has returned true; each is moved out.
  OrderedClasses TakeClasses() { return std::move(out_); }
  // The new number of each class of the constructor's.
  std::vector<uint32_t> TakeNewNumbers() { return std::move(new_number_); }

 private:
  enum class Stage { kHash, kMass, kLists, kModels, kRanks, kClasses, kCopy, kDone };

  void Enter(Stage stage);
  bool RunStage(Budget* budget);
  bool HashRounds(Budget* budget);
  bool ListClassesOfModels(Budget* budget);
  bool RankMembers(Budget* budget);
  bool CopyClasses(Budget* budget);
  bool MoreMass(uint32_t a, uint32_t b) const;
  bool ModelLess(uint32_t a, uint32_t b) const;
  bool ClassLess(uint32_t a, uint32_t b) const;

  Stage stage_ = Stage::kHash;
  size_t cursor_ = 0;
  int round_ = 0;
  SharingClasses in_;
  std::vector<int64_t> rate_;                     // by model number
  std::vector<uint64_t> class_hash_;              // of count, size and the hashes of the models
  std::vector<uint64_t> model_hash_, next_hash_;  // of rate and the hashes of the classes
  std::vector<uint32_t> order_;                   // classes by mass, later in the final order
  std::vector<uint32_t> models_;                  // by rank
  std::vector<size_t> list_begin_;                // classes of model m, as places in order_:
  std::vector<uint32_t> lists_;                   // lists_[list_begin_[m] .. list_begin_[m + 1])
  std::vector<uint32_t> rank_;                    // of each model
  std::optional<SlicedSort> sort_;
  OrderedClasses out_;
  std::vector<uint32_t> new_number_;
};

}  // namespace mosaic
