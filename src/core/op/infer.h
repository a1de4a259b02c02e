// What is known of a value before it is computed, and how an operator says what it makes of it.
//
// The same Op::Infer is asked in two modes:
//   symbolic   dimensions may be polynomials in named symbols (graph/dim.h). Proves shapes, and
//              which axis of each value counts the items of a batch, for all inputs at once.
//   concrete   all dimensions are numbers, but for those that depend on elements.
//
// Items. A model's inputs may have an axis that counts items: rows of a query that are computed
// together. A value then is
//   shared     the same whatever the items are (item_axis kShared),
//   itemised   items joined along item_axis, item after item, each of dims[item_axis] / items
//              indexes, and the elements of one item depend on that item and shared values only,
//   mixed      anything else.
// An operator states item_axis of its outputs where it keeps items apart; where it states nothing,
// outputs of itemised inputs are mixed. A model whose outputs are all itemised or shared can be
// computed in batches; the bits of an item are then the same in any batch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/dim.h"
#include "core/graph/graph.h"
#include "core/op/item_index.h"
#include "core/tensor/tensor.h"
#include "core/util/status.h"

namespace mosaic {

constexpr int kShared = -1, kMixed = -2, kUnstated = -3;

struct Fact {
  int dtype = MOSAIC_UNDEFINED;
  int element = MOSAIC_UNDEFINED;  // of a sequence: the type of its arrays, where it is known
  bool ranked = false;             // dims are valid; else nothing is known of the shape
  Dims dims;
  int item_axis = kUnstated;
  // The elements, as far as they are known: of a constant, or of what follows from shapes.
  Tensor value;                            // defined: all are known
  std::shared_ptr<const Dims> ints;        // of an integer of rank 0 or 1, in terms of symbols
  std::shared_ptr<const ItemIndex> index;  // of integers that number the items
  // Of what is mixed: index i of this axis belongs to item i / inner % items, where the axis is
  // spread_outer x items x inner; or -1. PyTorch's attention flattens [tokens, batch, width] to rows.
  int spread_axis = -1;
  Dim spread_outer;

  int rank() const { return static_cast<int>(dims.size()); }
  static Fact Of(int dtype, Dims dims) {
    Fact f;
    f.dtype = dtype;
    f.ranked = true;
    f.dims = std::move(dims);
    return f;
  }
  static Fact OfTensor(const Tensor& t);  // all known
};

// The elements of an integer fact as dimensions; false where they are not known.
bool KnownDims(const Fact& f, Dims* out);
// The elements of an integer fact (int32, int64; rank 0 or 1) as numbers. Errors: BAD_MODEL where
// it is of another type or rank ("what" names it), INTERNAL where they are not known.
Status KnownInts(const Fact& f, const char* what, std::vector<int64_t>* out);

class InferContext {
 public:
  // inputs: one per input of the node, dtype UNDEFINED where omitted. item_symbol: the symbol that
  // counts items; "" in concrete mode. Both must outlive the context.
  InferContext(const std::vector<Fact>& inputs, size_t outputs, const std::string& item_symbol);

  size_t inputs() const { return in_.size(); }
  size_t outputs() const { return out_.size(); }
  bool Has(size_t i) const { return i < in_.size() && in_[i].dtype != MOSAIC_UNDEFINED; }
  // REQUIRES: Has(i). The rank may be unknown: operators that need it ask Ranked first.
  const Fact& in(size_t i) const { return in_[i]; }
  const Dims& dims(size_t i) const { return in_[i].dims; }
  int dtype(size_t i) const { return in_[i].dtype; }
  Fact& out(size_t o) { return out_[o]; }
  // Sets type and shape of an output, if the node has it. Errors: LIMIT beyond MOSAIC_MAX_DIMS
  // dimensions or kMaxTensorBytes, BAD_MODEL for a negative dimension.
  Status Set(size_t o, int dtype, Dims dims);
  // Sets type only: shape unknown (also the rank).
  void SetUnranked(size_t o, int dtype);

  // Whether the ranks of all inputs that are there are known.
  bool Ranked() const;
  // Elements of an integer input. False: not known (and in concrete mode the node has to be
  // inferred again when they are).
  bool Known(size_t i, Dims* out) const { return Has(i) && KnownDims(in_[i], out); }
  bool concrete() const { return item_symbol_.empty(); }
  // A dimension that is not known: a symbol of its own, or in concrete mode Dim::Unknown.
  Dim NewDim();
  // Start needs elements that are not known yet: it is asked when they are.
  void Defer() { deferred_ = true; }
  bool deferred() const { return deferred_; }

  // Fails where the two certainly differ; where that is not certain, and the number of items has
  // a part in it, the outputs are mixed. "what" starts the message: what, both dimensions.
  Status RequireEqual(const Dim& a, const Dim& b, const std::string& what);
  // The dimension that both broadcast to, as RequireEqual.
  Status Broadcast(const Dims& a, const Dims& b, Dims* out);

  // ---- items ----
  // Some input is itemised. (In concrete mode: never.)
  bool itemised() const { return itemised_; }
  bool Itemised(size_t i) const { return Has(i) && in_[i].item_axis >= 0; }
  int item_axis(size_t i) const { return in_[i].item_axis; }
  // Whether a size may depend on the number of items.
  bool CountsItems(const Dim& d) const {
    return !concrete() && (d.is_unknown() || d.DependsOn(item_symbol_));
  }
  Dim items() const { return Dim::Symbol(item_symbol_); }
  // Outputs are mixed, whatever is stated.
  void Mix() { mixed_ = true; }
  // Input i is mixed, but keeps the items apart the way this operator uses it (TakesOwn).
  void Excuse(size_t i) { excused_ = static_cast<int>(i); }

  // All outputs: the output's axis (aligned from the right, as broadcasting does) that the itemised
  // inputs agree on; mixed where they do not, or where an input is broadcast along it wrongly.
  // REQUIRES: dims of output 0 are set.
  void ItemsBroadcast();
  // All outputs: the item axis of input i at the same index; mixed where another input is itemised.
  // "separate" false: mixed (the operator works across that axis).
  void ItemsOf(size_t i, bool separate = true) { ItemsAt(i, separate ? item_axis(i) : kMixed); }
  // The same at another axis of the outputs.
  void ItemsAt(size_t i, int axis);
  // Output 0 has the elements of input 0 in the same order under its own dims: finds where the
  // item axis went, or within which it is spread, or that it is one again.
  void ItemsReshaped();

  // ---- for those who ask ----
  // Applies the rules that hold for every operator and gives the outputs away.
  std::vector<Fact> Finish(const std::vector<bool>& shape_inputs);
  // Whether shapes or elements of inputs depend on how many items there are.
  bool InputsCountItems() const;

 private:
  const std::vector<Fact>& in_;
  std::vector<Fact> out_;
  const std::string& item_symbol_;
  bool itemised_ = false, mixed_ = false, deferred_ = false;
  int excused_ = -1;
};

}  // namespace mosaic
