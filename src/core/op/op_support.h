// What operators share: checks of their nodes and inputs, axes, and shapes.
//
// All messages are made to follow "node 'x' (Op): ".
#pragma once

#include <string>
#include <vector>

#include "core/op/op.h"
#include "core/tensor/element.h"

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
Status MakePlain(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kMinInputs, kMaxInputs));
  *out = std::make_unique<OpClass>();
  return Status();
}
// The factory of an op whose class takes its node.
template <typename OpClass, int kMinInputs, int kMaxInputs, int kMaxOutputs = 1>
Status MakeOf(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kMinInputs, kMaxInputs, kMaxOutputs));
  *out = std::make_unique<OpClass>(node);
  return Status();
}

// ---- checks for Infer ----

Status UnsupportedType(const char* what, int dtype);

template <typename List>
Status CheckType(int dtype, const char* what) {
  return HasType(List(), dtype) ? Status() : UnsupportedType(what, dtype);
}
// Inputs a and b have the same type.
Status CheckSameType(const InferContext& c, size_t a, size_t b);

// Input i, where it is given and its rank is known, has this shape ("what" names it). As
// InferContext::RequireEqual where that is not certain.
Status RequireShape(InferContext& c, size_t i, const std::string& what, const Dims& shape);
// An integer input is one number: of rank 0, or of one element where its rank is 1.
Status RequireScalar(InferContext& c, size_t i, const std::string& what);

// -rank <= axis < rank; *out counts from the front.
Status NormalizeAxis(int64_t axis, int rank, int* out);
// The same for a list, in which no axis may come twice. (*marked)[d]: d is in the list.
Status MarkAxes(const std::vector<int64_t>& axes, int rank, std::vector<bool>* marked);

// The elements of an int32 or int64 tensor of rank 0 or 1 ("what" names it).
Status ReadInts(const Tensor& t, const char* what, std::vector<int64_t>* out);

// At most MOSAIC_MAX_DIMS dimensions, none negative, at most kMaxTensorBytes (else LIMIT).
Status CheckShape(const Shape& shape, int dtype);

// The shape that numpy's broadcasting gives. Errors name both shapes.
Status BroadcastShapes(const Shape& a, const Shape& b, Shape* out);

// Output 0: type of input 0, the shape that inputs [0, count) broadcast to, and the items. Where a
// rank is not known, type only.
Status InferBroadcast(InferContext& c, int dtype);
// Output 0 is of the type, shape and items of input 0.
Status InferSame(InferContext& c);
Status InferSame(InferContext& c, int dtype);

}  // namespace mosaic
