// Which values of a batched run count its items.
//
// A batch of N items runs as one as long as each value is one of
//   shared   the same as for one item alone,
//   batched  N values of items alone, joined along dimension 0,
//   counted  neither, but a function of N alone (the Shape of a batched value, and what is computed
//            from it); what one item alone would have is kept beside it.
// Shared and batched are proven, not guessed: shapes are compared with those of one item, and a
// counted value that turns out to be shared or batched becomes so. Counted values may only say the
// shape of an output (Op::shape_input); whatever else they meet is not batched.
#pragma once

#include <vector>

#include "core/infer/model.h"
#include "core/op/op.h"

namespace mosaic {

class ItemTracker {
 public:
  // Begins a run of items > 1 in which all inputs of the graph are batched.
  void Start(const Model& model, int64_t items);

  // After the node's Prepare: decides how it treats items. False: the batch has to be computed
  // item by item.
  bool Prepared(const Model& model, size_t node, OpContext& c);
  // After the node's last unit: classifies its outputs. False as above.
  bool Finished(const Model& model, size_t node, OpContext& c);

  bool batched(int value) const { return kind_[static_cast<size_t>(value)] == Kind::kBatched; }
  void Release(int value) { alone_[static_cast<size_t>(value)] = Tensor(); }
  // Copies what it holds, so that it outlives the run.
  void Detach(Arena* arena);

 private:
  enum class Kind : char { kShared, kBatched, kCounted };

  bool PrepareAlone(const Model& model, size_t node, const OpContext& c);
  void Classify(int value, const Tensor& all, const Tensor& alone);

  int64_t items_ = 1;
  std::vector<Kind> kind_;        // per value
  std::vector<Tensor> alone_;     // per counted value: as one item alone has it
  Kind outputs_ = Kind::kShared;  // of the node between Prepared and Finished
  OpContext one_;                 // the node with one item
};

}  // namespace mosaic
