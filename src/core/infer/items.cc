#include "core/infer/items.h"

#include <algorithm>
#include <cstring>

namespace mosaic {
namespace {

// Whether all is the shape of items of the shape alone, joined.
bool Joins(const Shape& all, const Shape& alone, int64_t items) {
  return !alone.empty() && alone.size() == all.size() && alone[0] == 1 && all[0] == items &&
         std::equal(all.begin() + 1, all.end(), alone.begin() + 1);
}

bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

}  // namespace

void ItemTracker::Start(const Model& model, int64_t items) {
  items_ = items;
  kind_.assign(model.graph.values.size(), Kind::kShared);
  alone_.assign(model.graph.values.size(), Tensor());
  for (int v : model.graph.inputs) kind_[static_cast<size_t>(v)] = Kind::kBatched;
}

bool ItemTracker::Prepared(const Model& model, size_t node, OpContext& c) {
  const std::vector<int>& inputs = model.nodes[node].inputs;
  const Op& op = *model.ops[node];
  bool batched = false, counted = false, counted_elements = false;
  c.batched.assign(inputs.size(), false);
  c.items = items_;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0) continue;
    const Kind kind = kind_[static_cast<size_t>(inputs[i])];
    c.batched[i] = kind == Kind::kBatched;
    batched = batched || c.batched[i];
    counted = counted || kind == Kind::kCounted;
    counted_elements =
        counted_elements || (kind == Kind::kCounted && !op.shape_input(static_cast<int>(i)));
  }
  outputs_ = Kind::kShared;
  if (!batched && !counted) return true;
  const ItemRule rule = batched ? op.Items(c) : ItemRule::kShapeOnly;
  if (rule == ItemRule::kMixes) return false;
  if (rule == ItemRule::kShapeOnly) {
    outputs_ = Kind::kCounted;
    return c.streamed == nullptr;  // not worth the blocks
  }
  if (counted_elements || !PrepareAlone(model, node, c)) return false;
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    if (!c.outputs[i].defined()) continue;
    if (!Joins(c.outputs[i].shape(), one_.outputs[i].shape(), items_)) return false;
  }
  one_ = OpContext();
  outputs_ = Kind::kBatched;
  return true;
}

bool ItemTracker::Finished(const Model& model, size_t node, OpContext& c) {
  const std::vector<int>& outputs = model.nodes[node].outputs;
  const bool counted = outputs_ == Kind::kCounted;
  if (counted) {
    if (!PrepareAlone(model, node, c)) return false;
    model.ops[node]->Run(one_, 0, one_.units);
  }
  for (size_t i = 0; i < outputs.size() && i < c.outputs.size(); ++i) {
    if (outputs[i] < 0 || !c.outputs[i].defined()) continue;
    if (counted) {
      Classify(outputs[i], c.outputs[i], one_.outputs[i]);
    } else {
      kind_[static_cast<size_t>(outputs[i])] = outputs_;
    }
  }
  if (counted) one_ = OpContext();
  return true;
}

void ItemTracker::Detach(Arena* arena) {
  for (Tensor& t : alone_) {
    if (t.defined()) t = t.CopyIn(arena);
  }
}

// Prepares the node as one item alone would: with item 0 of batched inputs.
bool ItemTracker::PrepareAlone(const Model& model, size_t node, const OpContext& c) {
  const std::vector<int>& inputs = model.nodes[node].inputs;
  one_ = OpContext();
  one_.inputs = c.inputs;
  one_.streamed = c.streamed;
  one_.arena = c.arena;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0 || !c.inputs[i].defined()) continue;
    const size_t v = static_cast<size_t>(inputs[i]);
    if (kind_[v] == Kind::kBatched) one_.inputs[i] = c.inputs[i].Slice(0, 1);
    if (kind_[v] == Kind::kCounted) one_.inputs[i] = alone_[v];
  }
  return model.ops[node]->Prepare(one_).ok() && one_.outputs.size() == c.outputs.size();
}

void ItemTracker::Classify(int value, const Tensor& all, const Tensor& alone) {
  const size_t v = static_cast<size_t>(value);
  if (all.shape() == alone.shape() && SameBytes(all, alone)) {
    kind_[v] = Kind::kShared;
    return;
  }
  bool joined = Joins(all.shape(), alone.shape(), items_);
  for (int64_t i = 0; joined && i < items_; ++i) joined = SameBytes(all.Slice(i, 1), alone);
  kind_[v] = joined ? Kind::kBatched : Kind::kCounted;
  if (!joined) alone_[v] = alone;
}

}  // namespace mosaic
