// What operators share: checks of their nodes and inputs, axes, output tensors, and the batch
// rules.
//
// All messages are made to follow "node 'x' (Op): ".
#pragma once

#include <string>
#include <vector>

#include "core/op/element.h"
#include "core/op/op.h"

namespace mosaic {

// ---- checks for factories ----

// Between min and max inputs of which the first min are not omitted, and 1 to max_outputs outputs.
Status CheckArity(const Node& node, int min_inputs, int max_inputs, int max_outputs = 1);
// True where the node has input (output) i and it is not omitted.
bool HasInput(const Node& node, size_t i);
bool HasOutput(const Node& node, size_t i);
bool HasAttribute(const Node& node, const char* name);

// The factory of an op that has no attributes: its class takes no argument.
template <typename OpClass, int kMinInputs, int kMaxInputs>
Status MakePlain(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kMinInputs, kMaxInputs));
  *out = std::make_unique<OpClass>();
  return Status();
}

// ---- checks for Prepare ----

// True where input i is there (not omitted).
bool Given(const OpContext& c, size_t i);

Status UnsupportedType(const char* what, int dtype);

template <typename List>
Status CheckType(const Tensor& t, const char* what) {
  return HasType(List(), t.dtype()) ? Status() : UnsupportedType(what, t.dtype());
}

// Inputs a and b have the same type.
Status CheckSameType(const Tensor& a, const Tensor& b);

// -rank <= axis < rank; *out counts from the front.
Status NormalizeAxis(int64_t axis, int rank, int* out);
// The same for a list, in which no axis may come twice. (*marked)[d]: d is in the list.
Status MarkAxes(const std::vector<int64_t>& axes, int rank, std::vector<bool>* marked);

// The elements of an int32 or int64 tensor of rank 0 or 1 ("what" names it).
Status ReadInts(const Tensor& t, const char* what, std::vector<int64_t>* out);

// At most MOSAIC_MAX_DIMS dimensions, none negative, at most kMaxTensorBytes (else LIMIT).
Status CheckShape(const Shape& shape, int dtype);
// A new tensor of a shape that is checked first.
Status NewTensor(const OpContext& c, int dtype, const Shape& shape, Tensor* out);

// The shape that numpy's broadcasting gives. Errors name both shapes.
Status BroadcastShapes(const Shape& a, const Shape& b, Shape* out);

// The result is the first input under another shape, which is checked first: no work is left for
// Run. REQUIRES: same number of elements.
Status SetView(OpContext& c, const Shape& shape);

// ---- batch rules (Op::Items) ----

// Elementwise with broadcasting: independent where every batched input has the output's rank and
// all others broadcast over dimension 0.
ItemRule ElementwiseItems(const OpContext& c);
// Independent where only the first input is batched and "separate" holds.
ItemRule FirstInputItems(const OpContext& c, bool separate = true);

}  // namespace mosaic
