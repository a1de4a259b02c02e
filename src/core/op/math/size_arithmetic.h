// Sizes that are computed from sizes: what the elementwise operators make of Fact::ints, as
// exporters compute the shapes of Reshape, Expand and Resize with them.
//
// A float32 or float64 value may be such a size too: it was cast from an integer and will be cast
// back. Sizes are below 2^24, so that nothing is rounded.
#pragma once

#include "core/op/infer.h"

namespace mosaic {

// The elements of input i as dimensions: as InferContext::Known, and of floating-point constants
// whose elements are whole.
bool KnownSizes(const InferContext& c, size_t i, Dims* out);

// States the elements of output 0 as f of those of the inputs, where they are known in symbols;
// the two operands broadcast. real: the inputs are floating point. f gives an unknown dimension
// where it has no result; then nothing is stated. REQUIRES: the shape of output 0 is set.
void FollowSizes(InferContext& c, Dim (*f)(const Dim& a, bool real));
void FollowSizes(InferContext& c, Dim (*f)(const Dim& a, const Dim& b, bool real));
// The same for any number of inputs, folded from the left.
void FoldSizes(InferContext& c, Dim (*f)(const Dim& a, const Dim& b, bool real));
// Element i of a list that broadcasts: one element stands for all.
inline const Dim& Repeated(const Dims& d, size_t i) { return d[d.size() == 1 ? 0 : i]; }
// The length that lists of these lengths broadcast to; false where they do not.
bool CommonLength(const Dims& a, const Dims& b, size_t* length);

}  // namespace mosaic
